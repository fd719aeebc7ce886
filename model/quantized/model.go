package quantized

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// ErrOp is wrapped by the errors of New and Read about an operator.
var ErrOp = errors.New("bad operator")

// Model is a quantised generator. It is immutable: any number of Sessions share it.
type Model struct {
	name       string
	provenance model.Provenance
	step       int32
	ops        []Op
	packs      packs

	file   *filemap.Map // that weights are read from
	places [][]byte     // where those of each operator stand, nil for memory of the model's own
}

// Op is one operator: y = requantize((x - Input.Zero) W + Bias), see simd.Requantize; the last one ends in quant.TanhPixels.
type Op struct {
	Name     string // of the layer that held the weight: dense0
	Kind     string
	Geometry conv.Geometry
	In, Out  model.Shape // as the features lie in memory
	Weight   []int8      // in [-127, 127], laid out as the layer's weight: (KH, KW, Ci/Groups, Co) or (in, out features)
	Bias     []int32     // one an output channel, of a Dense one a feature; in units of the sums
	Scale    []float32   // from sums to steps of the output, alike; of the last operator to steps of the tanh table
	Slope    float32     // of negative values, at most 1, which means no activation
	Input    quant.Params
	Output   quant.Params // of the last operator: not used
}

// New returns the model of a chain of operators whose latents are quantised with a step, see quant.Latents. It keeps ops. Errors
// name the operator and wrap ErrOp.
func New(name string, provenance model.Provenance, step int32, ops []Op) (*Model, error) {
	m := &Model{name: name, provenance: provenance, step: step, ops: ops}
	if step < 1 || step > 1<<24 {
		return nil, fmt.Errorf("quantized: %w: latents in steps of %d", ErrOp, step)
	}
	if len(ops) == 0 {
		return nil, fmt.Errorf("quantized: %w: there are none", ErrOp)
	}
	for i := range ops {
		if err := m.check(i); err != nil {
			return nil, fmt.Errorf("quantized: operator %d (%s): %w: %w", i, ops[i].Name, ErrOp, err)
		}
	}
	return m, nil
}

// lengths returns how many weights and how many values in Bias and Scale an operator has, after checking its geometry and shapes.
func (o *Op) lengths() (weights, columns int, err error) {
	g := o.Geometry
	h, w, err := g.Out()
	if err != nil {
		return 0, 0, err
	}
	if in := (model.Shape{H: g.InH, W: g.InW, C: g.InC}); o.In != in {
		return 0, 0, fmt.Errorf("input %v, its geometry has %v", o.In, in)
	}
	if out := (model.Shape{H: h, W: w, C: g.OutC}); o.Out != out {
		return 0, 0, fmt.Errorf("output %v, its geometry gives %v", o.Out, out)
	}
	columns = g.OutC
	if g.IsDense() {
		columns = o.Out.Len()
	}
	return g.WeightLen(), columns, nil
}

func (m *Model) check(i int) error {
	o := &m.ops[i]
	weights, columns, err := o.lengths()
	if err != nil {
		return err
	}
	switch {
	case len(o.Weight) != weights:
		return fmt.Errorf("%d weights, want %d", len(o.Weight), weights)
	case len(o.Bias) != columns || len(o.Scale) != columns:
		return fmt.Errorf("%d biases and %d scales, want %d", len(o.Bias), len(o.Scale), columns)
	case !(o.Slope >= 0 && o.Slope <= 1):
		return fmt.Errorf("slope %v, want 0 to 1", o.Slope)
	case i == 0 && o.Input.Zero != 0:
		return fmt.Errorf("latents with a zero point of %d", o.Input.Zero)
	case i == len(m.ops)-1 && o.Slope != 1:
		return errors.New("an activation before the tanh")
	}
	for _, p := range []quant.Params{o.Input, o.Output} {
		if p.Zero < -128 || p.Zero > 127 {
			return fmt.Errorf("zero point %d, want -128 to 127", p.Zero)
		}
	}
	for c, s := range o.Scale {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return fmt.Errorf("scale %d is %v", c, s)
		}
	}
	if k := simd.IndexMin(o.Weight); k >= 0 {
		return fmt.Errorf("weight %d is -128, want -127 to 127", k)
	}
	if i == 0 {
		return nil
	}
	before := &m.ops[i-1]
	if before.Out.Len() != o.In.Len() || before.Out.C != o.In.C {
		return fmt.Errorf("input %v after an output of %v", o.In, before.Out)
	}
	if before.Output != o.Input {
		return fmt.Errorf("input in steps of %+v after an output in %+v", o.Input, before.Output)
	}
	return nil
}

// Name is the name of the model that this one was made from.
func (m *Model) Name() string { return m.name }

// Provenance says where the weights come from.
func (m *Model) Provenance() model.Provenance { return m.provenance }

// Input is the shape of one image's input.
func (m *Model) Input() model.Shape { return m.ops[0].In }

// Output is the shape of one image.
func (m *Model) Output() model.Shape { return m.ops[len(m.ops)-1].Out }

// Step is the step of the latents, see quant.Latents.
func (m *Model) Step() int32 { return m.step }

// Ops returns the operators, which the caller must not change.
func (m *Model) Ops() []Op {
	m.own()
	return m.ops
}

// MACs returns the multiply-adds of one image: those that touch a pixel, and the nominal ones.
func (m *Model) MACs() (exact, nominal int64) {
	for i := range m.ops {
		e, n := m.ops[i].Geometry.MACs()
		exact, nominal = exact+e, nominal+n
	}
	return exact, nominal
}

// Parameters is the number of weights and biases.
func (m *Model) Parameters() int {
	n := 0
	for i := range m.ops {
		n += len(m.ops[i].Weight) + len(m.ops[i].Bias)
	}
	return n
}
