package model

import "github.com/gantiny/gantiny/internal/fmath"

// SELU is y = 1.0507 * x where x > 0 and 1.0507 * 1.6733 * (exp(x)-1) elsewhere: with these
// factors, which have more digits in fact, it keeps mean 0 and variance 1 (Klambauer et al. 2017).
type SELU struct{ fromSigned }

func init() { Register[SELU]() }

// The factors of SELU.
const (
	seluScale = 1.0507009873554804934193349852946
	seluAlpha = 1.6732632423543772848170429916717
)

// Kind returns "selu".
func (SELU) Kind() string { return "selu" }

// At returns y.
func (SELU) At(x float64) float64 {
	if x > 0 {
		return seluScale * x
	}
	return seluScale * seluAlpha * fmath.Expm1(x)
}

// Derivative returns 1.0507 where y > 0, y + 1.0507 * 1.6733 elsewhere.
func (SELU) Derivative(_, y float64) float64 {
	if y > 0 {
		return seluScale
	}
	return y + seluScale*seluAlpha
}

// Lower: see simd.Kernels.
func (l SELU) Lower(*Lowering) (Kernel, error) {
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.ELU(y, x, seluScale*seluAlpha, seluScale) }}, nil
}
