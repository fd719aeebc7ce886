package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
)

func init() {
	gantiny.RegisterFormat(".onnx", "", Read)
}

// Options say what a file does not. The zero Options suit most generators.
type Options struct {
	Range  Range            // of the first output's numbers, if it is an image
	Layout string           // of the outputs: "NCHW" or "NHWC"; by their shapes if empty
	BGR    bool             // whether the first output has blue first
	Size   model.Shape      // of the first output's image, where the file has a vector
	Output string           // the only output that is wanted, if not empty
	Shapes map[string][]int // of inputs, the batch first, where the file leaves dimensions open
	OneHot []string         // inputs that are a 1 among zeros, which become inputs of classes
}

// Read makes a model of an ONNX file in memory, to which nothing may write while it does. Inputs
// keep their names; an input of integers is one class an image; an input or output (C, H, W) of at
// most four channels becomes an image, every other one a vector in the file's order. The first
// output, if it is an image, has the range -1 to 1 that package model expects.
//
// Errors wrap ErrFormat for a file that is damaged and ErrUnsupported, with a list of everything,
// for one that cannot be imported.
func Read(b []byte) (*model.Model, error) { return Options{}.Read(b) }

// Load is Read of the file at path, whose weights may stand in other files beside it.
func Load(path string) (*model.Model, error) { return Options{}.Load(path) }

// Read is the function Read with options.
func (o Options) Read(b []byte) (*model.Model, error) {
	return o.read(b, func(t *tensorProto) ([]byte, error) {
		return nil, refuse("tensor %q stands in another file, %q, which Load and 'gantiny import' read", t.name, t.external["location"])
	})
}

// Load is the function Load with options.
func (o Options) Load(path string) (*model.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	e := &external{dir: filepath.Dir(path)}
	defer e.close()
	return o.read(b, e.tensor)
}

func (o Options) read(b []byte, outside func(*tensorProto) ([]byte, error)) (*model.Model, error) {
	im := &importer{meter: newMeter(len(b)), options: o, outside: outside}
	if err := o.check(); err != nil {
		return nil, err
	}
	var err error
	if im.file, err = parse(b, &im.meter); err != nil {
		return nil, err
	}
	if err := im.run(); err != nil {
		return nil, err
	}
	return im.model()
}

// check returns an error unless the options are known.
func (o Options) check() error {
	if !slices.Contains(allRanges, o.Range) {
		return fmt.Errorf("onnx: no range %q", string(o.Range))
	}
	if !slices.Contains([]string{"", "NCHW", "NHWC"}, o.Layout) {
		return fmt.Errorf("onnx: no layout %q", o.Layout)
	}
	return nil
}

// model makes the model of what run has left.
func (im *importer) model() (*model.Model, error) {
	outputs, err := im.outputs()
	if err != nil {
		return nil, err
	}
	if outputs, err = im.optimized(outputs); err != nil {
		if err = im.refused("graph", err); err != nil {
			return nil, err
		}
		return nil, &UnsupportedError{im.items}
	}
	im.sorted(outputs)
	inputs := slices.DeleteFunc(slices.Clone(im.inputs), func(n *node) bool { return n.stamp != im.stamp })
	if len(inputs) == 0 {
		return nil, &UnsupportedError{[]string{"its outputs depend on no input"}}
	}
	name := im.file.graph.name
	if name == "" {
		name = "imported"
	}
	m, err := im.build(name, inputs, outputs)
	if err != nil {
		return nil, err
	}
	m.Provenance.Command = "import of ONNX by " + im.file.producer
	names, err := im.names(keyClasses)
	for _, n := range inputs {
		if n.spec.Type.Kind == model.Class && len(names) <= n.spec.Type.Classes {
			m.ClassNames = names
		}
	}
	return m, err
}
