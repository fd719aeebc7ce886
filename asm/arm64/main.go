package main

import "github.com/gantiny/gantiny/asm/internal/goasm"

// operations are the output files, less their suffix.
var operations = []struct {
	file  string
	write func(*file)
}{
	{"gemm", gemm},
	{"outer", outer},
	{"elementwise", elementwise},
	{"tanh", tanh},
	{"activation", activations},
	{"batchnorm", batchnorm},
	{"dropout", dropout},
	{"transform", transform},
	{"peak", peak},
	{"qgemm", qgemm},
	{"gather", gather},
	{"qpeak", qpeak},
	{"bytes", bytes},
}

func main() {
	goasm.Main("arm64", func(o *goasm.Output) {
		for _, b := range blocks {
			o.Struct(b.Name, b.Doc, b.Fields)
		}
		for _, op := range operations {
			op.write(&file{o.File(op.file)})
		}
	})
}
