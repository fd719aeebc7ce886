package model

// This file holds what activations share: each embeds what says which values its Backward reads.

// inPlace is an Elementwise operator whose dx may lie where dy does.
type inPlace struct{ Elementwise }

func (inPlace) backwardInPlace() {}

// fromInput: the derivative follows from x.
type fromInput struct{ inPlace }

func (fromInput) keeps() (limit, output need) { return never, nothing }

// fromOutput: the derivative follows from y, which may not tell the sign of x.
type fromOutput struct{ inPlace }

func (fromOutput) keeps() (limit, output need) { return nothing, everything }

// fromSigned: the derivative follows from y, whose sign is that of x.
type fromSigned struct{ inPlace }

func (fromSigned) keeps() (limit, output need) { return signs, everything }

// fromBoth: the derivative follows from x and y.
type fromBoth struct{ inPlace }

func (fromBoth) keeps() (limit, output need) { return never, everything }

// piecewise is a Pointwise operator that is piecewise linear.
type piecewise struct{ pointwise }

// Tangent: ty = tx * Derivative(x, y).
func (o *piecewise) Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share) {
	o.Backward(w, []Tensor{ty}, tx[0], x, y, s)
}
