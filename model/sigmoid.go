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
func (o *sigmoid) Backward(_ *worker, g gradients) {
	for i := range g.spans() {
		dx, dy, y := g.span(i)
		for j, v := range y {
			dx[j] = dy[j] * v * (1 - v)
		}
	}
}
