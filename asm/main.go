package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// operations are the output files: for each, what writes the operation for one instruction set.
var operations = []struct {
	file  string
	write func(*gen)
}{
	{"gemm", gemm},
	{"outer", outer},
	{"elementwise", elementwise},
	{"batchnorm", batchnorm},
	{"tanh", tanh},
	{"activation", activations},
	{"adam", adam},
	{"dropout", dropout},
	{"transform", transform},
	{"copy", copies},
	{"peak", peak},
	{"qgemm", qgemm},
	{"stage", stage},
	{"gather", gather},
	{"qpeak", qpeak},
	{"int16", int16s},
	{"bytes", bytesKernels},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: asm DIR (where package simd lives)")
	}
	if err := generate(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// generate writes every file below dir.
func generate(dir string) error {
	stubs := ir.NewFile()
	for _, op := range operations {
		ctx := build.NewContext()
		ctx.ConstraintExpr("!purego")
		literals := map[string]operand.Mem{}
		for _, set := range sets {
			op.write(&gen{Context: ctx, isa: set, file: op.file, literals: literals})
		}
		f, err := ctx.Result()
		if err != nil {
			return fmt.Errorf("%s: %w", op.file, err)
		}
		if err := pass.Compile.Execute(f); err != nil {
			return fmt.Errorf("%s: %w", op.file, err)
		}
		stubs.Constraints = f.Constraints
		for _, fn := range f.Functions() {
			stubs.AddSection(fn)
		}
		cfg := printer.Config{Name: "asm/" + op.file + ".go", Pkg: "simd"}
		if err := write(dir, op.file+"_amd64.s", printer.NewGoAsm(cfg), f); err != nil {
			return err
		}
	}
	if err := write(dir, "stubs_amd64.go", printer.NewStubs(printer.Config{Name: "asm", Pkg: "simd"}), stubs); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "blocks_amd64.go"), blockSource(), 0o644)
}

func write(dir, name string, p printer.Printer, f *ir.File) error {
	text, err := p.Print(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name), text, 0o644)
}
