package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

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

func TestStage(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if q.Stage == nil {
			if q.Width != 1 || q.Offset != 0 {
				t.Errorf("no Stage, yet width %d and offset %d", q.Width, q.Offset)
			}
			return
		}
		rnd := rand.New(rand.NewPCG(24, 0))
		for where, mem := range memories() {
			for _, n := range append([]int{256, 511, 513, 3000}, lengths...) {
				mem.reset()
				src, dst := bytesOf(mem, n), bytesOf(mem, n*q.Width)
				for i := range src {
					src[i] = int8(rnd.Uint32())
					if n >= 256 {
						src[i] = int8(i)
					}
				}
				want := make([]int8, len(dst))
				stageModel(q, want, src)
				q.Stage(dst, src)
				if !slices.Equal(dst, want) {
					t.Fatalf("%d bytes, %s: %v, want %v", n, where, dst, want)
				}
				mem.check(t)
			}
		}
		if !panics(func() { q.Stage(make([]int8, 3), make([]int8, 2)) }) {
			t.Error("no panic about lengths")
		}
	})
}

// spoiltCalls are calls whose slices or numbers do not fit their list.
var spoiltCalls = map[string]func(g *QGEMM){
	"A short":       func(g *QGEMM) { g.A = g.A[:len(g.A)-1] },
	"B short":       func(g *QGEMM) { g.B = g.B[:len(g.B)-1] },
	"S short":       func(g *QGEMM) { g.S = g.S[:len(g.S)-1] },
	"C short":       func(g *QGEMM) { g.C = g.C[:len(g.C)-1] },
	"Q short":       func(g *QGEMM) { g.Q = g.Q[:len(g.Q)-1] },
	"Scale short":   func(g *QGEMM) { g.Scale = g.Scale[:len(g.Scale)-1] },
	"no such tile":  func(g *QGEMM) { g.To++ },
	"negative tile": func(g *QGEMM) { g.From = -1 },
	"steep slope":   func(g *QGEMM) { g.Slope = 1.5 },
	"slope NaN":     func(g *QGEMM) { g.Slope = float32(math.NaN()) },
	"zero high":     func(g *QGEMM) { g.Zero = 128 },
	"zero low":      func(g *QGEMM) { g.Zero = -129 },
}

// spoiltRows are calls with a wrong number of rows, for a list that leaves it to the call.
var spoiltRows = map[string]func(g *QGEMM){
	"too many rows": func(g *QGEMM) { g.Rows = g.Tiles.k.MR + 1 },
	"one row more":  func(g *QGEMM) { g.Rows++ },
	"negative rows": func(g *QGEMM) { g.Rows = -1 },
}

// spoiltTiles are tiles that no list may have.
var spoiltTiles = map[string]func(t *QTile){
	"rows":     func(t *QTile) { t.Rows = 1000 },
	"cols":     func(t *QTile) { t.Cols = 1000 },
	"A":        func(t *QTile) { t.A = -1 },
	"B":        func(t *QTile) { t.B = -1 },
	"run of A": func(t *QTile) { t.ARun = -1000 },
	"run of C": func(t *QTile) { t.CRun = -1000 },
	"stride":   func(t *QTile) { t.LDQ = -1 },
	"taps":     func(t *QTile) { t.Taps = 3 },
	"start":    func(t *QTile) { t.Start = StartRows + 1 },
	"starts":   func(t *QTile) { t.Start, t.Rows = StartRows, 0 },
}

// TestQGEMMBounds: a list that leaves its slices panics before it writes.
func TestQGEMMBounds(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(25, 0))
		q := k.Int8
		refuses := func(name string, g *QGEMM, whole QGEMM) {
			t.Helper()
			beforeC, beforeQ := slices.Clone(whole.C), slices.Clone(whole.Q)
			if !panics(func() { q.GEMM(g) }) {
				t.Errorf("%s: no panic", name)
			}
			if !slices.Equal(whole.C, beforeC) || !slices.Equal(whole.Q, beforeQ) {
				t.Errorf("%s: wrote before it refused", name)
			}
		}
		make := func(rows int) *qcase {
			for {
				c := newCase(rnd, &heap{}, q, anyValues, rows, q.MR-1, q.NR-1, 6, 2)
				if len(c.g.S) > 0 && len(c.g.C) > 0 && len(c.g.Q) > 0 {
					return c
				}
			}
		}
		for name, spoil := range spoiltCalls {
			for _, rows := range []int{q.MR, 0} {
				c := make(rows)
				whole := c.g
				spoil(&c.g)
				refuses(name, &c.g, whole)
			}
		}
		for name, spoil := range spoiltRows {
			c := make(0)
			whole := c.g
			spoil(&c.g)
			refuses(name, &c.g, whole)
		}
		for name, spoil := range spoiltTiles {
			c := make(q.MR)
			spoil(&c.tiles[0])
			if !panics(func() { q.NewTiles(c.depth, c.tiles, c.taps[:2]) }) {
				t.Errorf("tile with other %s: no panic", name)
			}
		}
		other := Int8{form: 255, MR: q.MR, NR: q.NR, Group: q.Group, Width: q.Width}
		c := make(1)
		c.g.Tiles = other.NewTiles(c.depth, c.tiles, c.taps)
		refuses("tiles of another row", &c.g, c.g)
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
