package simd

import "math"

// Smooth activations. All but ELU are relu(x) less a term of z = |x| that vanishes for large z, so
// that one side keeps the precision of x and nothing overflows; all stand on expNeg's steps, see
// tanh.go, where fma is explained too. relu(x) is 0 where x < 0 and x elsewhere: a NaN stays one.
// What is infinite gives the function's limit.
//
// Errors, over all float32, in both kinds of rows; an ulp is 2^-23 of the result, and where less
// than the absolute error remains of a function, its relative error may be any:
//
//	GELU            3 ulp or 1e-8
//	Gate as GELU    4 ulp or 1e-8
//	Gate as SiLU    3 ulp or 2e-36, which is all that is left at x = -87
//	Mish            3 ulp or 2e-36
//	Softplus        3 ulp or 1e-37
//	ELU             2 ulp, for a = s = 1
//
// The coefficients are minimax fits of the relative error; testdata/tanh_fit.py finds them.

// gelu: with z = min(|x|, zMax), x*F(x) = relu(x) - z*F(-z) for the normal distribution function F
//
//	u = z*z; e = expNeg(u*0.5)
//	p = P4; p = fma(p, z, P3), then P2, P1, P0
//	q = Q5; q = fma(q, z, Q4), then Q3, Q2, Q1, 1           e*p/q = F(-z)
//	gelu = fma(-z, (e*p)/q, relu(x))
func gelu(x float32) float32 {
	z := min(abs(x), zMax)
	e := expNeg(float32(z*z) * 0.5)
	p := float32(float32(geluP4)*z) + geluP3
	p = float32(p*z) + geluP2
	p = float32(p*z) + geluP1
	p = float32(p*z) + geluP0
	q := float32(float32(geluQ5)*z) + geluQ4
	q = float32(q*z) + geluQ3
	q = float32(q*z) + geluQ2
	q = float32(q*z) + geluQ1
	q = float32(q*z) + 1
	return relu(x) - float32(z*(float32(e*p)/q))
}

// gate: with z = min(|x|, zMax), x*sigmoid(w) = relu(x) - z*sigmoid(-|w|)
//
//	u = z*z; e = expNeg(z*fma(b, u, a))
//	gate = fma(-z, e/(1+e), relu(x))
func gate(x, a, b float32) float32 {
	z := min(abs(x), zMax)
	e := expNeg(float32(z * (float32(b*float32(z*z)) + a)))
	return relu(x) - float32(z*(e/(1+e)))
}

// softplus: ln(1+exp(x)) = relu(x) + ln(1+e) with e = expNeg(|x|)
//
//	s = e/(2+e); u = s*s
//	p = L3; p = fma(p, u, L2), then L1, L0, 2               s*p = ln(1+e)
//	softplus = fma(s, p, relu(x))
func softplus(x float32) float32 {
	e := expNeg(abs(x))
	s := e / (2 + e)
	u := s * s
	p := float32(float32(logL3)*u) + logL2
	p = float32(p*u) + logL1
	p = float32(p*u) + logL0
	p = float32(p*u) + 2
	return relu(x) + float32(s*p)
}

// mish: with z = min(|x|, zMax), e = expNeg(z) and q = e+e, x*tanh(ln(1+exp(x))) is
//
//	fma(-z, n/(n+2), relu(x)), n = fma(e, e, q)             where x < 0
//	fma(-z, n/(n+(1+q)), relu(x)), n = e*q                  elsewhere
func mish(x float32) float32 {
	z := min(abs(x), zMax)
	e := expNeg(z)
	q := e + e
	n := float32(e * q)
	d := n + (1 + q)
	if x < 0 {
		n = float32(e*e) + q
		d = n + 2
	}
	return relu(x) - float32(z*(n/d))
}

// elu: s*x where x > 0, a*(exp(x)-1) elsewhere, with y = -x where x < 0 and 0 elsewhere
//
//	elu = fma(a, expm1Neg(min(y, expMax)), s*relu(x))
func elu(x, a, s float32) float32 {
	var y float32
	if x < 0 {
		y = min(-x, expMax)
	}
	return float32(s*relu(x)) + float32(a*expm1Neg(y))
}

// expm1Neg is exp(-y)-1 for 0 <= y <= expMax, with k, r and t as in expNeg:
//
//	p = E4; p = fma(p, r, E3), then E2, E1, E0, 1           p*r = exp(r)-1
//	expm1Neg = fma(d, p*r, d-1), d = 2^-k
func expm1Neg(y float32) float32 {
	t := float32(y*log2E) + roundMagic
	k := t - roundMagic
	r := float32(k*ln2Hi) - y
	r += float32(k * ln2Lo)
	p := float32(float32(expE4)*r) + expE3
	p = float32(p*r) + expE2
	p = float32(p*r) + expE1
	p = float32(p*r) + expE0
	p = float32(p*r) + 1
	d := math.Float32frombits(0x3f800000 - math.Float32bits(t)<<23)
	return float32(d*float32(p*r)) + (d - 1)
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func relu(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

const (
	zMax = 128 // all that is taken from relu(x) has vanished long before

	// F(-z) = exp(-z*z/2) * (P0 + P1*z + ... + P4*z^4) / (1 + Q1*z + ... + Q5*z^5) for z from 0 to
	// 13.3, where exp gives way to 0; the error is 6e-9.
	geluP0 = 0.5
	geluP1 = 0.4358044279
	geluP2 = 0.1813977841
	geluP3 = 0.04001588196
	geluP4 = 0.00402519499
	geluQ1 = 1.669493786
	geluQ2 = 1.19485465
	geluQ3 = 0.4646215299
	geluQ4 = 0.1003122966
	geluQ5 = 0.01008952492

	// ln(1+e) = s*(2 + u*(L0 + L1*u + L2*u*u + L3*u*u*u)), s = e/(2+e), u = s*s, for e from 0 to 1;
	// the error is 5e-9.
	logL0 = 0.6666641628
	logL1 = 0.4002152728
	logL2 = 0.2800180476
	logL3 = 0.2801198908
)

func geluScalar(dst, x []float32) { each(dst, x, gelu) }

func gateScalar(dst, x []float32, a, b float32) {
	each(dst, x, func(v float32) float32 { return gate(v, a, b) })
}

func softplusScalar(dst, x []float32) { each(dst, x, softplus) }

func mishScalar(dst, x []float32) { each(dst, x, mish) }

func eluScalar(dst, x []float32, a, s float32) {
	each(dst, x, func(v float32) float32 { return elu(v, a, s) })
}

// each: dst[i] = f(x[i]).
func each(dst, x []float32, f func(float32) float32) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] = f(v)
	}
}
