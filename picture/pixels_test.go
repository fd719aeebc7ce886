package picture

import (
	"math"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

func TestPixelEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		x    float32
		want uint8
	}{
		{-1, 0}, {1, 255}, {0, 128}, // 127.5: to the even number
		{-1.5, 0}, {1.5, 255}, {-inf, 0}, {inf, 255}, {float32(math.NaN()), 0},
		{math.Nextafter32(0, -1), 128}, // x+1 rounds to 1
		{-1.0 / (1 << 20), 127},
		{-1 + 0.5/127.5 + 1e-6, 1}, {-1 + 0.5/127.5 - 1e-6, 0},
		{1 - 0.5/127.5 + 1e-6, 255}, {1 - 0.5/127.5 - 1e-6, 254},
		{math.MaxFloat32, 255}, {-math.MaxFloat32, 0},
	} {
		var got [1]uint8
		Pixels(got[:], []float32{c.x})
		if got[0] != c.want {
			t.Errorf("quant.Pixel(%g) = %d, want %d", c.x, got[0], c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("different lengths did not panic")
		}
	}()
	Pixels(make([]uint8, 2), make([]float32, 3))
}

// Against the definition with each step rounded on its own: the product of 24
// and 8 bits is exact in a float64.
func TestPixelDefinition(t *testing.T) {
	check := func(x float32) {
		v := math.RoundToEven(float64(float32(float64(float32(x+1)) * 127.5)))
		want := uint8(min(max(v, 0), 255))
		if got := quant.Pixel(x); got != want {
			t.Fatalf("quant.Pixel(%b) = %d, want %d", x, got, want)
		}
	}
	for i := -140000; i <= 140000; i++ {
		check(float32(i) / (1 << 17))
	}
	// The neighborhood of every boundary between two values.
	for k := range 255 {
		x := float32((float64(k)+0.5)/127.5 - 1)
		for range 50 {
			x = math.Nextafter32(x, -2)
		}
		for range 100 {
			check(x)
			x = math.Nextafter32(x, 2)
		}
	}
}

func TestPixelsUndoScaling(t *testing.T) {
	for v := range 256 {
		if got := quant.Pixel((float32(v) - 127.5) / 127.5); int(got) != v {
			t.Errorf("%d came back as %d", v, got)
		}
	}
}

func TestPixelsSHA256(t *testing.T) {
	// FIPS 180-2, appendix B.1.
	if got := PixelsSHA256([]uint8("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("got %s", got)
	}
}

func BenchmarkPixels(b *testing.B) {
	x := make([]float32, 784*64)
	for i := range x {
		x[i] = float32(i%511)/255 - 1
	}
	dst := make([]uint8, len(x))
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		Pixels(dst, x)
	}
}
