package model

import "fmt"

// LeakyReLU is y = x where x >= 0 and Slope*x elsewhere, 0 <= Slope <= 1.
type LeakyReLU struct {
	inPlace
	Slope float32 `json:"slope"`
}

func init() { Register[LeakyReLU]() }

// Kind returns "leakyrelu".
func (LeakyReLU) Kind() string { return "leakyrelu" }

// Infer returns what the input is.
func (l LeakyReLU) Infer(in []Spec) (Spec, error) {
	if !(l.Slope >= 0 && l.Slope <= 1) {
		return Spec{}, fmt.Errorf("slope %v, want 0 to 1", l.Slope)
	}
	return sameAs(in)
}

// At returns y.
func (l LeakyReLU) At(x float64) float64 {
	if x >= 0 {
		return x
	}
	return float64(l.Slope) * x
}

// Derivative returns 1 where y > 0, Slope elsewhere.
func (l LeakyReLU) Derivative(_, y float64) float64 {
	if y > 0 {
		return 1
	}
	return float64(l.Slope)
}

// Lower: see leaky.
func (l LeakyReLU) Lower(at *Lowering) (Kernel, error) { return newLeaky(l.Slope, at), nil }

func (l LeakyReLU) leak() float32 { return l.Slope }

// keeps: the sign of x is that of y.
func (LeakyReLU) keeps() (limit, output need) { return signs, signs }

// leaky is a LeakyReLU or ReLU that no other operator performs.
type leaky struct {
	slope float32
	zeros []float32 // C
}

func newLeaky(slope float32, l *Lowering) *leaky {
	return &leaky{slope, make([]float32, l.Out.C)}
}

// Forward: y = leaky(x).
func (o *leaky) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	for i := range c.count() {
		w.Kernels.BiasLeaky(c.of(&y, i), c.of(&x[0], i), o.zeros, o.slope)
	}
}

func (o *leaky) overwrites() {}

// Backward: dx = dy where y > 0, slope*dy elsewhere.
func (o *leaky) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, y Tensor, s Share) {
	c := spansOf(s, &dx[0], &dy, &y)
	for i := range c.count() {
		w.Kernels.LeakyGrad(c.of(&dx[0], i), c.of(&dy, i), c.of(&y, i), o.slope)
	}
}

// Tangent: ty = tx where y > 0, slope*tx elsewhere.
func (o *leaky) Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share) {
	o.Backward(w, []Tensor{ty}, tx[0], x, y, s)
}
