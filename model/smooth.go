package model

// smooth is a Pointwise operator with a kernel of package simd for At, which gives it in float32;
// Backward is pointwise's.
type smooth struct {
	pointwise
	forward func(w *Worker, y, x []float32)
}

// Forward: y = At(x), within the errors that simd states.
func (o *smooth) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	for i := range c.count() {
		o.forward(w, c.of(&y, i), c.of(&x[0], i))
	}
}
