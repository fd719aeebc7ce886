package model

import "github.com/gantiny/gantiny/internal/fmath"

// Mish is y = x * tanh(ln(1 + exp(x))) (Misra 2019).
type Mish struct{ fromInput }

func init() { Register[Mish]() }

// Kind returns "mish".
func (Mish) Kind() string { return "mish" }

// At returns y.
func (Mish) At(x float64) float64 { return x * fmath.Tanh(fmath.Softplus(x)) }

// Derivative returns t + x * (1-t*t) * sigmoid(x), t = tanh(ln(1 + exp(x))).
func (Mish) Derivative(x, _ float64) float64 {
	t := fmath.Tanh(fmath.Softplus(x))
	return t + float64(x*(1-float64(t*t))*fmath.Sigmoid(x))
}

// Lower: see simd.Kernels.
func (l Mish) Lower(*Lowering) (Kernel, error) {
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.Mish(y, x) }}, nil
}
