package model

import "github.com/gantiny/gantiny/quant"

// Mul is y = x0 * x1, element by element. The second input has one of the shapes that Add takes: a
// gate, for one, is a value a channel.
type Mul struct{}

func init() { Register[Mul]() }

// Kind returns "mul".
func (Mul) Kind() string { return "mul" }

// Infer returns what the first input is.
func (Mul) Infer(in []Spec) (Spec, error) { return Add{}.Infer(in) }

// Params returns none.
func (Mul) Params([]Spec) []Param { return nil }

// Reference: y = x0 * x1.
func (Mul) Reference(y []float64, x, _ [][]float64, in []Spec) {
	b, _ := broadcastOf(in)
	b.reference(in[0].Shape, func(i, j int) { y[i] = x[0][i] * x[1][j] })
}

// keeps: Backward reads the inputs.
func (Mul) keeps() (limit, output need) { return never, nothing }

func (Mul) backwardInPlace() {}
func (Mul) bilinear()        {}

// Lower: see multiplier.
func (Mul) Lower(at *Lowering) (Kernel, error) { return newMultiplier(at) }

func (Mul) int8Form(out quant.Params) Op { return QMul{out} }

// multiplier is a Mul on layouts.
type multiplier struct{ pairwise }

// mulAtOnce is how many products one call of a kernel makes.
const mulAtOnce = 4096

func newMultiplier(l *Lowering) (*multiplier, error) {
	how, err := broadcastOf(l.Specs)
	zeros := make([]float32, min(mulAtOnce, l.Out.N*l.Out.C))
	return &multiplier{pairwise{
		how: how,
		rows: func(w *Worker, dst, x, other []float32) {
			for n := len(zeros); len(x) > 0; dst, x, other = dst[n:], x[n:], other[n:] {
				n = min(n, len(x))
				w.Kernels.Affine(dst[:n], x[:n], other[:n], zeros[:n], 1)
			}
		},
		same: func(dst, x []float32) {
			for i, v := range x {
				dst[i] = v * v
			}
		},
		one: func(dst, x []float32, a float32) {
			for i, v := range x {
				dst[i] = v * a
			}
		},
	}}, err
}

// Forward: y = x0 * x1.
func (o *multiplier) Forward(w *Worker, y Tensor, x []Tensor, s Share) { o.run(w, y, x[0], x[1], s) }

func (*multiplier) overwrites() {}

// Backward: dx1 = dy * x0 or its sums, then dx0 = dy * x1, which may lie where dy does.
func (o *multiplier) Backward(w *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	switch {
	case dx[1].F == nil:
	case o.how == sameShape:
		o.run(w, dx[1], dy, x[0], s)
	default:
		o.how.sumTo(dx[1], dy, &x[0], s)
	}
	if dx[0].F != nil {
		o.run(w, dx[0], dy, x[1], s)
	}
}

// Tangent: ty = tx0 * x1 + x0 * tx1, where at most one input has a tangent: a product of two that
// both follow the input of the network is not linear in it.
func (o *multiplier) Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, _ Tensor, s Share) {
	if tx[0].F != nil {
		o.run(w, ty, tx[0], x[1], s)
		return
	}
	o.run(w, ty, x[0], tx[1], s)
}
