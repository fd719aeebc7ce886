package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// importer makes a model of a graph.
type importer struct {
	meter   *ir.Meter
	file    *ir.File
	options Options
	batch   int  // images in the file's own shapes: those that it was exported with, or 1
	whole   bool // for tests: no input has a batch, each is one image
	outside func(*ir.Tensor) ([]byte, error)

	values  map[string]operand
	missing map[string]string // names that nothing could be made of, and why; "" if that is said
	guessed map[string]bool   // names whose values are not those of the file, for something is refused
	inputs  []*node
	images  map[string]bool // inputs that the file says are images (C, H, W)
	items   []string        // what cannot be imported

	functions  map[functionKey]*ir.Function
	calls      int             // of functions, one in the other
	stamp      int             // of the last walk through the nodes
	transposed map[string]bool // names that a Transpose reads
}

// converter makes nodes of an operator and sets its outputs by step.set.
type converter func(s *step) error

// converters are the operators that read values of the graph.
var converters map[string]converter

// run converts the whole graph.
func (im *importer) run() error {
	im.values, im.missing, im.guessed = map[string]operand{}, map[string]string{}, map[string]bool{}
	if err := im.checkHeader(); err != nil {
		return err
	}
	im.transposed = map[string]bool{}
	im.addFunctions()
	g := &im.file.Graph
	if err := im.addInitializers(g.Initializers); err != nil {
		return err
	}
	if err := im.addInputs(); err != nil {
		return err
	}
	return im.convertAll(g.Nodes)
}

// convertAll converts nodes, each after those that it reads.
func (im *importer) convertAll(nodes []ir.Node) error {
	for _, n := range nodes {
		if n.Op == "Transpose" && len(n.In) > 0 {
			im.transposed[n.In[0]] = true
		}
	}
	for i := range nodes {
		if err := im.convert(&nodes[i]); err != nil {
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
	g := &im.file.Graph
	if v := im.file.Opset; v < firstOpset || v > lastOpset {
		im.items = append(im.items, fmt.Sprintf("opset %d, want %d to %d", v, firstOpset, lastOpset))
	}
	if g.Sparse {
		im.items = append(im.items, "sparse initializers")
	}
	if len(g.Outputs) == 0 {
		return ir.Damaged("its graph has no outputs")
	}
	return nil
}

func (im *importer) addInitializers(list []*ir.Tensor) error {
	for _, t := range list {
		a, err := tensorArray(t, im.meter, im.outside)
		if err = im.refused(fmt.Sprintf("initializer %q", t.Name), err); err != nil {
			return err
		}
		if a == nil {
			im.missing[t.Name] = ""
			continue
		}
		if err := im.meter.Take(ir.TensorBytes); err != nil {
			return err
		}
		im.values[t.Name] = operand{a: a}
	}
	return nil
}

// refused notes a refusal, and returns any other error.
func (im *importer) refused(title string, err error) error {
	var r ir.Refusal
	if err == nil || !errors.As(err, &r) {
		return err
	}
	if err := im.meter.Take(int64(len(title) + len(r.Text) + 16)); err != nil {
		return err
	}
	im.items = append(im.items, title+": "+r.Text)
	return nil
}

// convert converts one node.
func (im *importer) convert(n *ir.Node) error {
	if err := im.meter.Take(ir.StepBytes); err != nil {
		return err
	}
	s := &step{Node: n, im: im}
	constant, lost, err := s.read()
	if err = im.refused(n.Title(), err); err != nil {
		return err
	}
	function := im.function(n)
	why := s.unknown(function)
	switch {
	case why != "":
		im.fail(s)
		return im.refused(n.Title(), ir.RefusePlain("%s", why))
	case lost:
		im.fail(s)
		return nil
	case function != nil:
		return im.call(s, function)
	case n.Op == "If":
		err = im.branch(s)
	default:
		err = s.compute(constant)
	}
	if err != nil {
		im.fail(s)
		return im.refusedOf(s, err)
	}
	return im.settle(s)
}

// unknown says why nothing can be made of a node, "" if something can.
func (s *step) unknown(function *ir.Function) string {
	_, folds := folders[s.Op]
	_, converts := converters[s.Op]
	switch {
	case s.Refused != "":
		return s.Refused
	case function != nil:
		return ""
	case s.Domain != "" || !folds && !converts && s.Op != "If":
		return "no such operator here"
	}
	return ""
}

// compute makes the outputs of an operator of ONNX.
func (s *step) compute(constant bool) error {
	fold, to := folders[s.Op], converters[s.Op]
	if to != nil && (fold == nil || !constant && s.Op != "Shape" && s.Op != "Size") {
		return to(s)
	}
	list, err := fold(s)
	if err != nil {
		return err
	}
	for i, a := range list {
		s.set(i, operand{a: a})
	}
	return nil
}

// settle looks at what a node has left: attributes that nobody has read, outputs that nothing is
// made of.
func (im *importer) settle(s *step) error {
	if list := s.unread(); len(list) > 0 {
		return im.refusedOf(s, ir.RefusePlain("attributes %q", list))
	}
	for i, name := range s.Out {
		if _, ok := im.values[name]; !ok && name != "" {
			im.missing[name] = fmt.Sprintf("output %d of %s, which is not made", i, s.Title())
		}
		if s.guessed {
			im.guessed[name] = true
		}
	}
	return nil
}

// read fills in the step's inputs. constant says that all are; lost, that one of them is nothing.
func (s *step) read() (constant, lost bool, err error) {
	constant = true
	for _, name := range s.Node.In {
		if name == "" {
			s.in = append(s.in, operand{})
			continue
		}
		s.guessed = s.guessed || s.im.guessed[name]
		if why, ok := s.im.missing[name]; ok {
			lost = true
			if why != "" {
				err = ir.Refuse("input %q is %s", name, why)
			}
		}
		o, ok := s.im.values[name]
		if !ok && !lost {
			return false, true, ir.Damaged("%s reads %q, which nothing before it makes", s.Title(), name)
		}
		constant = constant && o.v == nil
		s.in = append(s.in, o)
	}
	return constant, lost, err
}

// fail notes that nothing came of a node. What reads it is looked at all the same where it can be,
// for the list of what cannot be imported: as if the node had left its first input as it was.
func (im *importer) fail(s *step) {
	v := s.get(0).v
	for _, name := range s.Out {
		if v == nil || v.class || v.quantized != nil {
			im.missing[name] = ""
			continue
		}
		im.values[name] = operand{v: v}
		im.guessed[name] = true
	}
}

// refusedOf notes a refusal of a node. That of one whose inputs are guessed counts only if it holds
// for any input.
func (im *importer) refusedOf(s *step, err error) error {
	var r ir.Refusal
	if s.guessed && errors.As(err, &r) && !r.Plain {
		return nil
	}
	return im.refused(s.Title(), err)
}

// set gives output i a value.
func (s *step) set(i int, o operand) {
	if i < len(s.Out) && s.Out[i] != "" {
		s.im.values[s.Out[i]] = o
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
	if err := im.addImages(); err != nil {
		return err
	}
	var list []ir.Info
	for _, v := range im.file.Graph.Inputs {
		_, known := im.values[v.Name]
		if _, lost := im.missing[v.Name]; !known && !lost {
			list = append(list, v)
		}
	}
	im.batch = commonBatch(list)
	if im.whole {
		im.batch = 1
	}
	for _, v := range list {
		title := fmt.Sprintf("input %q", v.Name)
		at, err := im.input(v)
		if err != nil {
			im.missing[v.Name] = ""
			if err = im.refused(title, err); err != nil {
				return err
			}
			continue
		}
		im.values[v.Name] = operand{v: at}
	}
	return nil
}

// addImages reads which inputs are images.
func (im *importer) addImages() error {
	names, err := im.names(ir.KeyImages)
	im.images = map[string]bool{}
	for _, name := range names {
		im.images[name] = true
	}
	return err
}

// names reads a list of names in the metadata.
func (im *importer) names(key string) (list []string, err error) {
	text := im.file.Meta[key]
	if text == "" {
		return nil, nil
	}
	if err := im.meter.Take(int64(16 * len(text))); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, ir.Damaged("its metadata %s: %v", key, err)
	}
	return list, nil
}

// commonBatch is the first dimension that inputs share if it is fixed, else 1.
func commonBatch(list []ir.Info) int {
	n := 0
	for _, v := range list {
		if len(v.Dims) == 0 || len(v.Dims) == 1 && ir.IsFloat(v.Type) {
			continue
		}
		if d := v.Dims[0]; d < 1 || n > 0 && d != n {
			return 1
		}
		n = v.Dims[0]
	}
	return max(n, 1)
}

// input makes one input.
func (im *importer) input(v ir.Info) (*value, error) {
	switch {
	case v.Name == "":
		return nil, ir.Refuse("it has no name")
	case !v.Rank || len(v.Dims) > ir.MaxRank:
		return nil, ir.Refuse("its shape is not known")
	}
	if o := im.options.Shapes[v.Name]; o != nil {
		v.Dims = o
	}
	if v.Type == ir.TypeInt64 || v.Type == ir.TypeInt32 {
		return im.classInput(v)
	}
	if !ir.IsFloat(v.Type) {
		return nil, ir.Refuse("elements of type %d", v.Type)
	}
	dims, batched := v.Dims, false
	if !im.whole && len(dims) > 0 && (len(dims) > 1 || dims[0] < 0) {
		if d := dims[0]; d > 0 && d != im.batch {
			return nil, ir.Refuse("a batch of %d, others have %d", d, im.batch)
		}
		dims, batched = dims[1:], true
	}
	for i, d := range dims {
		if d < 1 {
			return nil, ir.Refuse("dimension %d of %v is not fixed: give its shape", len(v.Dims)-len(dims)+i, v.Dims)
		}
	}
	if n, ok := ir.Elements(dims); !ok || n == 0 {
		return nil, ir.Refuse("a shape of %v", v.Dims)
	}
	if slices.Contains(im.options.OneHot, v.Name) {
		return im.oneHotInput(v.Name, dims, batched)
	}
	return im.floatInput(v.Name, dims, batched), nil
}

// floatInput makes an input of numbers: an image if it looks like one, else a vector.
func (im *importer) floatInput(name string, dims []int, batched bool) *value {
	order := make([]int, len(dims))
	for i := range order {
		order[i] = i
	}
	n, _ := ir.Elements(dims)
	shape := model.Flat(n)
	if len(dims) == 3 && dims[1]*dims[2] > 1 && (dims[0]*dims[1] > 1 || im.images[name]) {
		switch {
		case im.file.ChannelsLast && !im.images[name]:
			if dims[2] <= mostColors {
				shape = model.Shape{H: dims[0], W: dims[1], C: dims[2]}
			}
		case dims[0] <= mostColors || im.images[name]:
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
func (im *importer) classInput(v ir.Info) (*value, error) {
	for i, d := range v.Dims {
		if d > 1 && (i > 0 || d != im.batch) {
			return nil, ir.Refuse("integers of %v, want one class an image", v.Dims)
		}
	}
	at := &node{name: v.Name, spec: model.Spec{Shape: model.Flat(1), Type: model.Type{Kind: model.Class}}}
	im.inputs = append(im.inputs, at)
	c := &value{batch: -1, at: at, class: true, dims: make([][]*atom, len(v.Dims))}
	if len(v.Dims) > 0 {
		c.batch = 0
	}
	return c, nil
}

// oneHotInput makes an input of one class an image of one that the file has as a vector.
func (im *importer) oneHotInput(name string, dims []int, batched bool) (*value, error) {
	n, _ := ir.Elements(dims)
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
		return nil, ir.Refuse("%d classes of an input that has %d", classes, have)
	}
	if classes < 1 {
		return nil, ir.Refuse("%d classes", classes)
	}
	class.spec.Type.Classes = classes
	return im.add(model.Embedding{Dim: n}, []param{weight}, class)
}
