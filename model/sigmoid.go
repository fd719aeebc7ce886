package model

// Sigmoid is y = 1 / (1 + exp(-x)).
type Sigmoid struct{}

// Kind returns "sigmoid".
func (Sigmoid) Kind() string { return "sigmoid" }

// Output returns in.
func (Sigmoid) Output(in Shape) (Shape, error) { return in, nil }

func (Sigmoid) params(Shape) []Param  { return nil }
func (l Sigmoid) withDefaults() Layer { return l }

type sigmoid struct{ maps }

// Forward: y = 1 / (1 + exp(-x)).
func (o *sigmoid) Forward(w *worker, y, x []float32, s share) {
	c := o.cut(s)
	for i := range c.spans() {
		w.k.Sigmoid(c.dst(y, i), c.src(x, i))
	}
}

// Backward: dx = dy * y * (1 - y).
func (o *sigmoid) Backward(w *worker, dx, dy, y []float32, s share) {
	c := o.cut(s)
	for i := range c.spans() {
		dst, g, out := c.src(dx, i), c.dst(dy, i), c.dst(y, i)
		for j, v := range out {
			dst[j] = g[j] * v * (1 - v)
		}
	}
}
