package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// importer makes a model of a file.
type importer struct {
	meter   *meter
	file    *file
	options Options
	batch   int  // images in the file's own shapes: those that it was exported with, or 1
	whole   bool // for tests: no input has a batch, each is one image
	outside func(*tensorProto) ([]byte, error)

	values  map[string]operand
	missing map[string]string // names that nothing could be made of, and why; "" if that is said
	inputs  []*node
	items   []string // what cannot be imported

	stamp      int             // of the last walk through the nodes
	transposed map[string]bool // names that a Transpose reads
}

// converter makes nodes of an operator and sets its outputs by step.set.
type converter func(s *step) error

// converters are the operators that read values of the graph.
var converters map[string]converter

// run converts the whole graph.
func (im *importer) run() error {
	im.values, im.missing = map[string]operand{}, map[string]string{}
	if err := im.checkHeader(); err != nil {
		return err
	}
	if err := im.addInitializers(); err != nil {
		return err
	}
	if err := im.addInputs(); err != nil {
		return err
	}
	im.transposed = map[string]bool{}
	for _, n := range im.file.graph.nodes {
		if n.op == "Transpose" && len(n.in) > 0 {
			im.transposed[n.in[0]] = true
		}
	}
	for i := range im.file.graph.nodes {
		if err := im.convert(&im.file.graph.nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// The opsets that are read.
const (
	firstOpset = 7
	lastOpset  = 23
)

func (im *importer) checkHeader() error {
	g := &im.file.graph
	if v := im.file.opset; v < firstOpset || v > lastOpset {
		im.items = append(im.items, fmt.Sprintf("opset %d, want %d to %d", v, firstOpset, lastOpset))
	}
	if g.sparse {
		im.items = append(im.items, "sparse initializers")
	}
	if len(g.outputs) == 0 {
		return damaged("its graph has no outputs")
	}
	return nil
}

func (im *importer) addInitializers() error {
	for _, t := range im.file.graph.initializers {
		a, err := tensorArray(t, im.meter, im.outside)
		if err = im.refused(fmt.Sprintf("initializer %q", t.name), err); err != nil {
			return err
		}
		if a == nil {
			im.missing[t.name] = ""
			continue
		}
		if err := im.meter.take(tensorBytes); err != nil {
			return err
		}
		im.values[t.name] = operand{a: a}
	}
	return nil
}

// refused notes a refusal, and returns any other error.
func (im *importer) refused(title string, err error) error {
	var r refusal
	if err == nil || !errors.As(err, &r) {
		return err
	}
	if err := im.meter.take(int64(len(title) + len(r.text) + 16)); err != nil {
		return err
	}
	im.items = append(im.items, title+": "+r.text)
	return nil
}

// convert converts one node.
func (im *importer) convert(n *nodeProto) error {
	if err := im.meter.take(stepBytes); err != nil {
		return err
	}
	s := &step{nodeProto: n, im: im}
	fold := folders[n.op]
	to := converters[n.op]
	if n.domain != "" || fold == nil && to == nil {
		im.fail(n)
		return im.refused(n.title(), refusal{"no such operator here"})
	}
	constant, lost, err := s.read()
	if err = im.refused(n.title(), err); err != nil {
		return err
	}
	if lost {
		im.fail(n)
		return nil
	}
	if fold != nil && (constant || n.op == "Shape" || n.op == "Size" || to == nil) {
		var list []*array
		if list, err = fold(s); err == nil {
			for i, a := range list {
				s.set(i, operand{a: a})
			}
		}
	} else if to != nil {
		err = to(s)
	} else {
		err = refusal{"its inputs are constants"}
	}
	if err != nil {
		im.fail(n)
		return im.refused(n.title(), err)
	}
	if list := s.unknown(); len(list) > 0 {
		return im.refused(n.title(), refuse("attributes %q", list))
	}
	for i, name := range n.out {
		if _, ok := im.values[name]; !ok && name != "" {
			im.missing[name] = fmt.Sprintf("output %d of %s, which is not made", i, n.title())
		}
	}
	return nil
}

// read fills in the step's inputs. constant says that all are; lost, that one of them is nothing.
func (s *step) read() (constant, lost bool, err error) {
	constant = true
	for _, name := range s.nodeProto.in {
		if name == "" {
			s.in = append(s.in, operand{})
			continue
		}
		if why, ok := s.im.missing[name]; ok {
			lost = true
			if why != "" {
				err = refuse("input %q is %s", name, why)
			}
		}
		o, ok := s.im.values[name]
		if !ok && !lost {
			return false, true, damaged("%s reads %q, which nothing before it makes", s.title(), name)
		}
		constant = constant && o.v == nil
		s.in = append(s.in, o)
	}
	return constant, lost, err
}

// fail notes that nothing came of a node.
func (im *importer) fail(n *nodeProto) {
	for _, name := range n.out {
		im.missing[name] = ""
	}
}

// set gives output i a value.
func (s *step) set(i int, o operand) {
	if i < len(s.out) && s.out[i] != "" {
		s.im.values[s.out[i]] = o
	}
}

// done sets the first output to v.
func (s *step) done(v *value, err error) error {
	if err == nil {
		s.set(0, operand{v: v})
	}
	return err
}

// addInputs makes the graph's inputs.
func (im *importer) addInputs() error {
	var list []valueInfo
	for _, v := range im.file.graph.inputs {
		_, known := im.values[v.name]
		if _, lost := im.missing[v.name]; !known && !lost {
			list = append(list, v)
		}
	}
	im.batch = commonBatch(list)
	if im.whole {
		im.batch = 1
	}
	for _, v := range list {
		title := fmt.Sprintf("input %q", v.name)
		at, err := im.input(v)
		if err != nil {
			im.missing[v.name] = ""
			if err = im.refused(title, err); err != nil {
				return err
			}
			continue
		}
		im.values[v.name] = operand{v: at}
	}
	return nil
}

// commonBatch is the first dimension that inputs share if it is fixed, else 1.
func commonBatch(list []valueInfo) int {
	n := 0
	for _, v := range list {
		if len(v.dims) == 0 || len(v.dims) == 1 && isFloat(v.elem) {
			continue
		}
		if d := v.dims[0]; d < 1 || n > 0 && d != n {
			return 1
		}
		n = v.dims[0]
	}
	return max(n, 1)
}

// input makes one input.
func (im *importer) input(v valueInfo) (*value, error) {
	switch {
	case v.name == "":
		return nil, refuse("it has no name")
	case !v.rank || len(v.dims) > maxRank:
		return nil, refuse("its shape is not known")
	}
	if o := im.options.Shapes[v.name]; o != nil {
		v.dims = o
	}
	if v.elem == typeInt64 || v.elem == typeInt32 {
		return im.classInput(v)
	}
	if !isFloat(v.elem) {
		return nil, refuse("elements of type %d", v.elem)
	}
	dims, batched := v.dims, false
	if !im.whole && len(dims) > 0 && (len(dims) > 1 || dims[0] < 0) {
		if d := dims[0]; d > 0 && d != im.batch {
			return nil, refuse("a batch of %d, others have %d", d, im.batch)
		}
		dims, batched = dims[1:], true
	}
	for i, d := range dims {
		if d < 1 {
			return nil, refuse("dimension %d of %v is not fixed: give its shape", len(v.dims)-len(dims)+i, v.dims)
		}
	}
	if n, ok := elements(dims); !ok || n == 0 {
		return nil, refuse("a shape of %v", v.dims)
	}
	if slices.Contains(im.options.OneHot, v.name) {
		return im.oneHotInput(v.name, dims, batched)
	}
	return im.floatInput(v.name, dims, batched), nil
}

// floatInput makes an input of numbers: an image if it looks like one, else a vector.
func (im *importer) floatInput(name string, dims []int, batched bool) *value {
	order := make([]int, len(dims))
	for i := range order {
		order[i] = i
	}
	n, _ := elements(dims)
	shape := model.Flat(n)
	if len(dims) == 3 && dims[1]*dims[2] > 1 && dims[0]*dims[1] > 1 {
		switch {
		case dims[0] <= mostColors:
			shape, order = model.Shape{H: dims[1], W: dims[2], C: dims[0]}, []int{1, 2, 0}
		case channelsLast(dims):
			shape = model.Shape{H: dims[0], W: dims[1], C: dims[2]}
		}
	}
	at := &node{name: name, spec: model.Floats(shape)}
	im.inputs = append(im.inputs, at)
	return made(at, batched, dims, order...)
}

// channelsLast tells whether dimensions are more likely those of an image (H, W, C) than of (C, H,
// W).
func channelsLast(dims []int) bool {
	const least = 8 // rows and columns of an image; features of a latent may have fewer
	return dims[0] > mostColors && dims[2] <= mostColors && dims[2] != 2 && min(dims[0], dims[1]) >= least
}

// mostColors is how many channels an image can have.
const mostColors = 4

// classInput makes an input of one class an image. How many classes there are shows where it is
// used.
func (im *importer) classInput(v valueInfo) (*value, error) {
	for i, d := range v.dims {
		if d > 1 && (i > 0 || d != im.batch) {
			return nil, refuse("integers of %v, want one class an image", v.dims)
		}
	}
	at := &node{name: v.name, spec: model.Spec{Shape: model.Flat(1), Type: model.Type{Kind: model.Class}}}
	im.inputs = append(im.inputs, at)
	c := &value{batch: -1, at: at, class: true, dims: make([][]*atom, len(v.dims))}
	if len(v.dims) > 0 {
		c.batch = 0
	}
	return c, nil
}

// oneHotInput makes an input of one class an image of one that the file has as a vector.
func (im *importer) oneHotInput(name string, dims []int, batched bool) (*value, error) {
	n, _ := elements(dims)
	at := &node{name: name, spec: model.Spec{Shape: model.Flat(1), Type: model.Type{Kind: model.Class}}}
	im.inputs = append(im.inputs, at)
	to, err := im.embed(at, n, n, func(i int) float64 { return float64(truth(i/n == i%n)) })
	if err != nil {
		return nil, err
	}
	order := make([]int, len(dims))
	for i := range order {
		order[i] = i
	}
	return made(to, batched, dims, order...), nil
}

// embed makes a vector of n numbers for each class.
func (im *importer) embed(class *node, classes, n int, weight param) (*node, error) {
	if have := class.spec.Type.Classes; have != 0 && have != classes {
		return nil, refuse("%d classes of an input that has %d", classes, have)
	}
	if classes < 1 {
		return nil, refuse("%d classes", classes)
	}
	class.spec.Type.Classes = classes
	return im.add(model.Embedding{Dim: n}, []param{weight}, class)
}
