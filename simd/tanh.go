package simd

import "math"

// Tanh and Sigmoid, of our own because math.Exp differs between architectures. Both stand on
// expNeg; all rows take the same steps, and fma(x, y, z) is x*y+z: rounded twice here, once in rows
// with FMA true. A NaN comes out as a NaN.
//
// Errors, over all float32, in both kinds of rows: tanh at most 1e-7 absolute and 2e-7 relative,
// and exactly +-1 where |x| > 10; sigmoid at most 1e-7 absolute and, where x > -87, 2e-7 relative.
// The two kinds differ by 2e-7 at most.
//
// The coefficients are minimax fits of the relative error; testdata/tanh_fit.py finds them.

// tanh, with z = |x| and the sign of x put back at the end:
//
//	z < tanhCut:  u = z*z; s = T3; s = fma(s, u, T2), then T1, T0; tanh = fma(u*z, s, z)
//	otherwise:    e = expNeg(z+z); tanh = 1 - (e+e)/(1+e)
func tanh(x float32) float32 {
	bits := math.Float32bits(x)
	sign := bits & (1 << 31)
	z := math.Float32frombits(bits ^ sign)
	var y float32
	if z < tanhCut {
		u := z * z
		s := float32(float32(tanhT3)*u) + tanhT2
		s = float32(s*u) + tanhT1
		s = float32(s*u) + tanhT0
		y = float32(u*z*s) + z
	} else {
		e := expNeg(z + z)
		y = 1 - (e+e)/(1+e)
	}
	return math.Float32frombits(math.Float32bits(y) | sign)
}

// sigmoid: with e = expNeg(|x|), e/(1+e) where x < 0 and 1/(1+e) elsewhere.
func sigmoid(x float32) float32 {
	e := expNeg(math.Float32frombits(math.Float32bits(x) &^ (1 << 31)))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// expNeg is exp(-y) for y >= 0: 0 where y > expMax, else with k = round(y/ln 2) and r = k*ln 2 - y
//
//	t = fma(y, log2E, roundMagic); k = t - roundMagic           k also stands in the low bits of t
//	r = fma(k, ln2Hi, -y); r = fma(k, ln2Lo, r)
//	p = E4; p = fma(p, r, E3), then E2, E1, E0, 1, 1            exp(r)
//	expNeg = p * 2^-k                                           2^-k has the bits 0x3f800000 - t<<23
func expNeg(y float32) float32 {
	if y > expMax {
		return 0
	}
	t := float32(y*log2E) + roundMagic
	k := t - roundMagic
	r := float32(k*ln2Hi) - y
	r += float32(k * ln2Lo)
	p := float32(float32(expE4)*r) + expE3
	p = float32(p*r) + expE2
	p = float32(p*r) + expE1
	p = float32(p*r) + expE0
	p = float32(p*r) + 1
	p = float32(p*r) + 1
	return float32(p * math.Float32frombits(0x3f800000-math.Float32bits(t)<<23))
}

const (
	// tanh z = z + z*u*(T0 + T1*u + T2*u*u + T3*u*u*u), u = z*z, for z below the cut.
	tanhCut = 0.5
	tanhT0  = -0.333331439
	tanhT1  = 0.1332587896
	tanhT2  = -0.05304549441
	tanhT3  = 0.0172414918

	// exp(r) = 1 + r + r*r*(E0 + E1*r + ... + E4*r^4) for |r| <= ln(2)/2.
	expE0 = 0.4999999345
	expE1 = 0.1666652063
	expE2 = 0.04166838807
	expE3 = 0.00836871685
	expE4 = 0.001381459647

	expMax     = 87 // exp(-87) and its factors are still normal numbers
	log2E      = 1.44269504
	roundMagic = 3 << 22 // adding it rounds to an integer
	ln2Hi      = 0.693145751953125
	ln2Lo      = 1.42860677e-6
)
