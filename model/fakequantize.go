package model

import (
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// FakeQuantize rounds to the nearest value that a byte stands for, as a pair of ONNX's
// QuantizeLinear and DequantizeLinear does:
//
//	y = Scale * (q-Zero), q = clamp(round(x/Scale) + Zero), see quant.Params.Quantize
//
// It says in which steps the value that it reads is, and Quantize keeps those. In training a
// gradient passes it where x is within the range of the bytes.
type FakeQuantize struct {
	Elementwise
	Steps quant.Params `json:"steps"`
}

func init() { Register[FakeQuantize]() }

// Kind returns "fakequantize".
func (FakeQuantize) Kind() string { return "fakequantize" }

// Infer returns what the input is.
func (l FakeQuantize) Infer(in []Spec) (Spec, error) {
	if err := l.Steps.Check(); err != nil {
		return Spec{}, err
	}
	return sameAs(in)
}

// At returns y.
func (l FakeQuantize) At(x float64) float64 {
	y := [1]float32{float32(x)}
	l.Steps.Round(y[:])
	return float64(y[0])
}

// Derivative returns 1 where x is within the range of the bytes, 0 elsewhere.
func (l FakeQuantize) Derivative(x, _ float64) float64 {
	q := x/float64(l.Steps.Scale) + float64(l.Steps.Zero)
	if q >= -128.5 && q <= 127.5 {
		return 1
	}
	return 0
}

// Lower: see rounder.
func (l FakeQuantize) Lower(*Lowering) (Kernel, error) { return rounder(l.Steps), nil }

// rounder is a FakeQuantize on layouts.
type rounder quant.Params

// Forward: y = x, rounded.
func (o rounder) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	for i := range c.count() {
		dst := c.of(&y, i)
		copy(dst, c.of(&x[0], i))
		quant.Params(o).Round(dst)
	}
}

func (rounder) overwrites() {}

// Backward: dx = dy where x is within the range of the bytes, 0 elsewhere: straight through the
// rounding (Bengio et al. 2013), see FakeQuantize.Derivative.
func (o rounder) Backward(_ *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	lo, hi := float32(-128.5-float64(o.Zero)), float32(127.5-float64(o.Zero))
	c := spansOf(s, &dx[0], &dy, &x[0])
	for i := range c.count() {
		to, from, in := c.of(&dx[0], i), c.of(&dy, i), c.of(&x[0], i)
		for j, d := range from {
			if q := in[j] / o.Scale; !(q >= lo && q <= hi) {
				d = 0
			}
			to[j] = d
		}
	}
}

// keepSteps takes out each FakeQuantize that alone reads a value which can have its steps, and
// returns the steps of these values.
func keepSteps(g *Graph) map[*Value]quant.Params {
	kept := map[*Value]quant.Params{}
	for _, n := range slices.Clone(g.Nodes) {
		o, ok := n.Op.(FakeQuantize)
		if !ok {
			continue
		}
		from := n.In[0].storage()
		if g.consumer(n.In[0]) != n || n.In[0].mem != n.Out.mem {
			continue
		}
		if source := stepsOf(from); source != from {
			if kept[source] == o.Steps { // which it has already
				g.bypassViews(n)
			}
			continue
		}
		if from.Node == nil && (!isLatents(o.Steps) || slices.Contains(g.Outputs, n.Out)) {
			continue
		}
		kept[from] = o.Steps
		g.bypassViews(n)
	}
	return kept
}

// bypassViews is bypass of a node whose output may have views, which become its input's.
func (g *Graph) bypassViews(n *Node) {
	move := func(v *Value) {
		for ; v.root != nil; v = v.root {
			if v.root == n.Out {
				v.root = n.In[0]
			}
		}
	}
	for _, r := range g.Nodes {
		for _, v := range r.In {
			move(v)
		}
	}
	for _, v := range g.Outputs {
		move(v)
	}
	g.bypass(n)
}

// stepsOf returns the value whose scale v has: its own unless the operators that make it pass
// theirs on.
func stepsOf(v *Value) *Value {
	for v = v.storage(); v.Node != nil; v = v.Node.In[0].storage() {
		if o, ok := v.Node.Op.(passesScale); !ok || !o.passesScale() {
			return v
		}
	}
	return v
}

// isLatents tells whether latents can have steps of p.
func isLatents(p quant.Params) bool { return p.Zero == 0 && quant.StepOf(p.Scale) > 0 }
