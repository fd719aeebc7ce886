package model

import (
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// GELU is y = x * F(x), where F is the normal distribution function (Hendrycks and Gimpel 2016).
// With Tanh it is their approximation x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715*x^3))).
type GELU struct {
	fromInput
	Tanh bool `json:"tanh"`
}

func init() { Register[GELU]() }

// The factors of the approximation: x/2 * (1 + tanh u) = x * sigmoid(2u), with 2u = x * (a +
// b*x*x).
const (
	geluLinear = 2 * math.Sqrt2 / math.SqrtPi
	geluCubic  = geluLinear * 0.044715
)

// Kind returns "gelu".
func (GELU) Kind() string { return "gelu" }

// At returns y.
func (l GELU) At(x float64) float64 { return x * l.gate(x) }

// gate is F or what stands for it.
func (l GELU) gate(x float64) float64 {
	if l.Tanh {
		return fmath.Sigmoid(x * (geluLinear + float64(geluCubic*x*x)))
	}
	return fmath.Erfc(x*(-1/math.Sqrt2)) / 2
}

// Derivative returns F(x) + x * F'(x).
func (l GELU) Derivative(x, _ float64) float64 {
	f := l.gate(x)
	if l.Tanh {
		return f + float64(x*f*(1-f)*(geluLinear+float64(3*geluCubic*x*x)))
	}
	const density = 1 / (math.Sqrt2 * math.SqrtPi)
	return f + float64(x*density*fmath.Exp(x*x*-0.5))
}

// Lower: see simd.Kernels.
func (l GELU) Lower(*Lowering) (Kernel, error) {
	if l.Tanh {
		return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.Gate(y, x, geluLinear, geluCubic) }}, nil
	}
	return &smooth{pointwise{l}, func(w *Worker, y, x []float32) { w.Kernels.GELU(y, x) }}, nil
}
