package model

// This file holds what activations share that have no kernels of their own in package simd.

// piecewise is a Pointwise operator that is piecewise linear.
type piecewise struct{ pointwise }

// Tangent: ty = tx * Derivative(x, y).
func (o *piecewise) Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share) {
	o.Backward(w, []Tensor{ty}, tx[0], x, y, s)
}

func newPiecewise(o Pointwise) *piecewise { return &piecewise{pointwise{o}} }
