package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QLinear is a linear operator in 8-bit integers, with the BatchNorm and the leaky activation after
// it:
//
//	sum = Σ (x - zero) w + bias
//	y   = clamp(round(leaky(sum*scale, Slope)) + Output.Zero), step by step as simd.Requantize does
//
// With Tanh, the last operator of a generator, sums become pixels by quant.TanhPixels instead;
// scale is then in steps of its table.
//
// Parameters: weight (int8, in [-127, 127], in the shape that the float32 operator's has), bias
// (int32) and scale (float32), one value an output channel, of a fully connected one a feature.
type QLinear struct {
	From     string        `json:"from"` // the kind of the operator that it was: dense
	Geometry conv.Geometry `json:"geometry"`
	Slope    float32       `json:"slope"` // of negative values, at most 1, which means no activation
	Output   quant.Params  `json:"output"`
	Tanh     bool          `json:"tanh,omitempty"`
}

func init() { Register[QLinear]() }

// Kind returns "qlinear".
func (QLinear) Kind() string { return "qlinear" }

// Infer returns the output of the geometry. The input must have as many features and channels as
// the geometry's.
func (o QLinear) Infer(in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	g := o.Geometry
	h, w, err := g.Out()
	if err != nil {
		return Spec{}, err
	}
	want, x := Shape{g.InH, g.InW, g.InC}, in[0].Shape
	switch {
	case x.Len() != want.Len() || x.C != want.C:
		return Spec{}, fmt.Errorf("%w: input %v, its geometry has %v", ErrShape, x, want)
	case !(o.Slope >= 0 && o.Slope <= 1):
		return Spec{}, fmt.Errorf("slope %v, want 0 to 1", o.Slope)
	case o.Tanh && o.Slope != 1:
		return Spec{}, errors.New("an activation before the tanh")
	}
	if err := errors.Join(checkZero(in[0].Type.Params), checkZero(o.Output)); err != nil {
		return Spec{}, err
	}
	out := Shape{h, w, g.OutC}
	if o.Tanh {
		return Spec{out, Type{Kind: Pixel}}, nil
	}
	return Bytes(out, o.Output), nil
}

// columns is how many biases and scales there are.
func (o QLinear) columns() int {
	if g := o.Geometry; g.IsDense() {
		return g.DenseH * g.DenseW * g.OutC
	}
	return o.Geometry.OutC
}

// Params lists weight, bias and scale.
func (o QLinear) Params([]Spec) []Param {
	g, n := o.Geometry, o.columns()
	shape := []int{g.KH, g.KW, g.InC / g.Groups, g.OutC}
	if g.IsDense() {
		shape = []int{g.InH * g.InW * g.InC, n}
	}
	return []Param{
		{Name: "weight", Shape: shape, array: int8s}, {Name: "bias", Shape: []int{n}, array: int32s, Init: Zero},
		{Name: "scale", Shape: []int{n}, Init: Zero, constant: true},
	}
}

// check returns an error unless the parameters' values are valid.
func (QLinear) check(p []*Param) error {
	for c, s := range p[2].Data {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return fmt.Errorf("scale %d is %v", c, s)
		}
	}
	if k := simd.IndexMin(p[0].Int8); k >= 0 {
		return fmt.Errorf("weight %d is -128, want -127 to 127", k)
	}
	return nil
}

func (o QLinear) exact(y *bytesOf, x []*bytesOf, in []Spec, p []*Param) {
	g, bias, scale := o.Geometry, p[1].Int32, p[2].Data
	sum := make([]int32, len(y.q)+len(y.pix))
	for i := range sum {
		sum[i] = bias[i%len(bias)]
	}
	zero := in[0].Type.Zero
	if g.IsDense() {
		for j := range sum {
			for i, v := range x[0].q {
				sum[j] += (int32(v) - zero) * int32(p[0].Int8[i*len(sum)+j])
			}
		}
	} else {
		ci, co := g.InC/g.Groups, g.OutC/g.Groups
		h, w, _ := g.Out()
		eachLink(g, h, w, func(in, out, tap int) {
			for c := range g.OutC {
				from := in*g.InC + c/co*ci
				for k := range ci {
					sum[out*g.OutC+c] += (int32(x[0].q[from+k]) - zero) * int32(p[0].Int8[(tap*ci+k)*g.OutC+c])
				}
			}
		})
	}
	if o.Tanh {
		quant.TanhPixels(y.pix, sum, scale)
		return
	}
	for j, s := range sum {
		y.q[j] = simd.Requantize(s, scale[j%len(scale)], o.Slope, o.Output.Zero)
	}
}

// qlinear is a QLinear on layouts.
type qlinear struct {
	op      QLinear
	name    string
	params  []*Param
	zero    int32 // of the input
	plan    *conv.QPlan
	weights *conv.QWeights
	table   []uint8 // of tanh
}

// Lower plans the sums.
func (o QLinear) Lower(l *Lowering) (Kernel, error) {
	k := &qlinear{op: o, name: l.Name, params: l.Params, zero: l.Specs[0].Type.Zero}
	plan := conv.NewQPlanFor
	if o.Tanh {
		plan, k.table = conv.NewQSumsFor, quant.TanhTable()
	}
	in := l.In[0]
	in.H, in.W = o.Geometry.InH, o.Geometry.InW
	var err error
	k.plan, err = plan(k.params[0].Int8, o.Geometry, in, l.Out, l.Kernels)
	return k, err
}

func (k *qlinear) plans() ([]*conv.Plan, []*conv.QPlan) { return nil, []*conv.QPlan{k.plan} }

// Forward computes the panels of share s.
func (k *qlinear) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	part := conv.Share{N0: s.N0, N1: s.N1}
	part.P0, part.P1 = s.Of(k.plan.Panels())
	if k.op.Tanh {
		k.plan.Pixels(w.Int8, y.Pix, x[0].Q, k.weights, k.table, part)
		return
	}
	k.plan.Forward(w.Int8, y.Q, x[0].Q, k.weights, part)
}

// load finds or packs the weights.
func (k *qlinear) load(m *Model, w *Worker, _ []float32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := packKey{k: w.Kernels, node: k.name, length: k.plan.PackedLen()}
	if p, ok := m.packs[key].(*conv.QWeights); ok {
		k.weights = p
		return nil
	}
	var err error
	fault := m.file.Guard(func() {
		k.weights, err = k.plan.Pack(conv.QLayer{
			Weights: k.params[0].Int8, Bias: k.params[1].Int32, Scale: k.params[2].Data, Slope: k.op.Slope, InZero: k.zero, OutZero: k.op.Output.Zero,
		})
	})
	if err = errors.Join(fault, err); err != nil {
		return err
	}
	m.drop(k.params[0])
	m.keepPack(key, k.weights)
	return nil
}

func (k *qlinear) footprint(m *Model) (packed, garbage int64) {
	return k.plan.WeightBytes(), k.plan.GarbageBytes()
}

// lowering names how the sums are computed.
func (k *qlinear) lowering() string { return k.plan.Lowering(k.weights) }

// workspaceLen is 0: packing needs no floats.
func (k *qlinear) workspaceLen(*Model) int { return 0 }
