package simd

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// everyFloat calls f with blocks of float32 that cover all exponents and signs, a step apart in
// their bits.
func everyFloat(step uint32, f func(x []float32)) {
	var x []float32
	for bits := uint64(0); bits < 1<<32; bits += uint64(step) {
		x = append(x, math.Float32frombits(uint32(bits)))
		if len(x) == 4096 {
			f(x)
			x = x[:0]
		}
	}
	f(x)
}

// TestTanhSigmoid: the errors that tanh.go states, over floats of every size.
func TestTanhSigmoid(t *testing.T) {
	step := uint32(20011)
	if testing.Short() {
		step = 1000003
	}
	eachRow(t, func(t *testing.T, k *Kernels) {
		y, s := make([]float32, 4096), make([]float32, 4096)
		var tanhErr, sigErr struct{ abs, rel float64 }
		everyFloat(step, func(x []float32) {
			k.Tanh(y[:len(x)], x)
			k.Sigmoid(s[:len(x)], x)
			for i, v := range x {
				v := float64(v)
				if math.IsNaN(v) {
					if y[i] == y[i] || s[i] == s[i] {
						t.Fatalf("NaN gives %g, %g", y[i], s[i])
					}
					continue
				}
				want := math.Tanh(v)
				if e := math.Abs(float64(y[i]) - want); e > 0 {
					tanhErr.abs, tanhErr.rel = max(tanhErr.abs, e), max(tanhErr.rel, e/math.Abs(want))
				}
				if math.Abs(v) > 10 && float64(y[i]) != math.Copysign(1, v) || math.Abs(float64(y[i])) > 1 {
					t.Fatalf("tanh(%g) = %g", v, y[i])
				}
				want = 1 / (1 + math.Exp(-v))
				if e := math.Abs(float64(s[i]) - want); e > 0 {
					sigErr.abs = max(sigErr.abs, e)
					if v > -87 {
						sigErr.rel = max(sigErr.rel, e/want)
					}
				}
				if s[i] < 0 || s[i] > 1 {
					t.Fatalf("sigmoid(%g) = %g", v, s[i])
				}
			}
		})
		if tanhErr.abs > 1e-7 || tanhErr.rel > 2e-7 || sigErr.abs > 1e-7 || sigErr.rel > 2e-7 {
			t.Errorf("tanh %.3g, sigmoid %.3g", tanhErr, sigErr)
		}
	})
}

// TestTanhEnds: signs, zeros, denormals and infinities.
func TestTanhEnds(t *testing.T) {
	inf, zero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	eachRow(t, func(t *testing.T, k *Kernels) {
		x := []float32{0, zero, 1e-45, -1e-40, inf, -inf, 100, -100}
		y := make([]float32, len(x))
		k.Tanh(y, x)
		if at, ok := sameBits(y, []float32{0, zero, 1e-45, -1e-40, 1, -1, 1, -1}, true); !ok {
			t.Errorf("tanh(%g) = %g", x[at], y[at])
		}
		k.Sigmoid(y, x)
		if at, ok := sameBits(y, []float32{0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0}, true); !ok {
			t.Errorf("sigmoid(%g) = %g", x[at], y[at])
		}
	})
}

// TestTanhOdd: tanh is odd to the bit, on both sides of its cut.
func TestTanhOdd(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		var x []float32
		for bits := uint32(0x3d000000); bits < 0x41300000; bits += 4001 {
			x = append(x, math.Float32frombits(bits))
		}
		y, negative := make([]float32, len(x)), make([]float32, len(x))
		k.Tanh(y, x)
		k.Scale(x, -1)
		k.Tanh(negative, x)
		for i := range y {
			if negative[i] != -y[i] {
				t.Fatalf("tanh(%g) = %g, of its negative %g", x[i], negative[i], y[i])
			}
		}
	})
}

// TestFMA32: the tests' own fused multiply-add against exact arithmetic.
func TestFMA32(t *testing.T) {
	rnd := rand.New(rand.NewPCG(12, 0))
	draw := func(spread int) float32 {
		return float32(math.Ldexp(float64(int32(rnd.Uint32())>>8), rnd.IntN(spread)-spread/2))
	}
	var x, y, z, sum big.Float
	sum.SetPrec(2000)
	differ := 0
	for range 100000 {
		a, b, c := draw(40), draw(40), draw(80)
		if rnd.IntN(4) == 0 { // sums that cancel, and ties
			c = -float32(a*b) + draw(4)
		}
		want, _ := sum.Add(sum.Mul(x.SetFloat64(float64(a)), y.SetFloat64(float64(b))), z.SetFloat64(float64(c))).Float32()
		if got := fma32(a, b, c); got != want {
			t.Fatalf("fma(%g, %g, %g) = %g, want %g", a, b, c, got, want)
		}
		if float32(math.FMA(float64(a), float64(b), float64(c))) != want || float32(a*b)+c != want {
			differ++
		}
	}
	if differ < 1000 {
		t.Errorf("only %d cases tell fused from rounded", differ)
	}
}
