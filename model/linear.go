package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// linear is a layer with a weight: Dense, Conv2D or ConvTranspose2D.
type linear interface {
	Layer
	// geometry takes the shapes that the features have in the Layouts.
	geometry(in, out Shape) (conv.Geometry, error)
}

// contraction is a linear layer with its bias and perhaps the leaky activation
// after it.
type contraction struct {
	maps
	plan *conv.Plan
	weights
	slope float32

	grad *linearGrad // in training
	raw  bool        // Forward goes by position and packs the weights of one at a time
}

// weights are a contraction's as its plan reads them.
type weights struct {
	packed []float32 // for plan.Forward
	halves []uint16  // or, if not nil, for plan.ForwardHalf
	scale  []float32 // of a vector's features, nil for none
	bias   []float32 // a value a channel, or a feature of a vector; nil for none
}

// linearGrad is what only training needs of a contraction.
type linearGrad struct {
	weight    *Param
	slope     float32     // of the activation's gradient, 1 if the next operator's Backward sees to that
	input     *conv.Plan  // dx from dy, nil if nobody wants dx
	weights   *conv.Plan  // dW from x and dy
	packed    []float32   // weights for input
	dw, dbias []float32   // dbias is nil if there is no bias
	room      []float32   // what weights keeps between its stages
	places    []float32   // positions x C: sums of dy over images; dbias itself if that is as long
	blocks    conv.Layout // of the x that weights takes, where that comes in blocks
}

// planner is conv.NewPlan or conv.NewWinogradPlan.
type planner func(g conv.Geometry, in, out conv.Layout, k *simd.Kernels) (*conv.Plan, error)

func newContraction(l linear, u unit, m maps, k *simd.Kernels, plan planner) (*contraction, error) {
	g, err := l.geometry(u.from, u.to)
	if err != nil {
		return nil, err
	}
	p, err := plan(g, m.in, m.out, k)
	return &contraction{maps: m, plan: p, slope: u.slope}, err
}

// train plans the gradients of a chunk of images, with x, dx and dy laid out as x
// and grad say.
func (o *contraction) train(l linear, u unit, x conv.Layout, grad maps, wanted bool, k *simd.Kernels, plan planner) error {
	g, err := l.geometry(u.from, u.to)
	if err != nil {
		return err
	}
	between := func(in, out conv.Layout) (*conv.Plan, error) {
		if in == o.in && out == o.out {
			return o.plan, nil
		}
		return plan(g, in, out, k)
	}
	o.grad = &linearGrad{slope: o.slope}
	if o.grad.weights, err = between(x, grad.out); err == nil && wanted {
		o.grad.input, err = between(grad.in, grad.out)
	}
	return err
}

// trainBlocks plans the weight gradient anew, of an x that comes in blocks.
func (o *contraction) trainBlocks(l linear, u unit, x, dy conv.Layout, k *simd.Kernels, plan planner) error {
	g, err := l.geometry(u.from, u.to)
	if err != nil {
		return err
	}
	dy.N = x.N
	o.grad.blocks = x
	o.grad.weights, err = plan(g, x, dy, k)
	return err
}

// scattered tells whether dbias is to be collected from places.
func (g *linearGrad) scattered() bool { return len(g.places) != len(g.dbias) }

// packedLen is the length of packed.
func (g *linearGrad) packedLen() int {
	if g.input == nil {
		return 0
	}
	return g.input.PackedGradLen()
}

// pack and packGrad bring the weights into the kernels' order, in training.
func (o *contraction) pack(w *worker) { o.plan.Pack(w.conv, o.packed, o.grad.weight.Data) }
func (o *contraction) packGrad(w *worker) {
	o.grad.input.PackGrad(w.conv, o.grad.packed, o.grad.weight.Data)
}

// Forward: y = leaky(x W + bias).
func (o *contraction) Forward(w *worker, y, x []float32, s share) {
	part := conv.Share{N0: s.n0, N1: s.n1}
	part.P0, part.P1 = s.of(o.plan.Panels())
	e := conv.Epilogue{Scale: o.scale, Bias: o.bias, Slope: o.slope}
	if o.halves != nil {
		o.plan.ForwardHalf(w.conv, y, x, o.halves, e, part)
		return
	}
	o.plan.Forward(w.conv, y, x, o.packed, e, part)
}

// ForwardAt is Forward of all images at position q, of a contraction that is raw.
func (o *contraction) ForwardAt(w *worker, y, x []float32, q int) {
	o.plan.ForwardUnpacked(w.conv, y, x, o.grad.weight.Data, conv.Epilogue{Bias: o.bias, Slope: o.slope}, q)
}

// WeightGradAt is WeightGrad of all images at position q, whose dy alone is given.
func (o *contraction) WeightGradAt(w *worker, x, dy []float32, q int) {
	o.grad.weights.WeightGradAt(w.conv, conv.Sums{DW: o.grad.dw}, x, dy, o.in.N, q)
	if o.grad.dbias != nil {
		sum := o.grad.places[q*o.out.C:][:o.out.C]
		clear(sum)
		w.k.ColumnSums(sum, dy)
	}
}

// Backward is the first stage of the gradient, for the worker's share of a chunk
// of images: dy becomes that before the activation, dx = dy W^T for images from
// on, and then, for the weights' sake, dy *= scale[n] unless scale is nil.
func (o *contraction) Backward(w *worker, g gradients, scale []float32, from int) {
	if g.n0 == g.n1 {
		return
	}
	if o.grad.slope != 1 {
		own := gradients{g.dy, g.dy, g.y, g.share}
		for i := range own.spans() {
			_, dy, y := own.span(i)
			w.k.LeakyGrad(dy, dy, y, o.grad.slope)
		}
	}
	if n0 := max(g.n0, from); o.grad.input != nil && n0 < g.n1 {
		o.grad.input.InputGrad(w.conv, g.dx.buf, g.dy.buf, o.grad.packed, conv.Share{N0: n0, N1: g.n1, P1: o.grad.input.GradPanels()})
	}
	if scale != nil {
		for p := range g.dy.Positions() {
			w.k.RowScale(g.dy.buf[p*g.dy.Stride:][g.n0*g.dy.C:g.n1*g.dy.C], scale[g.n0:g.n1])
		}
	}
}

// WeightGrad is the second: the worker's part of dW += x^T dy over the chunk, and
// dy's sums over the images of each position.
func (o *contraction) WeightGrad(w *worker, x []float32, dy stack, first bool) {
	sums := conv.Sums{DW: o.grad.dw, Workspace: o.grad.room, Add: !first}
	o.grad.weights.WeightGrad(w.conv, sums, x, dy.buf, dy.N, w.id, w.of)
	if o.grad.dbias == nil {
		return
	}
	p0, p1 := pool.Split(dy.Positions(), w.of, w.id)
	for p := p0; p < p1; p++ {
		sum := o.grad.places[p*dy.C:][:dy.C]
		if first {
			clear(sum)
		}
		w.k.ColumnSums(sum, dy.buf[p*dy.Stride:][:dy.N*dy.C])
	}
}

// FinishWeightGrad is the third, after all chunks, where the plan has sums to turn into dW.
func (o *contraction) FinishWeightGrad(w *worker) {
	o.grad.weights.FinishWeightGrad(w.conv, conv.Sums{DW: o.grad.dw, Workspace: o.grad.room}, w.id, w.of)
}

// BiasGrad is the last: dbias = the sums over all positions, in their order.
func (o *contraction) BiasGrad(w *worker) {
	c := o.out.C
	c0, c1 := pool.Split(c, w.of, w.id)
	for i := c0; i < c1; i++ {
		sum := 0.0
		for p := i; p < len(o.grad.places); p += c {
			sum += float64(o.grad.places[p])
		}
		o.grad.dbias[i] = float32(sum)
	}
}

// fold sets dst to the weights of the layer followed by y = a*x + b, where the last dimension of the weights
// is a multiple of the features.
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
