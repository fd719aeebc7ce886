package fmath_test

import (
	"math"
	"math/big"
)

// The functions again, in slow and simple arithmetic of many bits.
const precision = 220

func num(v float64) *big.Float       { return new(big.Float).SetPrec(precision).SetFloat64(v) }
func add(x, y *big.Float) *big.Float { return num(0).Add(x, y) }
func sub(x, y *big.Float) *big.Float { return num(0).Sub(x, y) }
func mul(x, y *big.Float) *big.Float { return num(0).Mul(x, y) }
func quo(x, y *big.Float) *big.Float { return num(0).Quo(x, y) }

// series returns x + p(1)/weigh(1) + p(2)/weigh(2) + ... with p(0) = x and
// p(n) = p(n-1) * ratio / divide(n), until a term leaves the sum as it is.
func series(x, ratio *big.Float, divide, weigh func(n float64) float64) *big.Float {
	sum, p := num(0).Set(x), num(0).Set(x)
	for n := 1.0; ; n++ {
		p = quo(mul(p, ratio), num(divide(n)))
		next := add(sum, quo(p, num(weigh(n))))
		if next.Cmp(sum) == 0 {
			return sum
		}
		sum = next
	}
}

func one(float64) float64 { return 1 }

func bigExpm1(x *big.Float) *big.Float {
	if x.MantExp(nil) > 0 {
		return sub(bigExp(x), num(1))
	}
	return series(x, x, func(n float64) float64 { return n + 1 }, one)
}

func bigExp(x *big.Float) *big.Float {
	halvings := max(0, x.MantExp(nil)+4)
	y := add(num(1), bigExpm1(num(0).SetMantExp(x, -halvings)))
	for range halvings {
		y = mul(y, y)
	}
	return y
}

func bigLog(x *big.Float) *big.Float {
	m := new(big.Float)
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := num(math.Log(f) + float64(e)*math.Ln2)
	for range 2 { // Halley's method, which trebles the digits
		p := bigExp(y)
		y = add(y, mul(num(2), quo(sub(x, p), add(x, p))))
	}
	return y
}

func bigLog1p(x *big.Float) *big.Float {
	if x.MantExp(nil) > -20 {
		return bigLog(add(num(1), x))
	}
	return series(x, num(0).Neg(x), one, func(n float64) float64 { return n + 1 })
}

var sqrtPi, _, _ = big.ParseFloat("1.77245385090551602729816748334114518279754945612238712821380779", 10, precision, big.ToNearestEven)

func bigErf(x *big.Float) *big.Float {
	if num(0).Abs(x).Cmp(num(4)) > 0 {
		return sub(num(1), bigErfc(x))
	}
	sum := series(x, num(0).Neg(mul(x, x)), func(n float64) float64 { return n }, func(n float64) float64 { return 2*n + 1 })
	return quo(mul(num(2), sum), sqrtPi)
}

// bigErfc is e^(-x*x)/(x*sqrt(pi)) / (1 + v/(1 + 2v/(1 + 3v/...))) for large x; v = 1/(2*x*x).
func bigErfc(x *big.Float) *big.Float {
	if x.Sign() < 0 {
		return sub(num(2), bigErfc(num(0).Neg(x)))
	}
	if x.Cmp(num(4)) < 0 {
		return sub(num(1), bigErf(x))
	}
	square := mul(x, x)
	v := quo(num(0.5), square)
	fraction := num(1)
	for n := 300.0; n > 0; n-- {
		fraction = add(num(1), quo(mul(num(n), v), fraction))
	}
	return quo(bigExp(num(0).Neg(square)), mul(mul(x, sqrtPi), fraction))
}

func bigTanh(x *big.Float) *big.Float {
	m := bigExpm1(mul(num(2), x))
	return quo(m, add(m, num(2)))
}

func bigSigmoid(x *big.Float) *big.Float {
	e := bigExp(x)
	return quo(e, add(num(1), e))
}

func bigSoftplus(x *big.Float) *big.Float { return bigLog1p(bigExp(x)) }
