package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gantiny/gantiny/internal/alloctest"
)

func transformModel[T float](f arith[T], dst []T, ds int, src []T, ss, n int, m []T, rows, cols int) {
	for j := range rows {
		for i := range n {
			s := mul(m[j*cols], src[i])
			for c := 1; c < cols; c++ {
				s = f.ma(m[j*cols+c], src[c*ss+i], s)
			}
			dst[j*ds+i] = s
		}
	}
}

// TestTransform: the model's bits, the gaps between rows untouched, and the oracle's values.
func TestTransform(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(13, 0))
		for where, mem := range memories() {
			for _, n := range lengths[:len(lengths)-1] {
				for range 3 {
					rows, cols := between(rnd, 1, maxTransform), between(rnd, 1, maxTransform)
					ds, ss := n+rnd.IntN(3), n+rnd.IntN(3)
					mem.reset()
					dst, src, m := mem.slice((rows-1)*ds+n), mem.slice((cols-1)*ss+n), mem.slice(rows*cols)
					randomize(rnd, dst, src, m)
					want, exact := convert[float32](dst), convert[float64](dst)
					transformModel(model32(k), want, ds, src, ss, n, m, rows, cols)
					transformModel(oracle, exact, ds, convert[float64](src), ss, n, convert[float64](m), rows, cols)
					label := fmt.Sprintf("%dx%d, n %d, %s", rows, cols, n, where)
					k.Transform(dst, ds, src, ss, n, m, rows, cols)
					if i, ok := sameBits(dst, want, false); !ok {
						t.Fatalf("%s: dst[%d] = %g, want %g", label, i, dst[i], want[i])
					}
					for i, w := range exact {
						if e := math.Abs(float64(dst[i]) - w); !(e <= float64(2*cols*cols)/(1<<24)) {
							t.Fatalf("%s: dst[%d] = %g, exactly %g", label, i, dst[i], w)
						}
					}
					if mem.check(t); t.Failed() {
						t.Fatal(label)
					}
				}
			}
		}
	})
}

func TestTransformBounds(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		const n = 9
		type call struct {
			dst, src, m           []float32
			ds, ss, n, rows, cols int
		}
		fitting := func() call {
			return call{make([]float32, 2*n), make([]float32, 3*n), make([]float32, 6), n, n, n, 2, 3}
		}
		run := func(c call) { k.Transform(c.dst, c.ds, c.src, c.ss, c.n, c.m, c.rows, c.cols) }
		run(fitting())
		c := fitting()
		if a := alloctest.PerRun(func() { run(c) }); a != 0 {
			t.Errorf("%d allocations", a)
		}
		for name, spoil := range map[string]func(c *call){
			"dst short":     func(c *call) { c.dst = c.dst[1:] },
			"src short":     func(c *call) { c.src = c.src[1:] },
			"m short":       func(c *call) { c.m = c.m[1:] },
			"n negative":    func(c *call) { c.n = -1 },
			"n too large":   func(c *call) { c.n++ },
			"n huge":        func(c *call) { c.n = math.MaxInt },
			"ds too small":  func(c *call) { c.ds = n - 1 },
			"ds overflows":  func(c *call) { c.ds = math.MaxInt32 },
			"ss too small":  func(c *call) { c.ss = n - 1 },
			"ss huge":       func(c *call) { c.ss = math.MaxInt },
			"no rows":       func(c *call) { c.rows, c.m = 0, nil },
			"no columns":    func(c *call) { c.cols, c.m = 0, nil },
			"too many rows": func(c *call) { c.rows, c.m, c.dst = 9, make([]float32, 27), make([]float32, 9*n) },
			"too many cols": func(c *call) { c.cols, c.m, c.src = 9, make([]float32, 18), make([]float32, 9*n) },
		} {
			c := fitting()
			if spoil(&c); !panics(func() { run(c) }) {
				t.Errorf("%s: no panic", name)
			}
		}
	})
}

func TestPeak(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		one := k.Peak(1)
		if one <= 0 || k.Peak(0) != 0 || k.Peak(7) != 7*one {
			t.Errorf("operations of 0, 1, 7 rounds: %d, %d, %d", k.Peak(0), one, k.Peak(7))
		}
	})
}

// TestTransforms: what Transform does, each time.
func TestTransforms(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(17, 0))
		for where, mem := range memories() {
			for _, n := range []int{0, 1, 7, 16, 31, 33, 64, 100, 300} {
				for _, count := range []int{0, 1, 2, 5} {
					for _, how := range []string{"set", "add", "stream"} {
						rows, cols := between(rnd, 1, maxTransform), between(rnd, 1, maxTransform)
						x := Transforms{Rows: rows, Cols: cols, N: n, Count: count, DS: n + rnd.IntN(3), SS: n + rnd.IntN(3), Add: how == "add"}
						x.DStep, x.SStep = rows*x.DS+rnd.IntN(2), rnd.IntN(2*x.SS+1)
						const line = 16
						x.Stream = how == "stream"
						if x.Stream {
							x.DS = (n + line - 1) / line * line
							x.DStep = rows * x.DS
						}
						mem.reset()
						last := max(count-1, 0)
						length := last*x.DStep + (rows-1)*x.DS + n
						spare := 0
						if x.Stream {
							spare = line
						}
						whole := mem.slice(length + spare)
						x.Src, x.M = mem.slice(last*x.SStep+(cols-1)*x.SS+n), mem.slice(rows*cols)
						randomize(rnd, whole, x.Src, x.M)
						at := 0
						if x.Stream { // where a line begins
							at = int(-uintptr(unsafe.Pointer(&whole[0]))%(4*line)) / 4
						}
						x.Dst = whole[at:][:length]
						all := convert[float32](whole)
						want := all[at:]
						sums := make([]float32, rows*n)
						for q := range count {
							transformModel(model32(k), sums, n, x.Src[q*x.SStep:], x.SS, n, x.M, rows, cols)
							for j := range rows {
								for i, s := range sums[j*n:][:n] {
									if x.Add {
										s += want[q*x.DStep+j*x.DS+i]
									}
									want[q*x.DStep+j*x.DS+i] = s
								}
							}
						}
						label := fmt.Sprintf("%d times %dx%d, n %d, %s, %s", count, rows, cols, n, how, where)
						k.Transforms(&x)
						if i, ok := sameBits(whole, all, false); !ok {
							t.Fatalf("%s: dst[%d] = %g, want %g", label, i-at, whole[i], all[i])
						}
						if mem.check(t); t.Failed() {
							t.Fatal(label)
						}
					}
				}
			}
		}
		checkTransformsMisuse(t, k)
	})
}

func checkTransformsMisuse(t *testing.T, k *Kernels) {
	x := Transforms{Dst: make([]float32, 20), Src: make([]float32, 20), M: make([]float32, 1), Rows: 1, Cols: 1, N: 10, DS: 10, SS: 10, Count: 2, DStep: 10, SStep: 10}
	if a := alloctest.PerRun(func() { k.Transforms(&x) }); a != 0 {
		t.Errorf("%d allocations", a)
	}
	for name, spoil := range map[string]func(x *Transforms){
		"a step too far in dst": func(x *Transforms) { x.DStep++ },
		"a step too far in src": func(x *Transforms) { x.SStep++ },
		"once too often":        func(x *Transforms) { x.Count++ },
		"negative count":        func(x *Transforms) { x.Count = -1 },
		"huge step":             func(x *Transforms) { x.DStep = math.MaxInt32 },
	} {
		y := x
		if spoil(&y); !panics(func() { k.Transforms(&y) }) {
			t.Errorf("%s: no panic", name)
		}
	}
}
