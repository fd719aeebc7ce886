package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
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

func TestQGEMM(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(21, 0))
		q := k.Int8
		for where, mem := range memories() {
			for _, rows := range upTo(q.MR) {
				for _, cols := range upTo(q.NR) {
					for _, depth := range []int{0, 1, 2, 3, 4, 5, 8, 15, 17, 32, 33, 100} {
						kind, taps := rnd.IntN(valueKinds), rnd.IntN(4)
						label := fmt.Sprintf("%dx%d, K %d, %d taps, values %d, %s", rows, cols, depth, taps, kind, where)
						openRows := between(rnd, 1, q.MR)
						newCase(rnd, mem, q, kind, rows, openRows, cols, depth, taps).check(t, label)
						mem.check(t)
						if t.Failed() {
							t.Fatal(label)
						}
					}
				}
			}
			newCase(rnd, mem, q, extremes, q.MR, 0, q.NR, 256, 25).check(t, where)
		}
	})
}

// One row of tiles that follow one another, as a dense layer has them for one image.
func TestQGEMMNeighbors(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(27, 0))
		for where, mem := range memories() {
			for _, depth := range []int{0, 1, 2, 7, 15, 33, 100} {
				for kind := range valueKinds {
					for _, n := range []int{4, 5, 11} {
						rows := rnd.IntN(2)
						c := newRow(rnd, mem, k.Int8, kind, rows, n, depth, rnd.IntN(4))
						label := fmt.Sprintf("%d tiles, K %d, values %d, %s", n, depth, kind, where)
						if !c.tiles[n-4].neighbors || c.tiles[n-3].neighbors {
							t.Fatalf("%s: not seen as neighbors", label)
						}
						c.g.From = rnd.IntN(3)
						c.check(t, label)
						mem.check(t)
						if t.Failed() {
							t.Fatal(label)
						}
					}
				}
			}
		}
	})
}

// A contraction so long that a row cuts it, and so large that its sums wrap.
func TestQGEMMLong(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(22, 0))
		for _, c := range [][3]int{{100_003, 1, 3}, {40_001, 3, 1}, {31, 3000, 2}} {
			for kind := range valueKinds {
				newCase(rnd, &heap{}, k.Int8, kind, c[2], 0, k.Int8.NR-1, c[0], c[1]).check(t, fmt.Sprint(c))
			}
		}
	})
}

// Part of a list is computed by itself.
func TestQGEMMRange(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(23, 0))
		for range 50 {
			c := newCase(rnd, &heap{}, k.Int8, anyValues, between(rnd, 0, k.Int8.MR), 1, k.Int8.NR, 9, 2)
			c.g.From = rnd.IntN(len(c.tiles) + 1)
			c.g.To = between(rnd, c.g.From, len(c.tiles))
			c.check(t, fmt.Sprintf("tiles [%d, %d)", c.g.From, c.g.To))
		}
	})
}

func TestQGEMMAllocs(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		c := newCase(rand.New(rand.NewPCG(26, 0)), &heap{}, k.Int8, anyValues, k.Int8.MR, 0, k.Int8.NR-1, 9, 3)
		if n := alloctest.PerRun(func() { k.Int8.GEMM(&c.g) }); n != 0 {
			t.Errorf("%d allocations", n)
		}
	})
}

func TestInt8Peak(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if one := q.Peak(1); one <= 0 || q.Peak(0) != 0 || q.Peak(-1) != 0 || q.Peak(7) != 7*one {
			t.Errorf("operations of 0, 1, 7 rounds: %d, %d, %d", q.Peak(0), one, q.Peak(7))
		}
	})
}
