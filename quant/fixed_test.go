package quant

import (
	"errors"
	"math"
	"testing"
)

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		bits    int
		factors []float64
	}{
		{21, []float64{1}}, {21, []float64{0.3, 7}}, {30, []float64{1e-9, 1e-12}}, {23, []float64{1.0 / 784}},
		{21, []float64{0, 0}}, {22, []float64{-3, 0.001}}, {20, []float64{1 << 19, 1e-30}}, {30, []float64{1e-25}},
	} {
		m, shift, err := Fixed(c.bits, c.factors...)
		if err != nil || shift < 1 || shift > 62 {
			t.Fatalf("%v: shift %d, error %v", c.factors, shift, err)
		}
		for i, f := range c.factors {
			if d := math.Abs(math.Ldexp(float64(m[i]), -shift) - f); d > math.Ldexp(1, -shift-1) {
				t.Errorf("%v: %d/2^%d is off by %g", f, m[i], shift, d)
			}
			if m[i] > 1<<c.bits || m[i] < -1<<c.bits {
				t.Errorf("%v: %d is beyond 2^%d", f, m[i], c.bits)
			}
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(-1), 1 << 21} {
		if _, _, err := Fixed(21, 1, f); !errors.Is(err, ErrRange) {
			t.Errorf("%v: error %v", f, err)
		}
	}
}

func TestShift(t *testing.T) {
	for v, want := range map[int64]int64{5: 1, 6: 2, 7: 2, -5: -1, -6: -1, -7: -2, 0: 0, 2: 1, -2: 0} {
		if got := Shift(v, 2); got != want {
			t.Errorf("%d/4 is %d, want %d", v, got, want)
		}
	}
	if a, b, c := Saturate(-1<<40), Saturate(128), Saturate(-7); a != -128 || b != 127 || c != -7 {
		t.Errorf("saturated: %d, %d, %d", a, b, c)
	}
}

// TestRescale: a table does what leaving the bytes for real values does.
func TestRescale(t *testing.T) {
	for _, c := range [][2]Params{
		{{0.02, -3}, {0.02, -3}}, {{0.02, -128}, {0.07, 127}}, {{3, 100}, {1e-9, -100}}, {{1e-30, 5}, {1e30, 7}},
	} {
		for i, got := range c[0].Rescale(c[1]) {
			x := float64(int32(i-128)-c[0].Zero) * float64(c[0].Scale)
			want := math.Max(-128, math.Min(127, math.RoundToEven(x/float64(c[1].Scale))+float64(c[1].Zero)))
			if float64(got) != want {
				t.Errorf("%v: byte %d becomes %d, want %v", c, i-128, got, want)
			}
		}
	}
	for _, p := range []Params{{0, 0}, {1, 128}, {float32(math.NaN()), 0}, {-1, 0}, {math.MaxFloat32, 0}} {
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}
