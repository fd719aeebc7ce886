package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// linear is an operator with a weight, its first parameter, and perhaps a bias: Dense, Conv2D or
// ConvTranspose2D.
type linear interface {
	Op
	// geometry takes the shapes that the features have in memory.
	geometry(in, out Shape) (conv.Geometry, error)
	// biased is the operator with a bias.
	biased() linear
}

// contraction is a linear operator with its bias and what is fused into it: at inference a
// BatchNorm, and the leaky activation after both.
type contraction struct {
	node    *Node
	in, out conv.Layout
	plan    *conv.Plan
	weights
	slope float32
	half  bool // Options.Half
}

// weights are a contraction's as its plan reads them.
type weights struct {
	packed []float32 // for plan.Forward
	halves []uint16  // or, if not nil, for plan.ForwardHalf
	scale  []float32 // of a vector's features, nil for none
	bias   []float32 // a value a channel, or a feature of a vector; nil for none
}

// planner is conv.NewPlan or conv.NewWinogradPlan.
type planner func(g conv.Geometry, in, out conv.Layout, k *simd.Kernels) (*conv.Plan, error)

// geometry is that of a node that is linear.
func (n *Node) geometry() (conv.Geometry, error) {
	return n.Op.(linear).geometry(n.In[0].mem, n.Out.mem)
}

// lowerLinear is the rule of all linear operators.
func lowerLinear(l *Lowering) (Kernel, error) {
	plan := planner(conv.NewWinogradPlan)
	if l.options.direct() {
		plan = conv.NewPlan
	}
	g, err := l.node.geometry()
	if err != nil {
		return nil, err
	}
	o := &contraction{node: l.node, in: l.In[0], out: l.Out, slope: l.node.epilogue.slope, half: l.options.Half}
	o.plan, err = plan(g, o.in, o.out, l.Kernels)
	return o, err
}

func (o *contraction) plans() ([]*conv.Plan, []*conv.QPlan) { return []*conv.Plan{o.plan}, nil }

// Forward: y = leaky(x W + bias).
func (o *contraction) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	part := conv.Share{N0: s.N0, N1: s.N1}
	part.P0, part.P1 = s.Of(o.plan.Panels())
	e := conv.Epilogue{Scale: o.scale, Bias: o.bias, Slope: o.slope}
	if len(x) > 1 {
		e.Add = x[1].F
	}
	if o.halves != nil {
		o.plan.ForwardHalf(w.Conv, y.F, x[0].F, o.halves, e, part)
		return
	}
	o.plan.Forward(w.Conv, y.F, x[0].F, o.packed, e, part)
}

// fold sets dst to the weights of the operator followed by y = a*x + b, where the last dimension of
// the weights is a multiple of the features.
func fold(dst, weight []float32, a []float64) {
	n := len(a)
	for i := 0; i < len(weight); i += n {
		for j, f := range a {
			dst[i+j] = float32(float64(weight[i+j]) * f)
		}
	}
}

// foldBias returns the bias of the same.
func foldBias(bias []float32, a, b []float64) []float32 {
	folded := make([]float32, len(a))
	for j := range folded {
		v := b[j]
		if bias != nil {
			v += float64(a[j] * float64(bias[j]))
		}
		folded[j] = float32(v)
	}
	return folded
}
