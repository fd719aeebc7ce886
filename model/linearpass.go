package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
)

// linearPass is a linear operator, and perhaps the leaky activation after it, in training.
type linearPass struct {
	in, out    conv.Layout
	plan       *conv.Plan
	packed     []float32
	bias       []float32 // the parameter itself, nil for none
	slope      float32
	byPosition bool // Forward goes by position and packs the weights of one at a time

	weight    *Param
	gradSlope float32     // of the activation's gradient, 1 if the next operator's Backward includes it
	input     *conv.Plan  // dx from dy, nil if dx is not needed
	weights   *conv.Plan  // dW from x and dy
	packedT   []float32   // weights for input
	dw, dbias []float32   // dbias is nil if there is no bias
	workspace []float32   // what weights keeps between its stages
	sums      []float32   // positions x C: sums of dy over images; dbias itself if that is as long
	blocks    conv.Layout // of the x that weights takes, where that comes in blocks
}

// planLinear plans t's Forward and the gradients of a chunk of images.
func (p *Pass) planLinear(t *passNode) error {
	plan := planner(conv.NewWinogradPlan)
	if p.o.Strict {
		plan = conv.NewPlan
	}
	g, err := t.geometry()
	if err != nil {
		return err
	}
	o := &linearPass{in: t.x[0], out: t.y, slope: t.epilogue.slope, gradSlope: t.epilogue.slope}
	if t.recomputed != nil {
		n := min(t.block(), p.o.Batch)
		o.in, o.out.N = t.blockLayout(n), n
	}
	if o.plan, err = plan(g, o.in, o.out, p.o.Kernels); err != nil {
		return err
	}
	t.kernel = o
	o.byPosition = !p.mode.plain && !p.o.Tangents && t.heavy(o) && t.recomputed == nil && t.y.Positions() >= minPositions
	between := func(in, out conv.Layout) (*conv.Plan, error) {
		if in == o.in && out == o.out {
			return o.plan, nil
		}
		return plan(g, in, out, p.o.Kernels)
	}
	x := t.x[0]
	x.N = p.chunk
	if o.weights, err = between(x, t.dy); err == nil && t.wants(0) {
		o.input, err = between(t.dx[0], t.dy)
	}
	if err != nil || t.recomputed == nil {
		return err
	}
	n := o.weights.WeightImages()
	n = min(max(1, t.block()/n)*n, p.chunk)
	o.blocks = t.blockLayout(n)
	p.blockLen = max(p.blockLen, o.in.Len(), o.blocks.Len())
	dy := t.dy
	dy.N = n
	o.weights, err = plan(g, o.blocks, dy, p.o.Kernels)
	return err
}

// minPositions is the least number of output positions for which a dense operator's weights are
// packed where they are used: each worker takes some of the positions, so that each weight is
// packed once and then read from the caches.
const minPositions = 8

// heavy tells whether an operator has so many weights that it is to take all
// images at once.
func (t *passNode) heavy(o *linearPass) bool { return t.dense() && o.plan.PackedLen() > blockFloats/4 }

func (t *passNode) dense() bool {
	_, dense := t.Op.(Dense)
	return dense
}

// scattered tells whether dbias is to be collected from sums.
func (o *linearPass) scattered() bool { return len(o.sums) != len(o.dbias) }

// packedTLen is the length of packedT.
func (o *linearPass) packedTLen() int {
	if o.input == nil {
		return 0
	}
	return o.input.PackedGradLen()
}

// bind ties the operator to its parameters and their gradients.
func (o *linearPass) bind(p *Pass, params []*Param) {
	o.weight, o.dw = params[0], p.grad(params[0])
	if len(params) == 1 {
		return
	}
	o.bias, o.dbias = params[1].Data, p.grad(params[1])
	o.sums = o.dbias
	if n := o.out.Positions() * o.out.C; len(o.dbias) != n {
		o.sums = make([]float32, n)
	}
}

// Forward: y = leaky(x W + bias), for the images of s.
func (o *linearPass) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	o.forward(w, y.F, x[0].F, conv.Epilogue{Bias: o.bias, Slope: o.slope}, s)
}

func (o *linearPass) forward(w *Worker, y, x []float32, e conv.Epilogue, s Share) {
	o.plan.Forward(w.Conv, y, x, o.packed, e, conv.Share{N0: s.N0, N1: s.N1, P1: o.plan.Panels()})
}

// forwardAt is Forward of all images at position q, of an operator that goes by position.
func (o *linearPass) forwardAt(w *Worker, y, x Tensor, q int) {
	o.plan.ForwardUnpacked(w.Conv, y.F, x.F, o.weight.Data, conv.Epilogue{Bias: o.bias, Slope: o.slope}, q)
}

// Backward is the first stage of the gradient: dy becomes that before the activation, and
// dx = dy W^T.
func (o *linearPass) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, y Tensor, s Share) {
	o.backwardFrom(w, dx[0], dy, y, s, 0)
}

// backwardFrom is Backward with dx of images from on only.
func (o *linearPass) backwardFrom(w *Worker, dx, dy, y Tensor, s Share, from int) {
	if s.N0 == s.N1 {
		return
	}
	if o.gradSlope != 1 {
		c := spansOf(s, &dy, &y)
		for i := range c.count() {
			d := c.of(&dy, i)
			w.Kernels.LeakyGrad(d, d, c.of(&y, i), o.gradSlope)
		}
	}
	if n0 := max(s.N0, from); o.input != nil && n0 < s.N1 {
		o.input.InputGrad(w.Conv, dx.F, dy.F, o.packedT, conv.Share{N0: n0, N1: s.N1, P1: o.input.GradPanels()})
	}
}

// weightGrad is the second: the worker's share of dW += x^T dy over the chunk, and
// dy's sums over the images of each position.
func (o *linearPass) weightGrad(w *Worker, x []float32, dy Tensor, first bool) {
	o.weightSums(w, x, dy, first)
	if o.dbias == nil {
		return
	}
	p0, p1 := pool.Split(dy.Positions(), w.Of, w.ID)
	for p := p0; p < p1; p++ {
		sum := o.sums[p*dy.C:][:dy.C]
		if first {
			clear(sum)
		}
		w.Kernels.ColumnSums(sum, dy.F[p*dy.Stride:][:dy.N*dy.C])
	}
}

// weightSums is weightGrad without dy's sums.
func (o *linearPass) weightSums(w *Worker, x []float32, dy Tensor, first bool) {
	sums := conv.Sums{DW: o.dw, Workspace: o.workspace, Add: !first}
	o.weights.WeightGrad(w.Conv, sums, x, dy.F, dy.N, w.ID, w.Of)
}

// weightGradAt is weightGrad of all images at position q, whose dy alone is given.
func (o *linearPass) weightGradAt(w *Worker, x, dy []float32, q int) {
	o.weights.WeightGradAt(w.Conv, conv.Sums{DW: o.dw}, x, dy, o.in.N, q)
	if o.dbias != nil {
		sum := o.sums[q*o.out.C:][:o.out.C]
		clear(sum)
		w.Kernels.ColumnSums(sum, dy)
	}
}

// finishWeightGrad is the third, after all chunks, where the plan has sums to turn into dW.
func (o *linearPass) finishWeightGrad(w *Worker) {
	o.weights.FinishWeightGrad(w.Conv, conv.Sums{DW: o.dw, Workspace: o.workspace}, w.ID, w.Of)
}

// biasGrad is the last: dbias = the sums over all positions, in their order.
func (o *linearPass) biasGrad(w *Worker) {
	c := o.out.C
	c0, c1 := pool.Split(c, w.Of, w.ID)
	for i := c0; i < c1; i++ {
		sum := 0.0
		for p := i; p < len(o.sums); p += c {
			sum += float64(o.sums[p])
		}
		o.dbias[i] = float32(sum)
	}
}

// Tangent: ty = leaky'(y) (tx W).
func (o *linearPass) Tangent(w *Worker, ty Tensor, tx []Tensor, _ []Tensor, y Tensor, s Share) {
	o.forward(w, ty.F, tx[0].F, conv.Epilogue{Slope: 1}, s)
	if o.slope == 1 {
		return
	}
	c := spansOf(s, &ty, &y)
	for i := range c.count() {
		t := c.of(&ty, i)
		w.Kernels.LeakyGrad(t, t, c.of(&y, i), o.slope)
	}
}

// addForward lists the stages of Forward.
func (o *linearPass) addForward(p *Pass, l *stages, t *passNode) {
	run := func(w *Worker, s Share) { o.Forward(w, t.yt, t.xt, s) }
	switch {
	case t.recomputed != nil: // x is a block that the worker has just made
		l.byImage(t, func(w *Worker, s Share) {
			o.forward(w, t.yt.F[s.N0*t.y.C:], w.block, conv.Epilogue{Bias: o.bias, Slope: o.slope}, Share{N1: s.N1 - s.N0})
		})
	case o.byPosition:
		l.byPosition(t.y.Positions(), t.op, "forward", func(w *Worker, s Share) {
			o.forwardAt(w, t.yt, t.xt[0], s.N0)
		})
	case t.heavy(o):
		l.whole(p.o.Batch, 1, t.op, "forward", run)
	default:
		l.byImage(t, run)
	}
}

// addBackward lists the stages of a chunk, and those after the last one.
func (o *linearPass) addBackward(p *Pass, l, end *stages, t *passNode) {
	if t.paired != nil { // what it gets from there does not outlast the position
		l.byPosition(t.y.Positions(), t.op, "weight gradient", func(w *Worker, s Share) {
			o.weightGradAt(w, t.xt[0].F, t.paired.gradientAt(w, s.N0), s.N0)
		})
		return
	}
	name := "input gradient"
	if o.input == nil {
		name = "backward"
	}
	l.whole(p.chunk, 1, t.op, name, func(w *Worker, s Share) {
		from := 0
		if t.dxb[0] == inputGradient {
			from = p.from - p.lo
		}
		o.backwardFrom(w, p.gradient(t, 0), t.dyt, t.yt.images(p.lo, p.chunk), s, from)
		p.scaleRows(w, t.dyt, s)
	})
	if !t.frozen {
		o.addWeightGrad(p, l, end, t)
	}
}

// addWeightGrad lists the stages of the weight gradient, and of what of it comes after all chunks.
func (o *linearPass) addWeightGrad(p *Pass, l, end *stages, t *passNode) {
	const name = "weight gradient"
	if t.recomputed == nil {
		l.once(t.op, name, func(w *Worker, _ Share) {
			o.weightGrad(w, t.xt[0].images(p.lo, p.chunk).F, t.dyt, p.lo == 0)
		})
	} else { // every worker recomputes x, a block at a time
		l.All(p.chunk, o.blocks.N,
			l.task(t.recomputed.op, "backward", func(w *Worker, s Share) { t.recomputed.recomputeBlock(w, o.blocks, s) }),
			l.task(t.op, name, func(w *Worker, s Share) {
				o.weightGrad(w, w.block, t.dyt.images(s.N0, s.N1-s.N0), s.N0 == 0)
			}))
	}
	finish := func(w *Worker, _ Share) { o.finishWeightGrad(w) }
	switch {
	case o.weights.SumsLen() == 0:
	case !p.whole():
		end.once(t.op, name, finish)
	default:
		l.once(t.op, name, finish)
	}
	if o.scattered() {
		end.once(t.op, "bias gradient", func(w *Worker, _ Share) { o.biasGrad(w) })
	}
}

// packTasks are the matrices to pack before Forward and before Backward.
func (o *linearPass) packTasks() (forward, backward []packTask) {
	if !o.byPosition {
		forward = append(forward, packTask{len(o.packed), func(w *Worker) { o.plan.Pack(w.Conv, o.packed, o.weight.Data) }})
	}
	if o.input != nil {
		backward = append(backward, packTask{len(o.packedT), func(w *Worker) { o.input.PackGrad(w.Conv, o.packedT, o.weight.Data) }})
	}
	return forward, backward
}
