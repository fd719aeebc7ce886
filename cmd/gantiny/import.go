package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/sniff"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
)

type importFlags struct {
	out, pixels, layout, size, output, shapes, oneHot string
	bgr, half, json                                   bool
}

func newImport() *cli.Command {
	f := &importFlags{}
	cmd := &cli.Command{
		Name:  "import",
		Args:  "FILE.onnx -o MODEL.safetensors",
		Short: "Makes a model of an ONNX file",
		Long: `import makes a model of a generator, a decoder or a small discriminator in ONNX, as PyTorch, Keras and others export it.

What the file does not say is guessed, and can be given: the range of its pixels, its layout, its order of colors. Everything that gantiny
cannot run is listed at once. Other commands take an ONNX file as their MODEL too, with what is guessed.`,
		Example: `  gantiny import generator.onnx -o generator.safetensors
  gantiny import vae.onnx --range sigmoid --size 28x28x1 -o vae.safetensors`,
		Check: func(args []string) error {
			if len(args) != 1 {
				return usagef("wants one FILE.onnx, got %d", len(args))
			}
			return nil
		},
		Complete: func(before []string) cli.Candidates {
			return cli.Candidates{Files: len(before) == 0, Extension: "onnx"}
		},
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return runImport(ctx, f, args[0], cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the `MODEL.safetensors` to write").Letter = 'o'
	choice := func(p *string, name, value, usage string, of ...string) {
		fl.StringVar(p, name, value, usage).Complete = func() cli.Candidates { return cli.Fixed(of...) }
	}
	choice(&f.pixels, "range", "auto", "`RANGE` of the output's numbers, black and white: tanh (-1 to 1), sigmoid (0 to 1), 0..255, or none to leave them as they are", ranges...)
	choice(&f.layout, "layout", "auto", "`LAYOUT` of its images: nchw or nhwc", "auto", "nchw", "nhwc")
	fl.BoolVar(&f.bgr, "bgr", false, "its images have blue first")
	fl.StringVar(&f.size, "size", "", "`HxWxC` of its images, where the file makes vectors")
	fl.StringVar(&f.output, "output", "", "`NAME` of the only output that is wanted")
	fl.StringVar(&f.shapes, "shape", "", "shape of an input that the file leaves open, as in `x=1,3,64,64`; several with semicolons between")
	fl.StringVar(&f.oneHot, "one-hot", "", "`NAME` of an input that is a 1 among zeros, to be given as a class")
	fl.BoolVar(&f.half, "half", false, "keep weights in half precision")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: model, out, inputs, outputs, parameters, macs")
	return cmd
}

var ranges = []string{"auto", "none", string(onnx.RangeTanh), string(onnx.RangeSigmoid), string(onnx.RangeBytes)}

// options checks the flags.
func (f *importFlags) options() (o onnx.Options, err error) {
	known := false
	for _, r := range ranges {
		known = known || r == f.pixels
	}
	if !known {
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

func runImport(ctx context.Context, f *importFlags, path string, stdout, stderr io.Writer) error {
	o, err := f.options()
	switch {
	case err != nil:
		return err
	case f.out == "":
		return usagef("-o: which file to write?")
	case f.out == "-":
		return usagef("-o -: a model goes into a file, not to standard output")
	}
	if err := checkNotInput("-o", f.out, path); err != nil {
		return err
	}
	if err := checkFile("-o", f.out); err != nil {
		return err
	}
	if err := sniff.Model(path); isONNX(path) && err != nil {
		return err
	}
	m, err := unlessStopped(ctx, func() (*model.Model, error) { return o.Load(path) })
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	m.Provenance.Version = version()
	if err := m.Save(f.out, model.SaveOptions{Half: f.half}); err != nil {
		return err
	}
	return f.report(imported{path, f.out, portsOf(m.Inputs()), portsOf(m.Outputs()), m.Parameters(), macsOf(m)}, stdout, stderr)
}

// imported is what import --json prints; its names are a contract.
type imported struct {
	Model      string   `json:"model"`
	Out        string   `json:"out"`
	Inputs     []string `json:"inputs"` // "z 100", "label 1 class of 10"
	Outputs    []string `json:"outputs"`
	Parameters int      `json:"parameters"`
	MACs       int64    `json:"macs"` // of one image
}

func portsOf(list []model.Port) (out []string) {
	for _, p := range list {
		out = append(out, p.Name+" "+p.Spec.String())
	}
	return out
}

func macsOf(m *model.Model) int64 {
	exact, _ := m.MACs()
	return exact
}

func (f *importFlags) report(r imported, stdout, stderr io.Writer) error {
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err := fmt.Fprintf(stderr, "%s: %s to %s, %s\n", r.Out, strings.Join(r.Inputs, ", "), strings.Join(r.Outputs, ", "), display.Plural(r.Parameters, "parameter"))
	return err
}
