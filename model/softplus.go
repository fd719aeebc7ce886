package model

import "github.com/gantiny/gantiny/internal/fmath"

// Softplus is y = ln(1 + exp(x)).
type Softplus struct{ fromOutput }

func init() { Register[Softplus]() }

// Kind returns "softplus".
func (Softplus) Kind() string { return "softplus" }

// At returns y.
func (Softplus) At(x float64) float64 { return fmath.Softplus(x) }

// Derivative returns sigmoid(x) = 1 - exp(-y).
func (Softplus) Derivative(_, y float64) float64 { return -fmath.Expm1(-y) }

// Lower: see simd.Kernels.
func (l Softplus) Lower(*Lowering) (Kernel, error) {
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.Softplus(y, x) }}, nil
}
