package fmath_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/fmath"
)

// function is one row of this package's tests.
type function struct {
	name   string
	f      func(float64) float64
	exact  func(*big.Float) *big.Float
	lo, hi float64 // where the result is neither constant nor equal to x
	ulps   float64 // the largest error allowed
	golden uint64  // of the results of sweep
}

func functions() []function {
	return []function{
		{"Exp", fmath.Exp, bigExp, -746, 710, 1, 0x831cb0dcefea6666},
		{"Expm1", fmath.Expm1, bigExpm1, -40, 710, 2, 0x96c8fe71b587cde1},
		{"Log", fmath.Log, bigLog, 0, 1e3, 1, 0x5b9a58e06a7ad6fb},
		{"Log1p", fmath.Log1p, bigLog1p, -1, 1e3, 1, 0xaa15d1eee7c5716a},
		{"Erf", fmath.Erf, bigErf, -6, 6, 2.5, 0xb1889f8045bc2462},
		{"Erfc", fmath.Erfc, bigErfc, -6, 27.3, 6, 0xcf563b2d0b4d3283},
		{"Tanh", fmath.Tanh, bigTanh, -20, 20, 3, 0xb22190df934a0672},
		{"Sigmoid", fmath.Sigmoid, bigSigmoid, -746, 40, 2, 0xd57f54b696cc0fc1},
		{"Softplus", fmath.Softplus, bigSoftplus, -746, 800, 2, 0xb014fdaf4a0227af},
	}
}

// TestError compares with results of about 200 bits, over the interval, near 0 and at random bits.
func TestError(t *testing.T) {
	n := 4000
	if testing.Short() {
		n = 400
	}
	for _, f := range functions() {
		r := rand.New(rand.NewPCG(1, 2))
		var worst, at float64
		narrow, wrong := 0, 0
		for i := range n {
			x := f.lo + (f.hi-f.lo)*r.Float64()
			switch i % 4 {
			case 1:
				x = 4*r.Float64() - 2
			case 2:
				x = math.Ldexp(r.Float64()-0.5, -r.IntN(60))
			case 3:
				x = float64(float32(x))
			}
			if x < f.lo || x > f.hi {
				continue
			}
			want := f.exact(new(big.Float).SetPrec(precision).SetFloat64(x))
			got := f.f(x)
			if e := ulps(got, want); e > worst {
				worst, at = e, x
			}
			if single, _ := want.Float32(); i%4 == 3 {
				narrow++
				if float32(got) != single {
					wrong++
				}
			}
		}
		t.Logf("%s: %.2f units in the last place at %v; %d of %d float32 not correctly rounded", f.name, worst, at, wrong, narrow)
		if !(worst <= f.ulps) {
			t.Errorf("%s(%v): error of %.2f units in the last place, want at most %g", f.name, at, worst, f.ulps)
		}
		if wrong > 0 {
			t.Errorf("%s: %d of %d results, rounded to float32, are not the correctly rounded ones", f.name, wrong, narrow)
		}
	}
}

// ulps is the error of got in units of the last place of want, or of the smallest subnormal number.
func ulps(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	if math.IsInf(w, 0) || math.IsInf(got, 0) || math.IsNaN(got) {
		if got == w {
			return 0
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(w)
	unit := math.Ldexp(1, max(e-53, -1074))
	d := new(big.Float).SetPrec(precision).SetFloat64(got)
	d.Sub(d, want)
	v, _ := d.Quo(d, new(big.Float).SetFloat64(unit)).Float64()
	return math.Abs(v)
}

func TestSpecial(t *testing.T) {
	inf, nan, zero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	const tiny, least, huge = 1e-300, math.SmallestNonzeroFloat64, math.MaxFloat64
	for _, c := range []struct {
		name    string
		f       func(float64) float64
		x, want float64
	}{
		{"Exp", fmath.Exp, inf, inf}, {"Exp", fmath.Exp, -inf, 0}, {"Exp", fmath.Exp, nan, nan},
		{"Exp", fmath.Exp, huge, inf}, {"Exp", fmath.Exp, -huge, 0}, {"Exp", fmath.Exp, zero, 1},
		{"Exp", fmath.Exp, least, 1}, {"Exp", fmath.Exp, 709.782712893384, 0x1.fffffffffff2ap1023},
		{"Exp", fmath.Exp, 709.7827128933841, inf}, {"Exp", fmath.Exp, -745.13, least}, {"Exp", fmath.Exp, -745.14, 0},
		{"Expm1", fmath.Expm1, inf, inf}, {"Expm1", fmath.Expm1, -inf, -1}, {"Expm1", fmath.Expm1, nan, nan},
		{"Expm1", fmath.Expm1, huge, inf}, {"Expm1", fmath.Expm1, -huge, -1}, {"Expm1", fmath.Expm1, zero, zero},
		{"Expm1", fmath.Expm1, 0, 0}, {"Expm1", fmath.Expm1, -least, -least}, {"Expm1", fmath.Expm1, tiny, tiny},
		{"Log", fmath.Log, inf, inf}, {"Log", fmath.Log, -inf, nan}, {"Log", fmath.Log, nan, nan}, {"Log", fmath.Log, 0, -inf},
		{"Log", fmath.Log, zero, -inf}, {"Log", fmath.Log, -least, nan}, {"Log", fmath.Log, 1, 0},
		{"Log", fmath.Log, huge, 709.782712893384}, {"Log", fmath.Log, least, -744.4400719213812},
		{"Log1p", fmath.Log1p, inf, inf}, {"Log1p", fmath.Log1p, -inf, nan}, {"Log1p", fmath.Log1p, nan, nan},
		{"Log1p", fmath.Log1p, -1, -inf}, {"Log1p", fmath.Log1p, -1.5, nan}, {"Log1p", fmath.Log1p, zero, zero},
		{"Log1p", fmath.Log1p, 0, 0}, {"Log1p", fmath.Log1p, least, least}, {"Log1p", fmath.Log1p, huge, 709.782712893384},
		{"Erf", fmath.Erf, inf, 1}, {"Erf", fmath.Erf, -inf, -1}, {"Erf", fmath.Erf, nan, nan}, {"Erf", fmath.Erf, huge, 1},
		{"Erf", fmath.Erf, -huge, -1}, {"Erf", fmath.Erf, zero, zero}, {"Erf", fmath.Erf, 0, 0}, {"Erf", fmath.Erf, least, least},
		{"Erfc", fmath.Erfc, inf, 0}, {"Erfc", fmath.Erfc, -inf, 2}, {"Erfc", fmath.Erfc, nan, nan}, {"Erfc", fmath.Erfc, huge, 0},
		{"Erfc", fmath.Erfc, -huge, 2}, {"Erfc", fmath.Erfc, 0, 1}, {"Erfc", fmath.Erfc, 27.3, 0},
		{"Tanh", fmath.Tanh, inf, 1}, {"Tanh", fmath.Tanh, -inf, -1}, {"Tanh", fmath.Tanh, nan, nan}, {"Tanh", fmath.Tanh, huge, 1},
		{"Tanh", fmath.Tanh, zero, zero}, {"Tanh", fmath.Tanh, 0, 0}, {"Tanh", fmath.Tanh, -least, -least}, {"Tanh", fmath.Tanh, tiny, tiny},
		{"Sigmoid", fmath.Sigmoid, inf, 1}, {"Sigmoid", fmath.Sigmoid, -inf, 0}, {"Sigmoid", fmath.Sigmoid, nan, nan},
		{"Sigmoid", fmath.Sigmoid, huge, 1}, {"Sigmoid", fmath.Sigmoid, -huge, 0}, {"Sigmoid", fmath.Sigmoid, zero, 0.5},
		{"Softplus", fmath.Softplus, inf, inf}, {"Softplus", fmath.Softplus, -inf, 0}, {"Softplus", fmath.Softplus, nan, nan},
		{"Softplus", fmath.Softplus, huge, huge}, {"Softplus", fmath.Softplus, -huge, 0}, {"Softplus", fmath.Softplus, 0, math.Ln2},
	} {
		got := c.f(c.x)
		if math.IsNaN(c.want) {
			c.want = math.NaN() // its bits too
		}
		if math.Float64bits(got) != math.Float64bits(c.want) {
			t.Errorf("%s(%v) = %v (%#x), want %v", c.name, c.x, got, math.Float64bits(got), c.want)
		}
	}
}

// TestGolden holds the bits of a sweep, which are the same on every architecture.
func TestGolden(t *testing.T) {
	for _, f := range functions() {
		h := fnv.New64a()
		var b [8]byte
		for x := range sweep {
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(f.f(x)))
			h.Write(b[:])
		}
		if got := h.Sum64(); got != f.golden {
			t.Errorf("%s: %#x, want %#x", f.name, got, f.golden)
		}
	}
}

// sweep yields numbers of all sizes, of both signs, and more densely those of the sizes that occur.
func sweep(yield func(float64) bool) {
	for bits := uint64(0); ; {
		if !yield(math.Float64frombits(bits)) {
			return
		}
		next := bits + 0x7fffabcdef123 // about 8000 of them, 4 an octave
		if next < bits {
			break
		}
		bits = next
	}
	for i := range 1 << 17 {
		if !yield((float64(i) - 1<<16) * 0x1.23456789p-11) { // to 36.4 either side
			return
		}
	}
	for i := range 1 << 14 {
		if !yield((float64(i) - 1<<13) * 0x1.8p-4) { // to 768
			return
		}
	}
}

func BenchmarkFunctions(b *testing.B) {
	x := make([]float64, 1024)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = 3 * r.NormFloat64()
	}
	for _, f := range functions() {
		b.Run(f.name, func(b *testing.B) {
			s := 0.0
			for i := 0; b.Loop(); i++ {
				v := x[i%len(x)]
				if f.lo == 0 {
					v = math.Abs(v)
				}
				s += f.f(max(v, f.lo))
			}
			sink = s
		})
	}
}

var sink float64

func Example() {
	fmt.Println(fmath.Exp(-1), fmath.Log(2), fmath.Sigmoid(-40))
	// Output: 0.36787944117144233 0.6931471805599453 4.248354255291589e-18
}
