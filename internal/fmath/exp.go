package fmath

import "math"

// Exp returns e^x: 0 and +Inf where that leaves float64's range.
func Exp(x float64) float64 {
	if !(x <= overflow && x > underflow) {
		return expLimit(x)
	}
	p, k := expParts(x, 0)
	return scale(1+p, k)
}

// Expm1 returns e^x - 1, precise where x is near 0 too.
func Expm1(x float64) float64 {
	switch {
	case x <= -40:
		return -1
	case !(x <= overflow):
		return expLimit(x)
	case math.Abs(x) < 0x1p-54:
		return x // -0 stays -0
	}
	p, k := expParts(x, 0)
	if k > 60 {
		return scale(1+p, k)
	}
	s := scale(1, k)
	return (s - 1) + float64(s*p) // s-1 is exact, or s to within its last bit
}

const (
	overflow  = 0x1.62e42fefa39efp9 // 709.78: the largest float64 with e^overflow in float64's range
	underflow = -745.2              // e^underflow is less than half the smallest subnormal number

	ln2Hi = 0x1.62e42feep-1  // the first 32 bits of ln 2, so that k*ln2Hi is exact
	ln2Lo = math.Ln2 - ln2Hi // the rest
	round = 0x1.8p52         // (x + round) - round is the integer nearest to x
)

// expLimit is Exp of what expParts does not take.
func expLimit(x float64) float64 {
	switch {
	case x > overflow:
		return math.Inf(1)
	case x < 0:
		return 0
	}
	return math.NaN()
}

// expParts returns p and k with e^(x+lo) = 2^k * (1+p), where |x| < 800, |lo| < 1e-3 and lo is
// far smaller than x, or 0: k is the integer nearest to x/ln 2 and p = e^r - 1 for the rest r, at
// most 0.35 in size, by its Taylor series
//
//	p = r + r^2/2! + ... + r^13/13!
//
// which ends at a relative error of 2e-17.
func expParts(x, lo float64) (p float64, k int) {
	n := float64(x*math.Log2E) + round - round
	r := (x - float64(n*ln2Hi)) + (lo - float64(n*ln2Lo)) // the first difference is exact

	// Pairs of terms, then pairs of pairs, so that a processor can work on several at once.
	r2 := r * r
	r4 := float64(r2 * r2)
	a := 1.0/2 + float64(r*(1.0/6))
	b := 1.0/24 + float64(r*(1.0/120))
	c := 1.0/720 + float64(r*(1.0/5040))
	d := 1.0/40320 + float64(r*(1.0/362880))
	e := 1.0/3628800 + float64(r*(1.0/39916800))
	f := 1.0/479001600 + float64(r*(1.0/6227020800))
	ab, cd, ef := a+float64(b*r2), c+float64(d*r2), e+float64(f*r2)
	q := ab + float64(r4*(cd+float64(r4*ef)))
	return r + float64(r2*q), int(n)
}

// scale returns y * 2^k for 0.01 < y < 2 and -1140 < k <= 1024, rounded once.
func scale(y float64, k int) float64 {
	switch {
	case k > 1023:
		y *= 2
		k--
	case k < -1022:
		y *= 0x1p-1000 // exact: the result is subnormal only after the product below
		return float64(y * power(k+1000))
	}
	return float64(y * power(k))
}

// power returns 2^k for -1022 <= k <= 1023.
func power(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }
