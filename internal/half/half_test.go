package half

import (
	"fmt"
	"math"
	"testing"
)

func Example() {
	h := Narrow(1.0 / 3)
	fmt.Printf("%#04x %v\n", h, Widen(h))
	// Output: 0x3555 0.33325195
}

// Every binary16 number survives, and the numbers between two neighbors go to the nearer one.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		h := uint16(h)
		f := Widen(h)
		if math.IsNaN(float64(f)) {
			if g := Narrow(f); g>>10&31 != 31 || g&1023 == 0 {
				t.Fatalf("%#04x: NaN became %#04x", h, g)
			}
			continue
		}
		if g := Narrow(f); g != h {
			t.Fatalf("%#04x = %v became %#04x", h, f, g)
		}
		if h&0x7fff >= 31<<10-1 { // the largest number and infinity
			continue
		}
		next := Widen(h + 1)
		tie := f/2 + next/2
		even := h + h&1
		if g := Narrow(tie); g != even {
			t.Fatalf("%v, between %#04x and the next: %#04x, want %#04x", tie, h, g, even)
		}
		if g := Narrow(math.Nextafter32(tie, f)); g != h {
			t.Fatalf("below %v: %#04x, want %#04x", tie, g, h)
		}
		if g := Narrow(math.Nextafter32(tie, next)); g != h+1 {
			t.Fatalf("above %v: %#04x, want %#04x", tie, g, h+1)
		}
	}
	for _, c := range []struct {
		f float32
		h uint16
	}{{65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00}, {1e38, 0x7c00}, {-1e38, 0xfc00}, {1, 0x3c00}, {-2, 0xc000}, {0x1p-24, 1}, {1e-30, 0}, {float32(math.Copysign(0, -1)), 0x8000}} {
		if h := Narrow(c.f); h != c.h {
			t.Errorf("Narrow(%v) = %#04x, want %#04x", c.f, h, c.h)
		}
	}
}

// TestExact takes every binary16 number, and its neighbors among float32.
func TestExact(t *testing.T) {
	for h := range 1 << 16 {
		f := Widen(uint16(h))
		if yes := Exact([]float32{1, f}); yes != (f == f) {
			t.Fatalf("%v: %t", f, yes)
		}
		if next := math.Nextafter32(f, 1); next != f && Exact([]float32{next, 1}) {
			t.Fatalf("%v fits half precision", next)
		}
	}
	if !Exact(nil) || Exact([]float32{65536}) {
		t.Error("no values, or one beyond the range")
	}
}
