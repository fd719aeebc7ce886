package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// opset is the version of ONNX's operators that networks are translated to.
const opset = 13

// translator makes a graph in ONNX's terms of a network.
type translator struct {
	*network
	g      ir.Graph
	values []string // of each tensor: the name of what it is at the moment, "" for nothing yet
	made   int      // values that have no tensor, which count their names
	last   []bool   // of each tensor: whether it is an output, by itself or in floats
}

// translate translates a network.
func translate(n *network) (*ir.File, error) {
	t := &translator{network: n, values: make([]string, len(n.tensors)), last: make([]bool, len(n.tensors))}
	t.take(17 * len(n.tensors))
	t.findLast()
	t.g.Name = n.name
	if n.name == "main" {
		t.g.Name = ""
	}
	t.addInputs()
	for i := range n.operators.n {
		t.add(n.operators.table(i))
		if n.err != nil {
			return nil, n.err
		}
	}
	t.addOutputs()
	return &ir.File{Producer: n.producer, Opset: opset, HasGraph: true, ChannelsLast: true, Graph: t.g}, n.err
}

// findLast finds the outputs, and of what outputs are floats.
func (t *translator) findLast() {
	for _, i := range t.out {
		t.last[i] = true
	}
	for i := range t.operators.n {
		at := t.operators.table(i)
		in, out := at.ints(1), at.ints(2)
		const dequantize = 6
		if k := at.index(0); k < 0 || k >= len(t.codes) || t.codes[k].builtin != dequantize || len(in) == 0 || len(out) == 0 {
			continue
		}
		if in[0] >= 0 && in[0] < len(t.last) && out[0] >= 0 && out[0] < len(t.last) && t.last[out[0]] {
			t.last[in[0]] = true
		}
	}
}

// addInputs makes the inputs, under names without what TensorFlow puts round them.
func (t *translator) addInputs() {
	for _, i := range t.in {
		v := &t.tensors[i]
		typ := v.typ
		if v.quantized() {
			typ = ir.TypeFloat
		}
		name := unique(strings.TrimPrefix(strings.TrimSuffix(v.name, ":0"), "serving_default_"), t.g.Inputs)
		if t.take(2*ir.InfoBytes + len(name)); t.err != nil {
			return
		}
		t.g.Inputs = append(t.g.Inputs, ir.Info{Name: name, Type: typ, Dims: v.dims, Rank: true})
		o := &op{translator: t, title: fmt.Sprintf("input %q", v.name)}
		t.values[i] = o.rounded(name, v)
	}
}

// addOutputs gives what the network makes its names.
func (t *translator) addOutputs() {
	for _, i := range t.out {
		o := &op{translator: t, title: fmt.Sprintf("output %q", t.tensors[i].name)}
		from := o.read(i)
		name := unique(strings.TrimSuffix(t.tensors[i].name, ":0"), append(t.g.Inputs, t.g.Outputs...))
		if t.take(2*ir.InfoBytes + len(name)); t.err != nil {
			return
		}
		o.node("Identity", name, from)
		t.g.Outputs = append(t.g.Outputs, ir.Info{Name: name, Type: ir.TypeFloat})
	}
}

// unique returns name, or one that is made of it, which is none of those in list.
func unique(name string, list []ir.Info) string {
	if name == "" {
		name = "tensor"
	}
	if !slices.ContainsFunc(list, func(v ir.Info) bool { return v.Name == name }) {
		return name
	}
	return unique(fmt.Sprint(name, "_", len(list)), list)
}

// op is an operator of the file while it is translated.
type op struct {
	*translator
	title   string
	in, out []int // tensors, -1 for one that is left out
	options table
}

// add translates an operator. What cannot be translated becomes a node that is refused.
func (t *translator) add(at table) {
	o := &op{translator: t, in: at.ints(1), out: at.ints(2), options: at.table(4)}
	k := at.index(0)
	if t.err == nil && (k < 0 || k >= len(t.codes)) {
		t.fail(ir.Damaged("an operator is number %d of %d", k, len(t.codes)))
	}
	for _, i := range slices.Concat(o.in, o.out) {
		if t.err == nil && (i < -1 || i >= len(t.tensors)) {
			t.fail(ir.Damaged("an operator reads or makes tensor %d of %d", i, len(t.tensors)))
		}
	}
	if t.err != nil {
		return
	}
	c := t.codes[k]
	rule := operators[c.builtin]
	o.title = titleOf(c, rule.name)
	if len(o.out) > 0 && o.out[0] >= 0 {
		o.title += fmt.Sprintf(" -> %q", t.tensors[o.out[0]].name)
	}
	t.take(2*len(o.title) + 256)
	switch {
	case len(o.out) == 0 || slices.Contains(o.out, -1):
		t.fail(ir.Damaged("%s makes nothing", o.title))
	case rule.translate == nil:
		o.refuse(ir.Refuse("no such operator here"))
	case len(o.in) < rule.least:
		t.fail(ir.Damaged("%s has %d inputs, want %d", o.title, len(o.in), rule.least))
	case slices.Contains(o.in[:rule.least], -1): // only those behind may be left out
		o.refuse(ir.Refuse("input %d is missing", slices.Index(o.in, -1)))
	default:
		if err := rule.translate(o); err != nil {
			o.refuse(err)
		}
	}
}

func titleOf(c code, name string) string {
	const custom = 32
	switch {
	case c.builtin == custom:
		return fmt.Sprintf("CUSTOM %q", c.custom)
	case name == "":
		return fmt.Sprint("operator ", c.builtin)
	}
	return name
}

// refuse makes nodes of the operator's outputs that say why they are none.
func (o *op) refuse(err error) {
	name := o.fresh()
	for _, i := range o.out {
		o.values[i] = name
	}
	if o.take(len(err.Error()) + ir.NodeBytes); o.err == nil {
		o.g.Nodes = append(o.g.Nodes, ir.Node{Origin: o.title, Refused: err.Error(), Out: []string{name}})
	}
}

// fresh returns a name for a value.
func (o *op) fresh() string {
	o.made++
	return fmt.Sprint("#", o.made)
}

// node adds a node that makes name.
func (o *op) node(kind, name string, in ...string) *ir.Node {
	if o.take(5*ir.NodeBytes + 24*len(in)); o.err != nil {
		return &ir.Node{}
	}
	o.g.Nodes = append(o.g.Nodes, ir.Node{Op: kind, Origin: o.title, In: in, Out: []string{name}})
	return &o.g.Nodes[len(o.g.Nodes)-1]
}

// emit adds a node with attributes, and returns the name of what it makes.
func (o *op) emit(kind string, attributes []ir.Attribute, in ...string) string {
	name := o.fresh()
	o.take(ir.AttributeBytes * len(attributes))
	o.node(kind, name, in...).Attributes = attributes
	return name
}

// Attributes of nodes.
func list(attributes ...ir.Attribute) []ir.Attribute { return attributes }

func whole(name string, v int) ir.Attribute { return ir.Attribute{Name: name, I: int64(v)} }

func number(name string, v float64) ir.Attribute { return ir.Attribute{Name: name, F: float32(v)} }

func text(name, v string) ir.Attribute { return ir.Attribute{Name: name, S: v} }

func wholes(name string, v ...int) ir.Attribute {
	a := ir.Attribute{Name: name, Ints: make([]int64, len(v))}
	for i, n := range v {
		a.Ints[i] = int64(n)
	}
	return a
}

// constant adds a constant, and returns its name.
func (o *op) constant(v ir.Tensor) string {
	v.Name = o.fresh()
	if o.take(ir.TensorBytes + 16 + 8*len(v.Dims)); o.err == nil {
		o.g.Initializers = append(o.g.Initializers, &v)
	}
	return v.Name
}

// integers adds a vector of integers.
func (o *op) integers(v ...int) string {
	o.take(8 * len(v))
	raw := make([]byte, 0, 8*len(v))
	for _, n := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(n)))
	}
	return o.constant(ir.Tensor{Dims: []int{len(v)}, Type: ir.TypeInt64, Raw: raw})
}

// floats adds a vector of numbers, or one number without dimensions.
func (o *op) floats(v ...float32) string {
	o.take(4 * len(v))
	raw := make([]byte, 0, 4*len(v))
	for _, n := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(n))
	}
	t := ir.Tensor{Type: ir.TypeFloat, Raw: raw}
	if len(v) != 1 {
		t.Dims = []int{len(v)}
	}
	return o.constant(t)
}

// read returns the name of a tensor's value, "" for one that is left out. Constants become nodes
// where they are first read; those of integers with scales become numbers.
func (o *op) read(i int) string {
	if i < 0 {
		return ""
	}
	if name := o.values[i]; name != "" || o.err != nil {
		return name
	}
	v := &o.tensors[i]
	var why string
	switch {
	case v.typ == 0:
		why = "elements of " + v.kind()
	case v.sparse:
		why = "sparse values"
	case !v.constant():
		o.fail(ir.Damaged("%s reads %q, which nothing before it makes", o.title, v.name))
		return ""
	}
	if why != "" {
		name := o.fresh()
		o.take(len(v.name) + len(why) + ir.NodeBytes)
		o.g.Nodes = append(o.g.Nodes, ir.Node{Origin: fmt.Sprintf("tensor %q", v.name), Refused: why, Out: []string{name}})
		o.values[i] = name
		return name
	}
	name := o.constant(ir.Tensor{Dims: v.dims, Type: v.typ, Raw: v.data})
	if v.quantized() {
		name = o.dequantize(v, name)
	}
	o.values[i] = name
	return name
}

// dequantize makes numbers of a constant's integers.
func (o *op) dequantize(v *tensor, name string) string {
	zeros := make([]int, len(v.zeros))
	for i, z := range v.zeros {
		zeros[i] = int(z)
	}
	o.take(8 * len(zeros))
	return o.emit("DequantizeLinear", list(whole("axis", v.axis)), name, o.floats(v.scales...), o.integers(zeros...))
}

// get returns the name of input k, "" if there is none.
func (o *op) get(k int) string {
	if k >= len(o.in) {
		return ""
	}
	return o.read(o.in[k])
}

// rank returns how many dimensions input k has.
func (o *op) rank(k int) int {
	if k >= len(o.in) || o.in[k] < 0 {
		return 0
	}
	return len(o.tensors[o.in[k]].dims)
}

// dim returns a dimension of input k, 0 if it is not known.
func (o *op) dim(k, axis int) int {
	if axis < 0 || axis >= o.rank(k) {
		return 0
	}
	return max(0, o.tensors[o.in[k]].dims[axis])
}

// known returns the integers of input k, one that the operator must have, which must be in the
// file.
func (o *op) known(k int) ([]int, error) {
	v := &o.tensors[o.in[k]]
	size := ir.TypeSize[v.typ]
	if !v.constant() || v.typ != ir.TypeInt32 && v.typ != ir.TypeInt64 || len(v.data)%size != 0 {
		return nil, ir.Refuse("input %d (%s) is no constant of integers", k, v.name)
	}
	n := len(v.data) / size
	if o.take(8 * n); o.err != nil {
		return nil, o.err
	}
	out := make([]int, n)
	for i := range out {
		if size == 4 {
			out[i] = int(int32(binary.LittleEndian.Uint32(v.data[4*i:])))
		} else {
			out[i] = int(int64At(v.data[8*i:]))
		}
	}
	return out, nil
}

// The activations that an operator can have at its end.
const (
	noActivation = iota
	relu
	reluN1To1
	relu6
	tanh
)

// done sets the first output to a value, after an activation.
func (o *op) done(name string, activation int) error {
	low, high := math.Inf(-1), math.Inf(1)
	switch activation {
	case noActivation:
	case relu:
		low = 0
	case reluN1To1:
		low, high = -1, 1
	case relu6:
		low, high = 0, 6
	case tanh:
		name = o.emit("Tanh", nil, name)
	default:
		return ir.Refuse("activation %d", activation)
	}
	out := &o.tensors[o.out[0]]
	if l, h, ok := out.reach(); ok && activation != tanh {
		if low, high = max(low, l), min(high, h); out.bytes() { // which rounding holds within l and h anyway
			near := float64(out.scales[0]) / 256
			if low-l < near {
				low = math.Inf(-1)
			}
			if h-high < near {
				high = math.Inf(1)
			}
		}
	}
	o.values[o.out[0]] = o.rounded(o.clip(name, low, high), out)
	return nil
}

// rounded rounds a value to what the bytes of a tensor can stand for, if it is of bytes.
func (o *op) rounded(name string, v *tensor) string {
	if !v.bytes() {
		return name
	}
	scale := o.floats(v.scales[0])
	zero := o.constant(ir.Tensor{Type: v.typ, Raw: []byte{byte(v.zeros[0])}})
	return o.emit("DequantizeLinear", nil, o.emit("QuantizeLinear", nil, name, scale, zero), scale, zero)
}

// clip holds a value within limits.
func (o *op) clip(name string, low, high float64) string {
	switch {
	case math.IsInf(low, -1) && math.IsInf(high, 1):
		return name
	case low == 0 && math.IsInf(high, 1):
		return o.emit("Relu", nil, name)
	}
	var limits []ir.Attribute
	if !math.IsInf(low, -1) {
		limits = append(limits, number("min", low))
	}
	if !math.IsInf(high, 1) {
		limits = append(limits, number("max", high))
	}
	return o.emit("Clip", limits, name)
}

// moved sets the first output to a value of elements that the operator only moves.
func (o *op) moved(name string) error {
	o.values[o.out[0]] = name
	return nil
}

// bytes tells whether a tensor is of bytes with one scale and zero point.
func (t *tensor) bytes() bool {
	return t.quantized() && len(t.scales) == 1 && (t.typ == ir.TypeInt8 || t.typ == ir.TypeUint8)
}

// reach returns what the integers of a tensor can stand for.
func (t *tensor) reach() (low, high float64, ok bool) {
	if !t.quantized() || len(t.scales) != 1 {
		return 0, 0, false
	}
	first, last := 0.0, 0.0
	switch t.typ {
	case ir.TypeInt8:
		first, last = math.MinInt8, math.MaxInt8
	case ir.TypeUint8:
		last = math.MaxUint8
	case ir.TypeInt16:
		first, last = math.MinInt16, math.MaxInt16
	default:
		return 0, 0, false
	}
	scale, zero := float64(t.scales[0]), float64(t.zeros[0])
	return (first - zero) * scale, (last - zero) * scale, true
}
