package quant

import (
	"math"
	"testing"
)

func TestRange(t *testing.T) {
	for _, c := range []struct{ lo, hi float64 }{{-1, 1}, {0, 3}, {-0.3, 5}, {-2, 0}, {0.5, 2}, {-7, -1}, {0, 0}, {-1e-30, 1e-30}, {-1e30, 1e30}} {
		p := Range(c.lo, c.hi)
		if !(p.Scale > 0) || p.Zero < -128 || p.Zero > 127 {
			t.Fatalf("[%g, %g]: %+v", c.lo, c.hi, p)
		}
		for i := range 101 {
			x := float32(c.lo + (c.hi-c.lo)*float64(i)/100)
			y := []float32{x}
			p.Round(y)
			if d := math.Abs(float64(y[0]) - float64(x)); d > 1.01*float64(p.Scale) {
				t.Errorf("[%g, %g]: %g becomes %g, steps of %g", c.lo, c.hi, x, y[0], p.Scale)
			}
		}
		y := []float32{0}
		if p.Round(y); y[0] != 0 {
			t.Errorf("[%g, %g]: 0 becomes %g", c.lo, c.hi, y[0])
		}
	}
}

func TestQuantizeExtremes(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	got := make([]int8, 9)
	Params{Scale: 0.5, Zero: 3}.Quantize(got, []float32{0, 0.25, 0.75, -0.25, 1e9, -1e9, inf, -inf, nan})
	for i, want := range []int8{3, 3, 5, 3, 127, -128, 127, -128, -128} {
		if got[i] != want {
			t.Errorf("value %d becomes %d, want %d", i, got[i], want)
		}
	}
}

// TestLatents compares the integer arithmetic with rounding of exact quotients.
func TestLatents(t *testing.T) {
	for _, most := range []float64{0.5, 3, 4.387, 6.34, 8} {
		step := LatentStep(most)
		for n := -8 << 21; n <= 8<<21; n += 12347 {
			z := float32(n) / (1 << 21)
			var got [1]int8
			Latents(got[:], []float32{z}, step)
			want := math.Max(-127, math.Min(127, math.Round(float64(n)/float64(step))))
			if float64(got[0]) != want {
				t.Fatalf("%g in steps of %d becomes %d, want %g", z, step, got[0], want)
			}
		}
	}
	got := make([]int8, 4)
	Latents(got, []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-30}, LatentStep(8))
	if want := [4]int8{127, -127, -127, 0}; [4]int8(got) != want {
		t.Errorf("extremes become %v, want %v", got, want)
	}
}

// TestTanhTable holds each entry to the exact tanh, rounded, and the pixels to one level.
func TestTanhTable(t *testing.T) {
	table := TanhTable()
	half := len(table) / 2
	for i, p := range table {
		exact := (math.Tanh(float64(i-half)/TanhSteps) + 1) * 127.5
		if d := math.Abs(float64(p) - exact); d > 0.5+1e-9 {
			t.Errorf("entry %d is %d, tanh gives %v", i-half, p, exact)
		}
	}
	sum, pix := []int32{0, 1, math.MaxInt32, math.MinInt32, -1, 100}, make([]uint8, 6)
	TanhPixels(pix, sum, []float32{0.7, 3e38})
	if want := [6]uint8{128, 255, 255, 0, 127, 255}; [6]uint8(pix) != want {
		t.Errorf("pixels %v, want %v", pix, want)
	}
	x := make([]float32, 6)
	Floats(x, pix)
	for i, v := range x {
		if back := uint8(math.RoundToEven(float64(float32(v+1) * 127.5))); back != pix[i] {
			t.Errorf("pixel %d comes back as %d", pix[i], back)
		}
	}
}
