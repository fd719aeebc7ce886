package fmath

import "math"

// Log returns the natural logarithm of x: -Inf for 0, NaN below.
func Log(x float64) float64 {
	switch {
	case !(x > 0 && x <= math.MaxFloat64):
		return logLimit(x)
	case x < 0x1p-1022:
		return logParts(x*0x1p54, 0, -54)
	}
	return logParts(x, 0, 0)
}

// Log1p returns ln(1+x), precise where x is near 0 too: -Inf for -1, NaN below.
func Log1p(x float64) float64 {
	switch {
	case !(x > -1 && x <= math.MaxFloat64):
		return logLimit(1 + x)
	case math.Abs(x) < 0x1p-54:
		return x // -0 stays -0
	}
	// ln(u+c) = ln u + c/u - ..., where u is 1+x rounded and c what rounding took away.
	u := 1 + x
	c := x - (u - 1)
	if x > 1 {
		c = 1 - (u - x)
	}
	return logParts(u, c/u, 0)
}

// logLimit is Log of what logParts does not take.
func logLimit(x float64) float64 {
	switch {
	case x == 0:
		return math.Inf(-1)
	case x > 0:
		return x // +Inf
	}
	return math.NaN()
}

// logParts returns ln x + lo + k*ln 2 for a normal x and |lo| < 1e-15. It takes powers of 2 from x
// until 1+f is left, between the square roots of 1/2 and 2. With s = f/(2+f),
//
//	ln(1+f) = 2*atanh(s) = 2s + s*R,  R = 2/3*s^2 + 2/5*s^4 + ... + 2/23*s^22,
//
// which ends at a relative error of 2e-18; and 2s = f - s*f = f - f^2/2 + s*f^2/2, so that the
// largest term f is exact.
func logParts(x, lo float64, k int) float64 {
	bits := math.Float64bits(x)
	e := int64(bits-sqrtHalf) >> 52
	f := math.Float64frombits(bits-uint64(e)<<52) - 1
	n := float64(int64(k) + e)

	s := f / (2 + f)
	z := s * s
	z2 := z * z
	z4 := float64(z2 * z2)
	a := 2.0/3 + float64(z*(2.0/5))
	b := 2.0/7 + float64(z*(2.0/9))
	c := 2.0/11 + float64(z*(2.0/13))
	d := 2.0/15 + float64(z*(2.0/17))
	g := 2.0/19 + float64(z*(2.0/21)) + float64(z2*(2.0/23))
	ab, cd := a+float64(z2*b), c+float64(z2*d)
	r := float64(z * (ab + float64(z4*(cd+float64(z4*g)))))

	h := float64(0.5 * f * f)
	return float64(n*ln2Hi) - ((h - (float64(s*(h+r)) + (float64(n*ln2Lo) + lo))) - f)
}

// sqrtHalf holds the bits of the square root of 1/2.
const sqrtHalf = 0x3fe6a09e667f3bcd
