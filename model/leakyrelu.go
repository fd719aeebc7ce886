package model

import "fmt"

// LeakyReLU is y = x where x >= 0 and Slope*x elsewhere, 0 <= Slope <= 1.
type LeakyReLU struct {
	Slope float32 `json:"slope"`
}

// Kind returns "leakyrelu".
func (LeakyReLU) Kind() string { return "leakyrelu" }

// Output returns in.
func (l LeakyReLU) Output(in Shape) (Shape, error) {
	if !(l.Slope >= 0 && l.Slope <= 1) {
		return Shape{}, fmt.Errorf("slope %v, want 0 to 1", l.Slope)
	}
	return in, nil
}

func (LeakyReLU) params(Shape) []Param  { return nil }
func (l LeakyReLU) withDefaults() Layer { return l }

// leaky is a LeakyReLU or ReLU that no other operator performs.
type leaky struct {
	maps
	slope float32
	zeros []float32 // C
}

func newLeaky(m maps, slope float32) *leaky {
	return &leaky{m, slope, make([]float32, m.in.C)}
}

// Forward: y = leaky(x).
func (o *leaky) Forward(w *worker, y, x []float32, s share) {
	c := o.cut(s)
	for i := range c.spans() {
		dst, src := c.dst(y, i), c.src(x, i)
		w.k.BiasLeaky(dst, src, o.zeros, o.slope)
	}
}

// Backward: dx = dy where y > 0, slope*dy elsewhere.
func (o *leaky) Backward(w *worker, g gradients) {
	for i := range g.spans() {
		dx, dy, y := g.span(i)
		w.k.LeakyGrad(dx, dy, y, o.slope)
	}
}
