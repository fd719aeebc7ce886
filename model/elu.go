package model

import (
	"errors"
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// ELU is y = x where x > 0 and Alpha * (exp(x)-1) elsewhere (Clevert et al. 2015).
type ELU struct {
	fromSigned
	Alpha float64 `json:"alpha"` // above 0; 1 if unset
}

func init() { Register[ELU]() }

// Kind returns "elu".
func (ELU) Kind() string { return "elu" }

// Infer returns what the input is.
func (l ELU) Infer(in []Spec) (Spec, error) {
	if !(l.Alpha > 0 && l.Alpha < math.MaxFloat32) {
		return Spec{}, errors.New("alpha must be above 0")
	}
	return sameAs(in)
}

func (l ELU) withDefaults() Op {
	if l.Alpha == 0 {
		l.Alpha = 1
	}
	return l
}

// At returns y.
func (l ELU) At(x float64) float64 {
	if x > 0 {
		return x
	}
	return l.Alpha * fmath.Expm1(x)
}

// Derivative returns 1 where y > 0, y + Alpha elsewhere.
func (l ELU) Derivative(_, y float64) float64 {
	if y > 0 {
		return 1
	}
	return y + l.Alpha
}

// Lower: see simd.Kernels.
func (l ELU) Lower(*Lowering) (Kernel, error) {
	a := float32(l.Alpha)
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.ELU(y, x, a, 1) }}, nil
}
