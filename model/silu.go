package model

import "github.com/gantiny/gantiny/internal/fmath"

// SiLU is y = x / (1 + exp(-x)), also called swish (Elfwing et al. 2017).
type SiLU struct{ fromInput }

func init() { Register[SiLU]() }

// Kind returns "silu".
func (SiLU) Kind() string { return "silu" }

// At returns y.
func (SiLU) At(x float64) float64 { return x * fmath.Sigmoid(x) }

// Derivative returns s + x*s*(1-s), s = sigmoid(x).
func (SiLU) Derivative(x, _ float64) float64 {
	s := fmath.Sigmoid(x)
	return s + float64(x*s*(1-s))
}

// Lower: see simd.Kernels.
func (l SiLU) Lower(*Lowering) (Kernel, error) {
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.Gate(y, x, 1, 0) }}, nil
}
