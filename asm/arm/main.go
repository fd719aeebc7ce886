package main

import "github.com/gantiny/gantiny/asm/internal/goasm"

// operations are the output files, less their suffix.
var operations = []struct {
	file  string
	write func(*file)
}{
	{"gemm", gemm},
	{"transform", transform},
	{"peak", peak},
	{"qgemm", qgemm},
	{"qpeak", qpeak},
}

func main() {
	goasm.Main("arm", func(o *goasm.Output) {
		for _, b := range blocks {
			o.Struct(b.Name, b.Doc, b.Fields)
		}
		for _, op := range operations {
			op.write(&file{o.File(op.file)})
		}
	})
}
