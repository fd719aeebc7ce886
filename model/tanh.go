package model

import "github.com/gantiny/gantiny/internal/fmath"

// Tanh is y = tanh(x).
type Tanh struct{ fromSigned }

func init() { Register[Tanh]() }

// Kind returns "tanh".
func (Tanh) Kind() string { return "tanh" }

// At returns y.
func (Tanh) At(x float64) float64 { return fmath.Tanh(x) }

// Derivative returns 1 - y*y.
func (Tanh) Derivative(_, y float64) float64 { return 1 - float64(y*y) }

// Lower: see simd.Kernels.
func (l Tanh) Lower(*Lowering) (Kernel, error) { return l.kernel(), nil }

func (Tanh) kernel() *byOutput {
	return &byOutput{
		func(w *Worker, y, x []float32) { w.Kernels.Tanh(y, x) },
		func(w *Worker, dx, dy, y []float32) { w.Kernels.TanhGrad(dx, dy, y) },
	}
}
