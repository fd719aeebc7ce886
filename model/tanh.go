package model

// Tanh is y = tanh(x).
type Tanh struct{}

// Kind returns "tanh".
func (Tanh) Kind() string { return "tanh" }

// Output returns in.
func (Tanh) Output(in Shape) (Shape, error) { return in, nil }

func (Tanh) params(Shape) []Param  { return nil }
func (l Tanh) withDefaults() Layer { return l }

type tanh struct{ maps }

// Forward: y = tanh(x).
func (o *tanh) Forward(w *worker, y, x []float32, s share) {
	c := o.cut(s)
	for i := range c.spans() {
		w.k.Tanh(c.dst(y, i), c.src(x, i))
	}
}

// Backward: dx = dy * (1 - y*y).
func (o *tanh) Backward(w *worker, g gradients) {
	for i := range g.spans() {
		w.k.TanhGrad(g.span(i))
	}
}
