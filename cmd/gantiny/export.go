package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/export/csource"
	"github.com/gantiny/gantiny/export/npz"
	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/internal/atomicfile"
)

type exportFlags struct {
	out, name             string
	wasm                  string
	float, compress, json bool
	web, ddp              bool
	data                  string // of ddp
}

func newExport() *cli.Command {
	f := &exportFlags{}
	cmd := &cli.Command{
		Name:  "export",
		Args:  "[MODEL] -o FILE.onnx|.npz|.c, or --web -o DIR/, or --ddp RUN -o DIR/",
		Short: "Writes a model for ONNX Runtime, numpy, a microcontroller or a web page, or a run for PyTorch",
		Long: `export writes a model in a form that other programs read; the ending of FILE says which one. With no MODEL it is the one inside this program.

.onnx  ONNX, for ONNX Runtime and others: a model in 8-bit integers becomes a graph in QDQ form. 'gantiny import' reads it back to the same bits.
.npz   the weights by name, for numpy.
.c     one file of C99 that draws the same bytes on a microcontroller, of a generator in 8-bit integers. What it takes of flash and RAM is said first.

What cannot be written is listed at once.

--web writes the explorer page of 'gantiny serve' into a folder, as files for any web server, with the model and this program in WebAssembly:
the browser draws, and after loading nothing is fetched any more.

--ddp writes a run of 'gantiny train' into a folder: its last checkpoint, its images, and a PyTorch program, train_ddp.py, which continues it under
DistributedDataParallel with the same batches, noise and dropout. The folder is that of a run: 'gantiny train --out DIR --resume' takes over again.`,
		Example: `  gantiny export run1 -o generator.onnx
  gantiny quantize run1 -o small.safetensors
  gantiny export small.safetensors -o gen.c
  gantiny export run1 --web -o page/
  gantiny export --ddp run1 -o run1-torch/`,
		Check:    atMostOneModel,
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return runExport(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the `FILE` to write: .onnx, .npz or .c; with --web and --ddp the folder").Letter = 'o'
	fl.BoolVar(&f.float, "float", false, "write the model in floats where the file holds it in bytes too")
	fl.StringVar(&f.name, "name", "", "`NAME` in front of the functions of a .c file; without it, that of the file")
	fl.BoolVar(&f.compress, "compress", false, "compress a .npz file")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: model, out, format, form and, of a .c file, flash, ram, stack in bytes")
	fl.BoolVar(&f.web, "web", false, "write the explorer page, which draws in the browser, into the folder -o")
	fl.BoolVar(&f.ddp, "ddp", false, "write the run whose folder is given, and a PyTorch program that continues it, into the folder -o")
	fl.StringVar(&f.data, "data", "", "with --ddp: where the run's images are now, a `DIR` or another of the values that 'gantiny train' takes; by default as when it was trained")
	fl.StringVar(&f.wasm, "wasm", "", "take "+wasmFile+" and "+wasmExec+" from `DIR`, in place of those that packages install or those that Go builds in a clone")
	return cmd
}

// exportReport is what export --json prints; its names are a contract.
type exportReport struct {
	Model  string `json:"model"`
	Out    string `json:"out"`
	Format string `json:"format"` // onnx, npz or c
	Form   string `json:"form"`   // float32 or int8
	Flash  int    `json:"flash,omitempty"`
	RAM    int    `json:"ram,omitempty"`
	Stack  int    `json:"stack,omitempty"`
}

func (f *exportFlags) check(args []string) error {
	format := strings.ToLower(filepath.Ext(f.out))
	switch {
	case f.out == "":
		return usagef("-o: which file to write? or, with --web or --ddp, which folder?")
	case f.out == "-":
		return usagef("-o -: a model goes into a file, not to standard output")
	case format != ".onnx" && format != ".npz" && format != ".c":
		return usagef("-o %s: want a name that ends in .onnx, .npz or .c", f.out)
	case f.name != "" && format != ".c":
		return usagef("--name is for .c files")
	case f.wasm != "":
		return usagef("--wasm goes with --web")
	case f.data != "":
		return usagef("--data goes with --ddp")
	case f.compress && format != ".npz":
		return usagef("--compress is for .npz files")
	case f.float && format == ".c":
		return usagef("--float: a .c file is of a model in 8-bit integers")
	}
	var inputs []string
	if len(args) > 0 {
		inputs = append(inputs, modelPath(args[0]))
	}
	if err := checkNotInput("-o", f.out, inputs...); err != nil {
		return err
	}
	return checkFile("-o", f.out)
}

// runWeb is export --web.
func (f *exportFlags) runWeb(ctx context.Context, args []string, stderr io.Writer) error {
	if f.json || f.compress || f.name != "" || f.data != "" {
		return usagef("--web goes with -o, --float and --wasm only")
	}
	m, err := openNamed(ctx, args, f.float)
	if err != nil {
		return err
	}
	return exportWeb(ctx, m, f.out, f.wasm, stderr)
}

func runExport(ctx context.Context, f *exportFlags, args []string, stdout, stderr io.Writer) error {
	if f.ddp {
		return f.runDDP(ctx, args, stderr)
	}
	if f.web {
		return f.runWeb(ctx, args, stderr)
	}
	if err := f.check(args); err != nil {
		return err
	}
	n, err := openNamed(ctx, args, f.float)
	if err != nil {
		return err
	}
	format := strings.ToLower(filepath.Ext(f.out))
	r := exportReport{Model: n.name, Out: f.out, Format: format[1:], Form: n.form()}
	write := func(w io.Writer) error { return onnxwrite.Write(w, n.Model, onnxwrite.Options{Version: version()}) }
	switch format {
	case ".npz":
		write = func(w io.Writer) error { return npz.Write(w, n.Model, npz.Options{Compress: f.compress}) }
	case ".c":
		if write, err = f.program(n, &r, stderr); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(f.out, write); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err = fmt.Fprintf(stderr, "%s: %s in %s\n", f.out, n.name, n.form())
	return err
}

// program plans a C program and says what it takes.
func (f *exportFlags) program(n network, r *exportReport, stderr io.Writer) (func(io.Writer) error, error) {
	name := f.name
	if name == "" {
		name = identifier(strings.TrimSuffix(filepath.Base(f.out), filepath.Ext(f.out)))
	}
	p, err := csource.New(n.Model, csource.Options{Name: name, Version: version()})
	if errors.Is(err, csource.ErrFloat) {
		return nil, fmt.Errorf("%s: %w, with 'gantiny quantize %s -o small.safetensors'", n.name, err, display.Quote(n.name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	c := p.Cost()
	r.Flash, r.RAM, r.Stack = c.Flash(), c.RAM, c.Stack
	if !f.json {
		fmt.Fprintf(stderr, "flash %d bytes: %d of constants, %d of them for latents of a seed, and about %d of code; RAM %d bytes, and about %d of stack\n",
			c.Flash(), c.Data, c.Latents, c.Code, c.RAM, c.Stack)
	}
	return p.Write, nil
}

// identifier makes a name of C of a file's.
func identifier(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "gen_" + name
	}
	return name
}
