package simd

import (
	"math"
	"testing"
)

// activations are the smooth activations in one arithmetic.
type activations[T float] struct {
	gelu, softplus, mish func(x T) T
	gate, elu            func(x, a, b T) T
}

// trueActivations are what the kernels approximate; so that nothing cancels, of x below 0 too.
var trueActivations = activations[float64]{
	gelu:     func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
	softplus: trueSoftplus,
	mish:     func(x float64) float64 { return x * math.Tanh(trueSoftplus(x)) },
	gate:     func(x, a, b float64) float64 { return x / (1 + math.Exp(-x*(a+b*x*x))) },
	elu: func(x, a, s float64) float64 {
		if x > 0 {
			return s * x
		}
		return a * math.Expm1(x)
	},
}

func trueSoftplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// modelActivations are the steps of activation.go once more, over either kind of multiply-add.
func modelActivations(ma func(x, y, z float32) float32) activations[float32] {
	horner := func(x float32, c ...float32) float32 {
		s := c[0]
		for _, c := range c[1:] {
			s = ma(s, x, c)
		}
		return s
	}
	positive := func(x float32) float32 {
		if x < 0 {
			return 0
		}
		return x
	}
	size := func(x float32) float32 { return float32(math.Abs(float64(x))) }
	minus := func(x, z, g float32) float32 { return ma(-z, g, positive(x)) }
	return activations[float32]{
		gelu: func(x float32) float32 {
			z := min(size(x), zMax)
			e := expNegModel(ma, mul(mul(z, z), 0.5))
			p, q := horner(z, geluP4, geluP3, geluP2, geluP1, geluP0), horner(z, geluQ5, geluQ4, geluQ3, geluQ2, geluQ1, 1)
			return minus(x, z, mul(e, p)/q)
		},
		gate: func(x, a, b float32) float32 {
			z := min(size(x), zMax)
			e := expNegModel(ma, mul(z, ma(b, mul(z, z), a)))
			return minus(x, z, e/(1+e))
		},
		softplus: func(x float32) float32 {
			e := expNegModel(ma, size(x))
			s := e / (2 + e)
			return ma(s, horner(mul(s, s), logL3, logL2, logL1, logL0, 2), positive(x))
		},
		mish: func(x float32) float32 {
			z := min(size(x), zMax)
			e := expNegModel(ma, z)
			if x < 0 {
				n := ma(e, e, e+e)
				return minus(x, z, n/(n+2))
			}
			n := mul(e, e+e)
			return minus(x, z, n/(n+(1+(e+e))))
		},
		elu: func(x, a, s float32) float32 {
			y := min(positive(-x), expMax)
			t := ma(y, log2E, roundMagic)
			k := t - roundMagic
			r := ma(k, ln2Lo, ma(k, ln2Hi, -y))
			d := float32(math.Ldexp(1, -int(k)))
			m := ma(d, mul(horner(r, expE4, expE3, expE2, expE1, expE0, 1), r), d-1)
			return ma(a, m, mul(s, positive(x)))
		},
	}
}

// The parameters of Gate that make it GELU's approximation.
const gateA, gateB = 1.5957691, 0.07135481

func geluOpModel[T float](f arith[T], _ params, out, in [][]T) { mapTo(out[0], in[0], f.smooth.gelu) }

func gateOpModel[T float](f arith[T], _ params, out, in [][]T) {
	mapTo(out[0], in[0], func(x T) T { return f.smooth.gate(x, gateA, gateB) })
}

func softplusOpModel[T float](f arith[T], _ params, out, in [][]T) {
	mapTo(out[0], in[0], f.smooth.softplus)
}

func mishOpModel[T float](f arith[T], _ params, out, in [][]T) { mapTo(out[0], in[0], f.smooth.mish) }

func eluOpModel[T float](f arith[T], p params, out, in [][]T) {
	mapTo(out[0], in[0], func(x T) T { return f.smooth.elu(x, T(p.a), T(p.slope)) })
}

func mapTo[T float](dst, x []T, f func(T) T) {
	for i, v := range x {
		dst[i] = f(v)
	}
}

// TestActivationErrors: the errors that activation.go states, over floats of every size.
func TestActivationErrors(t *testing.T) {
	step := uint32(20011)
	if testing.Short() {
		step = 1000003
	}
	type function struct {
		name      string
		run       func(k *Kernels, y, x []float32)
		want      func(x float64) float64
		ulps, abs float64 // the error is within abs or ulps
	}
	functions := []function{
		{"GELU", func(k *Kernels, y, x []float32) { k.GELU(y, x) }, trueActivations.gelu, 3, 1e-8},
		{"Gate as GELU", func(k *Kernels, y, x []float32) { k.Gate(y, x, gateA, gateB) },
			func(x float64) float64 {
				return trueActivations.gate(x, float64(float32(gateA)), float64(float32(gateB)))
			}, 4, 1e-8},
		{"Gate as SiLU", func(k *Kernels, y, x []float32) { k.Gate(y, x, 1, 0) },
			func(x float64) float64 { return trueActivations.gate(x, 1, 0) }, 3, 2e-36},
		{"Softplus", func(k *Kernels, y, x []float32) { k.Softplus(y, x) }, trueActivations.softplus, 3, 1e-37},
		{"Mish", func(k *Kernels, y, x []float32) { k.Mish(y, x) }, trueActivations.mish, 3, 2e-36},
		{"ELU", func(k *Kernels, y, x []float32) { k.ELU(y, x, 1, 1) },
			func(x float64) float64 { return trueActivations.elu(x, 1, 1) }, 2, 0},
	}
	eachRow(t, func(t *testing.T, k *Kernels) {
		y := make([]float32, 4096)
		for _, f := range functions {
			worst, at := 0.0, float32(0)
			everyFloat(step, func(x []float32) {
				f.run(k, y[:len(x)], x)
				for i, v := range x {
					if v != v {
						if y[i] == y[i] {
							t.Fatalf("%s of NaN is %g", f.name, y[i])
						}
						continue
					}
					want := f.want(float64(v))
					e := math.Abs(float64(y[i]) - want)
					if u := e / (math.Abs(want) * 0x1p-23); e > f.abs && u > worst {
						worst, at = u, v
					}
				}
			})
			if worst > f.ulps {
				t.Errorf("%s: %.2f ulp at %g, want %g", f.name, worst, at, f.ulps)
			}
		}
	})
}

// TestActivationEnds: zeros, infinities and what is far out.
func TestActivationEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, inf, -inf, 1e30, -1e30, 200, -200}
	limits := []float32{0, inf, 0, 1e30, 0, 200, 0}
	eachRow(t, func(t *testing.T, k *Kernels) {
		y := make([]float32, len(x))
		for name, run := range map[string]func(){
			"GELU": func() { k.GELU(y, x) }, "Gate": func() { k.Gate(y, x, 1, 0) }, "Mish": func() { k.Mish(y, x) },
			"Softplus": func() { k.Softplus(y, x); y[0] -= math.Ln2 },
			"ELU": func() {
				k.ELU(y, x, 1, 1)
				for i := range y {
					if x[i] < 0 {
						y[i]++
					}
				}
			},
		} {
			run()
			for i, want := range limits {
				if y[i] != want {
					t.Errorf("%s of %g has the limit %g, not %g", name, x[i], want, y[i])
				}
			}
		}
	})
}
