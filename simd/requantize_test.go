package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// requantizeModel works in float64 and rounds to float32 after each step: products of two float32
// are exact there.
func requantizeModel(acc int32, scale, slope float32, zero int32) int8 {
	v := float32(float64(float32(acc)) * float64(scale))
	if w := float32(float64(slope) * float64(v)); w > v {
		v = w
	}
	if v != v {
		return 127
	}
	q := math.RoundToEven(min(max(float64(v), -1000), 1000)) + float64(zero)
	return int8(min(max(q, -128), 127))
}

func TestRequantize(t *testing.T) {
	inf := float32(math.Inf(1))
	accs := []int32{0, 1, -1, 2, 3, -3, 5, 127, -128, 255, 1000, -1000, 1 << 24, 1<<24 + 1, -(1<<24 + 1), math.MaxInt32, math.MinInt32}
	floats := []float32{0, 1, 0.5, 0.25, 1.0 / 3, 1e-3, 1e-9, 1e-45, 1e30, math.MaxFloat32, -1, -0.5, inf, -inf, float32(math.NaN())}
	slopes := []float32{0, 0.3, 1, 0.01, -0.5, -1, float32(math.Copysign(0, -1)), 1e-45}
	for _, acc := range accs {
		for _, scale := range floats {
			for _, slope := range slopes {
				for _, zero := range []int32{0, 1, -1, 59, -59, 127, -128} {
					if got, want := Requantize(acc, scale, slope, zero), requantizeModel(acc, scale, slope, zero); got != want {
						t.Fatalf("Requantize(%d, %g, %g, %d) = %d, want %d", acc, scale, slope, zero, got, want)
					}
				}
			}
		}
	}
	rnd := rand.New(rand.NewPCG(20, 0))
	for range 100000 {
		acc, scale := int32(rnd.Uint32())>>rnd.IntN(31), float32(math.Ldexp(rnd.Float64(), -rnd.IntN(30)))
		slope, zero := 2*rnd.Float32()-1, int32(rnd.IntN(256)-128)
		if got, want := Requantize(acc, scale, slope, zero), requantizeModel(acc, scale, slope, zero); got != want {
			t.Fatalf("Requantize(%d, %g, %g, %d) = %d, want %d", acc, scale, slope, zero, got, want)
		}
	}
}

// Known values: ties go to even, the clamp is at the ends of an int8 whatever zero is.
func TestRequantizeValues(t *testing.T) {
	for _, c := range []struct {
		acc          int32
		scale, slope float32
		zero         int32
		want         int8
	}{
		{1, 0.5, 1, 0, 0}, {3, 0.5, 1, 0, 2}, {-3, 0.5, 1, 0, -2}, {5, 0.5, 1, 1, 3}, {-10, 1, 0.5, 0, -5}, {-10, 1, 0, 7, 7},
		{200, 1, 1, 0, 127}, {-200, 1, 1, 0, -128}, {200, 1, 1, -100, 100}, {-200, 1, 1, 100, -100}, {300, 1, 1, -128, 127},
	} {
		if got := Requantize(c.acc, c.scale, c.slope, c.zero); got != c.want {
			t.Errorf("Requantize(%d, %g, %g, %d) = %d, want %d", c.acc, c.scale, c.slope, c.zero, got, c.want)
		}
	}
}
