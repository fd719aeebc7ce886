package model

import "github.com/gantiny/gantiny/internal/fmath"

// Sigmoid is y = 1 / (1 + exp(-x)).
type Sigmoid struct{ fromOutput }

func init() { Register[Sigmoid]() }

// Kind returns "sigmoid".
func (Sigmoid) Kind() string { return "sigmoid" }

// At returns y.
func (Sigmoid) At(x float64) float64 { return fmath.Sigmoid(x) }

// Derivative returns y * (1 - y).
func (Sigmoid) Derivative(_, y float64) float64 { return y * (1 - y) }

// Lower: see simd.Kernels.
func (l Sigmoid) Lower(*Lowering) (Kernel, error) { return l.kernel(), nil }

func (Sigmoid) kernel() *byOutput {
	return &byOutput{
		func(w *Worker, y, x []float32) { w.Kernels.Sigmoid(y, x) },
		func(_ *Worker, dx, dy, y []float32) {
			for i, v := range y {
				dx[i] = dy[i] * v * (1 - v)
			}
		},
	}
}
