package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// linear is a layer with a weight: Dense, Conv2D or ConvTranspose2D.
type linear interface {
	Layer
	// geometry takes the shapes that the features have in the Maps.
	geometry(in, out Shape) (conv.Geometry, error)
}

// contraction is a linear layer with its bias and perhaps the leaky activation
// after it.
type contraction struct {
	maps
	plan   *conv.Plan
	packed []float32 // weights for plan.Forward
	bias   []float32 // a value a channel, or a feature of a vector; nil for none
	slope  float32

	grad *linearGrad // in training
}

// linearGrad is what only training needs of a contraction.
type linearGrad struct {
	weight    *Param
	packed    []float32 // weights for plan.InputGrad, nil if nobody wants dx
	dw, dbias []float32 // dbias is nil if there is no bias
	blocks    []float32 // positions x C: sums of dy over images; dbias itself if that is as long
}

func newContraction(l linear, u unit, m maps, k *simd.Kernels) (*contraction, error) {
	g, err := l.geometry(u.from, u.to)
	if err != nil {
		return nil, err
	}
	plan, err := conv.NewPlan(g, m.in, m.out, k)
	return &contraction{maps: m, plan: plan, slope: u.slope}, err
}

// train prepares for gradients.
func (o *contraction) train(g *linearGrad) {
	o.grad = g
	g.blocks = g.dbias
	if n := o.out.Positions() * o.out.C; g.dbias != nil && len(g.dbias) != n {
		g.blocks = make([]float32, n)
	}
}

// scattered tells whether dbias is to be collected from blocks.
func (g *linearGrad) scattered() bool { return len(g.blocks) != len(g.dbias) }

// pack and packGrad bring the weights into the kernels' order, in training.
func (o *contraction) pack()     { o.plan.Pack(o.packed, o.grad.weight.Data) }
func (o *contraction) packGrad() { o.plan.PackGrad(o.grad.packed, o.grad.weight.Data) }

// Forward: y = leaky(x W + bias).
func (o *contraction) Forward(w *worker, y, x []float32, s share) {
	part := conv.Part{N0: s.n0, N1: s.n1}
	part.P0, part.P1 = s.of(o.plan.Panels())
	o.plan.Forward(w.conv, y, x, o.packed, conv.Epilogue{Bias: o.bias, Slope: o.slope}, part)
}

// Backward is the first stage of the gradient, for the worker's images: dy
// becomes that before the activation, dx = dy W^T for images from on, and then,
// for the weights' sake, dy *= scale[n] unless scale is nil.
func (o *contraction) Backward(w *worker, dx, dy, y, scale []float32, from int) {
	s := w.images(o.out.N)
	if s.n0 == s.n1 {
		return
	}
	if o.slope != 1 {
		c := maps{o.out, o.out}.cut(s)
		for i := range c.spans() {
			w.k.LeakyGrad(c.dst(dy, i), c.dst(dy, i), c.dst(y, i), o.slope)
		}
	}
	if n0 := max(s.n0, from); dx != nil && n0 < s.n1 {
		o.plan.InputGrad(w.conv, dx, dy, o.grad.packed, conv.Part{N0: n0, N1: s.n1, P1: o.plan.GradPanels()})
	}
	if scale != nil {
		for p := range o.out.Positions() {
			w.k.RowScale(dy[p*o.out.Stride:][s.n0*o.out.C:s.n1*o.out.C], scale[s.n0:s.n1])
		}
	}
}

// WeightGrad is the second: the worker's part of dW = x^T dy, and of dy's sums
// over the images of each position.
func (o *contraction) WeightGrad(w *worker, x, dy []float32) {
	o.plan.WeightGrad(w.conv, o.grad.dw, x, dy, o.in.N, w.id, w.of)
	if o.grad.dbias == nil {
		return
	}
	p0, p1 := pool.Split(o.out.Positions(), w.of, w.id)
	for p := p0; p < p1; p++ {
		sum := o.grad.blocks[p*o.out.C:][:o.out.C]
		clear(sum)
		w.k.ColumnSums(sum, dy[p*o.out.Stride:][:o.out.N*o.out.C])
	}
}

// BiasGrad is the third: dbias = the sums over all positions, in their order.
func (o *contraction) BiasGrad(w *worker) {
	c := o.out.C
	c0, c1 := pool.Split(c, w.of, w.id)
	for i := c0; i < c1; i++ {
		sum := 0.0
		for p := i; p < len(o.grad.blocks); p += c {
			sum += float64(o.grad.blocks[p])
		}
		o.grad.dbias[i] = float32(sum)
	}
}

// fold returns the weights and the bias of the layer followed by y = a*x + b,
// where the last dimension of the weights is a multiple of the features.
// dst takes the weights.
func fold(dst, weight, bias []float32, a, b []float64) []float32 {
	n := len(a)
	for i := 0; i < len(weight); i += n {
		for j, f := range a {
			dst[i+j] = float32(float64(weight[i+j]) * f)
		}
	}
	folded := make([]float32, n)
	for j := range folded {
		v := b[j]
		if bias != nil {
			v += a[j] * float64(bias[j])
		}
		folded[j] = float32(v)
	}
	return folded
}
