package fmath

import "math"

// Tanh returns the hyperbolic tangent of x, (e^x - e^-x) / (e^x + e^-x).
func Tanh(x float64) float64 {
	z := math.Abs(x)
	switch {
	case math.IsNaN(x):
		return math.NaN()
	case z > 20:
		return math.Copysign(1, x)
	}
	m := Expm1(2 * z)
	return math.Copysign(m/(m+2), x)
}

// Sigmoid returns 1 / (1 + e^-x).
func Sigmoid(x float64) float64 {
	e := Exp(-math.Abs(x))
	switch {
	case x < 0:
		return e / (1 + e)
	case x >= 0:
		return 1 / (1 + e)
	}
	return math.NaN()
}

// Softplus returns ln(1 + e^x).
func Softplus(x float64) float64 {
	y := Log1p(Exp(-math.Abs(x)))
	if x > 0 {
		return x + y
	}
	return y
}
