package onnxwrite

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// exporter turns a graph into ONNX's nodes.
type exporter struct {
	m      *model.Model
	info   model.GraphInfo
	params map[string]*model.Param

	values map[string]value // by the names that the model's graph has
	taken  map[string]bool  // names in the file
	nodes  [][]byte
	consts [][]byte
	known  map[string]string // constants by content
	items  []string          // what ONNX cannot hold
}

// value is a value of the model and its name in the file. A vector is (N, C), an image (N, C, H,
// W), a class (N).
type value struct {
	name string
	model.Spec
}

// rule writes the nodes of one operator and returns the name of what they make, in the form that a
// value of the node's output has.
type rule func(s *step) string

// rules has a rule for each kind of operator; all is the parts in which the files of this package
// hold them.
func rules() map[string]rule {
	all := map[string]rule{}
	for _, part := range []map[string]rule{linearRules, activationRules, normRules, moveRules, int8Rules} {
		for kind, r := range part {
			all[kind] = r
		}
	}
	return all
}

// step is one node of the model on its way.
type step struct {
	*exporter
	model.LayerInfo
	in   []value
	made int // names
}

func newExporter(m *model.Model, params []*model.Param) *exporter {
	e := &exporter{
		m: m, info: m.Graph(), params: map[string]*model.Param{},
		values: map[string]value{}, taken: map[string]bool{}, known: map[string]string{},
	}
	for _, p := range params {
		e.params[p.Name] = p
	}
	for _, p := range m.Inputs() {
		e.taken[p.Name] = true
		e.values[p.Name] = value{p.Name, p.Spec}
	}
	for _, n := range e.info.Nodes {
		e.taken[n.Name] = true
	}
	return e
}

// run writes all nodes, and the outputs' own.
func (e *exporter) run() {
	all := rules()
	for _, n := range e.info.Nodes {
		r := all[n.Op.Kind()]
		if r == nil {
			e.items = append(e.items, fmt.Sprintf("layer %s (%s): ONNX has no such operator", n.Name, n.Op.Kind()))
			e.values[n.Name] = value{n.Name, n.Out}
			continue
		}
		s := &step{exporter: e, LayerInfo: n}
		for _, name := range n.Inputs {
			s.in = append(s.in, e.values[name])
		}
		e.values[n.Name] = value{r(s), n.Out}
	}
	for i, name := range e.info.Outputs {
		if v := e.values[name]; v.Type.Kind != model.Float32 && v.Type.Kind != model.Pixel {
			e.items = append(e.items, fmt.Sprintf("output %d: it is %v", i, v.Spec))
		}
	}
}

// refuse notes what ONNX cannot hold of a node, and returns a name that nothing makes.
func (s *step) refuse(format string, args ...any) string {
	s.items = append(s.items, fmt.Sprintf("layer %s (%s): %s", s.Name, s.Op.Kind(), fmt.Sprintf(format, args...)))
	return s.Name
}

// encode returns the GraphProto.
func (e *exporter) encode() []byte {
	outputs := e.outputs()
	var b []byte
	for _, n := range e.nodes {
		b = appendBytes(b, 1, n)
	}
	b = appendText(b, 2, e.m.Name)
	for _, c := range e.consts {
		b = appendBytes(b, 5, c)
	}
	for _, p := range e.m.Inputs() {
		typ := typeFloat
		if p.Type.Kind == model.Class {
			typ = typeInt64
		}
		b = appendBytes(b, 11, valueInfo(p.Name, typ, dims(p.Spec)))
	}
	for _, o := range outputs {
		b = appendBytes(b, 12, o)
	}
	return b
}

// outputs encodes the outputs. One that is an input's name or another output's gets a node.
func (e *exporter) outputs() (list [][]byte) {
	used := map[string]bool{}
	for _, p := range e.m.Inputs() {
		used[p.Name] = true
	}
	for i, p := range e.m.Outputs() {
		v := e.values[e.info.Outputs[i]]
		name := v.name
		if used[name] || name != p.Name && !e.isTaken(p.Name, v) {
			name = p.Name
			if used[name] || e.isTaken(name, v) {
				name = e.fresh(p.Name)
			}
			e.taken[name] = true
			e.nodes = append(e.nodes, node(name, "Identity", []string{v.name}, []string{name}, nil))
		}
		used[name] = true
		list = append(list, valueInfo(name, typeFloat, dims(v.Spec)))
	}
	return list
}

// isTaken tells whether something else than v has the name in the file.
func (e *exporter) isTaken(name string, v value) bool {
	if v.name == name {
		return false
	}
	for _, o := range e.values {
		if o.name == name {
			return true
		}
	}
	return false
}

// dims are the dimensions of a value behind the batch's.
func dims(s model.Spec) []int {
	switch {
	case s.Type.Kind == model.Class:
		return nil
	case s.Shape.IsFlat():
		return []int{s.Shape.C}
	}
	return []int{s.Shape.C, s.Shape.H, s.Shape.W}
}

// fresh returns a name that nothing in the file has, made of another.
func (e *exporter) fresh(base string) string {
	for i := 1; ; i++ {
		if name := fmt.Sprintf("%s.%d", base, i); !e.taken[name] {
			e.taken[name] = true
			return name
		}
	}
}

// constant adds a constant, or finds one of the same content. A parameter keeps its name.
func (e *exporter) constant(name string, typ int, dims []int, raw []byte) string {
	key := ""
	if len(raw) <= 64 {
		key = fmt.Sprint(typ, dims, string(raw))
		if known := e.known[key]; known != "" {
			return known
		}
	}
	if e.taken[name] || name == "" {
		name = e.fresh(name)
	}
	e.taken[name] = true
	if key != "" {
		e.known[key] = name
	}
	e.consts = append(e.consts, tensor(name, typ, dims, raw))
	return name
}

func (s *step) floats(name string, dims []int, x ...float32) string {
	return s.constant(s.Name+"."+name, typeFloat, dims, rawFloats(x))
}

func (s *step) ints(name string, x ...int) string {
	return s.constant(s.Name+"."+name, typeInt64, []int{len(x)}, rawInts(x))
}

// scalar is a constant of one number.
func (s *step) scalar(x float64) string { return s.floats("constant", nil, float32(x)) }

// param returns parameter i's values.
func (s *step) param(i int) *model.Param { return s.params[s.Params[i].Name] }

// paramName is the name of parameter i in the file.
func (s *step) paramName(i int) string { return s.Params[i].Name[len(s.Name)+1:] }

// vector adds parameter i, a value a channel, as it is.
func (s *step) vector(i int) string {
	p := s.param(i)
	return s.floats(s.paramName(i), p.Shape, p.Data...)
}

// add adds a node whose output has a name of its own.
func (s *step) add(op string, in []string, attrs ...attr) string {
	s.made++
	name := s.fresh(s.Name)
	s.nodes = append(s.nodes, node(name, op, in, []string{name}, attrs))
	return name
}

// on adds a node of one input.
func (s *step) on(op, x string, attrs ...attr) string { return s.add(op, []string{x}, attrs...) }

// reshaped gives the dimensions behind the batch's other sizes.
func (s *step) reshaped(x string, to ...int) string {
	return s.add("Reshape", []string{x, s.ints("shape", slices.Concat([]int{0}, to)...)})
}

// image returns a value as (N, C, H, W).
func (s *step) image(v value) string {
	if !v.Shape.IsFlat() {
		return v.name
	}
	return s.reshaped(v.name, v.Shape.C, 1, 1)
}

// fromImage returns the name of a value of shape to that lies as (N, C, H, W).
func (s *step) fromImage(name string, to model.Shape) string {
	if !to.IsFlat() {
		return name
	}
	return s.reshaped(name, to.C)
}

// features returns a value as (N, H*W*C), in gantiny's order of features.
func (s *step) features(name string, shape model.Shape) string {
	if shape.IsFlat() {
		return name
	}
	return s.reshaped(s.on("Transpose", name, attr{"perm", []int{0, 2, 3, 1}}), shape.Len())
}

// fromFeatures is the inverse, to a shape.
func (s *step) fromFeatures(name string, to model.Shape) string {
	if to.IsFlat() {
		return name
	}
	return s.on("Transpose", s.reshaped(name, to.H, to.W, to.C), attr{"perm", []int{0, 3, 1, 2}})
}
