package fmath

import "math"

// Erf returns the error function of x, 2/sqrt(pi) times the integral of e^(-u*u) from 0 to x.
func Erf(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return math.NaN()
	case x > erfSeries:
		return 1 - erfcTail(x)
	case x < -erfSeries:
		return erfcTail(-x) - 1
	}
	return erfNear(x)
}

// Erfc returns 1 - Erf(x), precise where Erf is near 1 too. The normal distribution function of x
// is Erfc(-x/sqrt(2)) / 2.
func Erfc(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return math.NaN()
	case x > erfSeries:
		return erfcTail(x)
	case x < -erfSeries:
		return 2 - erfcTail(-x)
	}
	return 1 - erfNear(x)
}

// erfSeries is where Erf's series gives way to Erfc's approximation.
const erfSeries = 0.75

// erfNear is Erf for |x| <= erfSeries by its Taylor series
//
//	erf x = 2/sqrt(pi) * (x - x^3/3 + x^5/(2!*5) - x^7/(3!*7) + ... + x^29/(14!*29)),
//
// which ends at a relative error of 5e-18.
func erfNear(x float64) float64 {
	const first = 2 / math.SqrtPi
	z := x * x
	z2 := z * z
	z4 := float64(z2 * z2)
	z8 := float64(z4 * z4)
	a := -first/3 + float64(z*(first/10))
	b := -first/42 + float64(z*(first/216))
	c := -first/1320 + float64(z*(first/9360))
	d := -first/75600 + float64(z*(first/685440))
	e := -first/6894720 + float64(z*(first/76204800))
	f := -first/918086400 + float64(z*(first/11975040000))
	g := -first/168129561600 + float64(z*(first/2528170444800))
	ab, cd, ef := a+float64(b*z2), c+float64(d*z2), e+float64(f*z2)
	lo := ab + float64(z4*cd)
	hi := ef + float64(z4*g)
	return x + float64(x*((first-1)+float64(z*(lo+float64(z8*hi)))))
}

// erfcTail is Erfc for x >= erfSeries. With q = 1/(x+3) and t = (x-3)/(x+3) = 1 - 6q,
//
//	erfc x = e^(-x*x) * q * P(t),
//
// where P has 20 coefficients. testdata/erfc_fit.py finds them; their error is 6e-17 of the result.
func erfcTail(x float64) float64 {
	if x > 28 {
		return 0 // from 27.3 on it is below half the smallest subnormal number
	}
	// x*x to twice the precision: h has half of x's bits, so that h*h is exact.
	h := math.Float64frombits(math.Float64bits(x) &^ (1<<27 - 1))
	e, k := expParts(-float64(h*h), -float64((x-h)*(x+h)))

	const (
		t0  = 1.0740069070883396753
		t1  = -0.88339445316988352206
		t2  = 0.5902283571041129087
		t3  = -0.31046726190058140119
		t4  = 0.11952776128653827536
		t5  = -0.026827234623803071104
		t6  = -0.0012124166074882192502
		t7  = 0.0030340619841425648513
		t8  = -0.00054830995222039613385
		t9  = -0.00027677760313513939296
		t10 = 0.00010756343056756953391
		t11 = 0.000030396129461476168846
		t12 = -0.000017479127379293247459
		t13 = -4.7390695521314613847e-6
		t14 = 2.7873798552805719804e-6
		t15 = 9.6893270624898441367e-7
		t16 = -4.3813487013055336475e-7
		t17 = -1.8427457584593800825e-7
		t18 = 6.2418094668408237614e-8
		t19 = 1.2289073884238039873e-8
	)
	q := 1 / (x + 3)
	t := (x - 3) * q
	u := t * t
	u2 := float64(u * u)
	u4 := float64(u2 * u2)
	a := t0 + float64(t*t1)
	b := t2 + float64(t*t3)
	c := t4 + float64(t*t5)
	d := t6 + float64(t*t7)
	f := t8 + float64(t*t9)
	g := t10 + float64(t*t11)
	i := t12 + float64(t*t13)
	j := t14 + float64(t*t15)
	l := t16 + float64(t*t17)
	m := t18 + float64(t*t19)
	ab, cd, fg, ij, lm := a+float64(u*b), c+float64(u*d), f+float64(u*g), i+float64(u*j), l+float64(u*m)
	p := ab + float64(u2*cd) + float64(u4*(fg+float64(u2*ij)+float64(u4*lm)))
	return scale(float64((1+e)*q)*float64(p), k)
}
