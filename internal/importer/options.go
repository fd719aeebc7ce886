package importer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

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

// check returns an error unless the options are known and name inputs that the graph has.
func (o Options) check(g *ir.Graph) error {
	if !slices.Contains(allRanges, o.Range) {
		return fmt.Errorf("no range %q", string(o.Range))
	}
	if !slices.Contains([]string{"", "NCHW", "NHWC"}, o.Layout) {
		return fmt.Errorf("no layout %q", o.Layout)
	}
	for _, name := range slices.Concat(o.OneHot, slices.Sorted(maps.Keys(o.Shapes))) {
		if !slices.ContainsFunc(g.Inputs, func(v ir.Info) bool { return v.Name == name }) {
			return fmt.Errorf("no input %q", name)
		}
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
		return nil, &ir.UnsupportedError{Items: im.items}
	}
	im.sorted(outputs)
	inputs := slices.DeleteFunc(slices.Clone(im.inputs), func(n *node) bool { return n.stamp != im.stamp })
	if len(inputs) == 0 {
		return nil, &ir.UnsupportedError{Items: []string{"its outputs depend on no input"}}
	}
	name := im.file.Graph.Name
	if name == "" {
		name = "imported"
	}
	m, err := im.build(name, inputs, outputs)
	if err != nil {
		return nil, err
	}
	names, err := im.names(ir.KeyClasses)
	for _, n := range inputs {
		if n.spec.Type.Kind == model.Class && len(names) <= n.spec.Type.Classes {
			m.ClassNames = names
		}
	}
	return m, err
}

// Model makes a model of a graph, of whose values m takes account. outside reads tensors that stand
// in other files, nil where there are none.
func (o Options) Model(f *ir.File, m *ir.Meter, outside func(*ir.Tensor) ([]byte, error)) (*model.Model, error) {
	if err := o.check(&f.Graph); err != nil {
		return nil, err
	}
	im := &importer{file: f, meter: m, options: o, outside: outside}
	if err := im.run(); err != nil {
		return nil, err
	}
	return im.model()
}
