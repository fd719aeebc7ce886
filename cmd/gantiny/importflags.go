package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/internal/sniff"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/tflite"
	"github.com/gantiny/gantiny/weights"
)

type importFlags struct {
	out, pixels, layout, size, output, shapes, oneHot string
	graph, saveGraph, under, hidden, last             string
	bgr, half, json                                   bool
}

// add makes the flags known.
func (f *importFlags) add(fl *cli.FlagSet) {
	fl.StringVar(&f.out, "out", "", "the `MODEL.safetensors` to write").Letter = 'o'
	choice := func(p *string, name, value, usage string, of ...string) {
		fl.StringVar(p, name, value, usage).Complete = func() cli.Candidates { return cli.Fixed(of...) }
	}
	choice(&f.pixels, "range", "auto", "`RANGE` of the output's numbers, black and white: tanh (-1 to 1), sigmoid (0 to 1), 0..255, or none to leave them as they are", ranges...)
	choice(&f.layout, "layout", "auto", "`LAYOUT` of its images: nchw or nhwc", "auto", "nchw", "nhwc")
	fl.BoolVar(&f.bgr, "bgr", false, "its images have blue first")
	fl.StringVar(&f.size, "size", "", "`HxWxC` of its images, where the file makes vectors or leaves it open")
	fl.StringVar(&f.output, "output", "", "`NAME` of the only output that is wanted")
	fl.StringVar(&f.shapes, "shape", "", "shape of an input that the file leaves open, as in `x=1,3,64,64`; several with semicolons between")
	fl.StringVar(&f.oneHot, "one-hot", "", "`NAME` of an input that is a 1 among zeros, to be given as a class")
	toml := func() cli.Candidates { return cli.Candidates{Files: true, Extension: "toml"} }
	fl.StringVar(&f.graph, "graph", "", "`FILE.toml` with the network that the weights are of (docs/graph.md)").Complete = toml
	fl.StringVar(&f.saveGraph, "save-graph", "", "write the network that was found to `FILE.toml`").Complete = toml
	fl.StringVar(&f.under, "under", "", "`NAME` that the names of the wanted weights begin with, as in generator")
	choice(&f.hidden, "hidden", "", "`ACTIVATION` between the layers of a known family, as in relu or leakyrelu:0.2", weights.Activations()...)
	choice(&f.last, "last", "", "`ACTIVATION` at the end of a known family, as in tanh or sigmoid", weights.Activations()...)
	fl.BoolVar(&f.half, "half", false, "keep weights in half precision")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: model, out, inputs, outputs, parameters, macs; of weights family and assigned too")
}

var ranges = []string{"auto", "none", string(onnx.RangeTanh), string(onnx.RangeSigmoid), string(onnx.RangeBytes)}

// options checks the flags.
func (f *importFlags) options() (o onnx.Options, err error) {
	if !slices.Contains(ranges, f.pixels) {
		return o, usagef("--range %s: want one of %s", f.pixels, strings.Join(ranges, ", "))
	}
	if f.pixels != "auto" {
		o.Range = onnx.Range(f.pixels)
	}
	switch strings.ToLower(f.layout) {
	case "auto":
	case "nchw", "nhwc":
		o.Layout = strings.ToUpper(f.layout)
	default:
		return o, usagef("--layout %s: want auto, nchw or nhwc", f.layout)
	}
	if f.size != "" {
		size, err := numbers(f.size, "x")
		if err != nil || len(size) != 3 {
			return o, usagef("--size %s: want rows x columns x channels, as in 28x28x1", f.size)
		}
		o.Size = model.Shape{H: size[0], W: size[1], C: size[2]}
	}
	if f.shapes != "" {
		o.Shapes = map[string][]int{}
		for _, text := range strings.Split(f.shapes, ";") {
			name, list, _ := strings.Cut(text, "=")
			dims, err := numbers(list, ",")
			if err != nil || name == "" {
				return o, usagef("--shape %s: want a name and numbers, as in x=1,3,64,64", text)
			}
			o.Shapes[name] = dims
		}
	}
	if f.oneHot != "" {
		o.OneHot = []string{f.oneHot}
	}
	o.BGR, o.Output = f.bgr, f.output
	return o, nil
}

// fits checks that no flag was given that says nothing about a file of this format.
func (f *importFlags) fits(format sniff.Format) error {
	given := map[string]bool{
		"graph": f.graph != "", "save-graph": f.saveGraph != "", "under": f.under != "", "hidden": f.hidden != "", "last": f.last != "",
	}
	why := "holds its network"
	if format != sniff.ONNX && format != sniff.TFLite {
		given = map[string]bool{"layout": f.layout != "auto", "bgr": f.bgr, "output": f.output != "", "shape": f.shapes != "", "one-hot": f.oneHot != ""}
		why = "holds weights alone, whose network a --graph gives"
		if f.graph != "" {
			given["hidden"], given["last"], given["size"] = f.hidden != "", f.last != "", f.size != ""
		}
	}
	for _, name := range []string{"graph", "save-graph", "under", "hidden", "last", "layout", "bgr", "output", "shape", "one-hot", "size"} {
		if given[name] {
			return usagef("--%s: a file of %s %s", name, format, why)
		}
	}
	return nil
}

// load reads a file of a format. found says how a model came of weights.
func (f *importFlags) load(path string, format sniff.Format, o onnx.Options) (m *model.Model, found *weights.Found, err error) {
	switch format {
	case sniff.ONNX:
		m, err = o.Load(path)
	case sniff.TFLite:
		m, err = tflite.Options(o).Load(path)
	case sniff.PyTorch, sniff.NumPy, sniff.Safetensors:
		w := weights.Options{Range: o.Range, Under: f.under, Hidden: f.hidden, Last: f.last, Size: o.Size}
		if f.graph != "" {
			if w.Graph, err = os.ReadFile(f.graph); err != nil {
				return nil, nil, err
			}
		}
		m, found, err = w.Load(path)
	default:
		err = fmt.Errorf("no importer of %s", format)
	}
	return m, found, err
}

// numbers reads whole numbers above 0.
func numbers(text, between string) ([]int, error) {
	var list []int
	for _, s := range strings.Split(text, between) {
		v, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || v < 1 {
			return nil, fmt.Errorf("%q is no number above 0", s)
		}
		list = append(list, v)
	}
	return list, nil
}
