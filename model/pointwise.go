package model

// Elementwise is meant to be embedded by operators that apply one function to every element. The
// output has the Spec of the input, and there are no parameters.
type Elementwise struct{}

// Infer returns what the input is.
func (Elementwise) Infer(in []Spec) (Spec, error) { return sameAs(in) }

// Params returns none.
func (Elementwise) Params([]Spec) []Param { return nil }

func (Elementwise) anyLayout() {}

// sameAs returns the Spec of the one float32 input.
func sameAs(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	return in[0], nil
}

// pointwise is a Pointwise operator on layouts: y = float32(At(x)), element by element.
type pointwise struct{ op Pointwise }

// Forward: y = At(x).
func (o *pointwise) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	for i := range c.count() {
		dst := c.of(&y, i)
		for j, v := range c.of(&x[0], i) {
			dst[j] = float32(o.op.At(float64(v)))
		}
	}
}

func (o *pointwise) overwrites() {}

// Backward: dx = dy * Derivative(x, y).
func (o *pointwise) Backward(_ *Worker, dx []Tensor, dy Tensor, x []Tensor, y Tensor, s Share) {
	c := spansOf(s, &dx[0], &dy, &x[0], &y)
	for i := range c.count() {
		to, from, in, out := c.of(&dx[0], i), c.of(&dy, i), c.of(&x[0], i), c.of(&y, i)
		for j, d := range from {
			to[j] = float32(float64(d) * o.op.Derivative(float64(in[j]), float64(out[j])))
		}
	}
}

// byOutput is an activation whose derivative follows from its output alone, by kernels of package
// simd.
type byOutput struct {
	forward  func(w *Worker, y, x []float32)
	backward func(w *Worker, dx, dy, y []float32)
}

func (o *byOutput) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	for i := range c.count() {
		o.forward(w, c.of(&y, i), c.of(&x[0], i))
	}
}

func (o *byOutput) overwrites() {}

func (o *byOutput) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, y Tensor, s Share) {
	c := spansOf(s, &dx[0], &dy, &y)
	for i := range c.count() {
		o.backward(w, c.of(&dx[0], i), c.of(&dy, i), c.of(&y, i))
	}
}
