package model

import "github.com/gantiny/gantiny/quant"

// Add is y = x0 + x1. The second input has the shape of the first, or is (1, 1, C), a value a
// channel for all positions; (H, W, 1), a value a position for all channels; or (1, 1, 1), one for
// the image.
type Add struct{}

func init() { Register[Add]() }

// Kind returns "add".
func (Add) Kind() string { return "add" }

// Infer returns what the first input is.
func (Add) Infer(in []Spec) (Spec, error) {
	if _, err := broadcastOf(in); err != nil {
		return Spec{}, err
	}
	return in[0], nil
}

// Params returns none.
func (Add) Params([]Spec) []Param { return nil }

// Reference: y = x0 + x1.
func (Add) Reference(y []float64, x, _ [][]float64, in []Spec) {
	b, _ := broadcastOf(in)
	b.reference(in[0].Shape, func(i, j int) { y[i] = x[0][i] + x[1][j] })
}

// keeps: Backward reads neither inputs nor output.
func (Add) keeps() (limit, output need) { return nothing, nothing }

func (Add) backwardInPlace() {}

// Lower: see adder.
func (Add) Lower(at *Lowering) (Kernel, error) { return newAdder(at) }

func (Add) int8Form(out quant.Params) Op { return QAdd{out} }

// adder is an Add on layouts.
type adder struct{ pairwise }

func newAdder(l *Lowering) (*adder, error) {
	how, err := broadcastOf(l.Specs)
	return &adder{pairwise{
		how:  how,
		rows: func(w *Worker, dst, x, other []float32) { w.Kernels.BiasLeaky(dst, x, other, 1) },
		same: func(dst, x []float32) {
			for i, v := range x {
				dst[i] = v + v
			}
		},
		one: func(dst, x []float32, b float32) {
			for i, v := range x {
				dst[i] = v + b
			}
		},
	}}, err
}

// Forward: y = x0 + x1.
func (o *adder) Forward(w *Worker, y Tensor, x []Tensor, s Share) { o.run(w, y, x[0], x[1], s) }

func (*adder) overwrites() {}

// Backward: dx0 = dy, dx1 = dy or its sums.
func (o *adder) Backward(_ *Worker, dx []Tensor, dy Tensor, _ []Tensor, _ Tensor, s Share) {
	switch {
	case dx[1].F == nil:
	case o.how == sameShape:
		copyRows(dx[1], dy, s)
	default:
		o.how.sumTo(dx[1], dy, nil, s)
	}
	if dx[0].F != nil {
		copyRows(dx[0], dy, s)
	}
}

// Tangent: ty = tx0 + tx1; an input without a tangent counts as 0.
func (o *adder) Tangent(w *Worker, ty Tensor, tx []Tensor, _ []Tensor, _ Tensor, s Share) {
	switch {
	case tx[1].F == nil:
		copyRows(ty, tx[0], s)
	case tx[0].F == nil:
		for p, n := range s.rows(ty.Layout) {
			clear(ty.At(p, n))
		}
		o.run(w, ty, ty, tx[1], s)
	default:
		o.run(w, ty, tx[0], tx[1], s)
	}
}
