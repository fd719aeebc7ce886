package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// spoiledQGEMMs make a call whose tiles fit one that leaves its slices, spoiledRows one whose tiles
// leave the number of rows to it.
var spoiledQGEMMs = map[string]func(g *QGEMM){
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

var spoiledRows = map[string]func(g *QGEMM){
	"too many rows": func(g *QGEMM) { g.Rows = g.Tiles.k.MR + 1 },
	"one row more":  func(g *QGEMM) { g.Rows++ },
	"negative rows": func(g *QGEMM) { g.Rows = -1 },
}

// spoiledQTiles make tiles that no call can have.
var spoiledQTiles = map[string]func(t *QTile){
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
		for name, spoil := range spoiledQGEMMs {
			for _, rows := range []int{q.MR, 0} {
				c := make(rows)
				whole := c.g
				spoil(&c.g)
				refuses(name, &c.g, whole)
			}
		}
		for name, spoil := range spoiledRows {
			c := make(0)
			whole := c.g
			spoil(&c.g)
			refuses(name, &c.g, whole)
		}
		for name, spoil := range spoiledQTiles {
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
