package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// bytesOf takes n bytes that end where a slice of mem ends.
func bytesOf(mem memory, n int) []int8 {
	f := mem.slice((n + 3) / 4)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))[4*len(f)-n:]
}

// intsOf takes n int32 of mem.
func intsOf(mem memory, n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(mem.slice(n)))), n)
}

// qcase is a list of tiles with its operands, and what the operands were before packing and
// staging.
type qcase struct {
	g     QGEMM
	k     *Int8
	depth int
	tiles []QTile
	taps  []Tap
	x     []int8         // A before Stage
	w     map[int][]int8 // blocks of B before Pack, (depth, NR), by where they start
}

// kinds of values.
const (
	anyValues = iota
	extremes  // -128 against 127 and -127, sums that wrap, scales of zero
	valueKinds
)

// newCase makes tiles whose slices are exactly as long as they need, with gaps between rows, runs
// and taps. rows of 0 leaves the number of rows to the call.
func newCase(rnd *rand.Rand, mem memory, k *Int8, kind, rows, openRows, cols, depth, taps int) *qcase {
	mem.reset()
	c := &qcase{k: k, depth: depth, w: map[int][]int8{}}
	g := &c.g
	n := rows
	if rows == 0 {
		n = openRows
		g.Rows = openRows
	}
	var e extents
	blocks := 1 + rnd.IntN(3)
	lda, ldc, ldq := depth+rnd.IntN(5), cols+rnd.IntN(3), cols+rnd.IntN(5)
	for range 1 + rnd.IntN(3) {
		t := QTile{
			A: int32(rnd.IntN(9)), S: int32(rnd.IntN(9)), C: int32(rnd.IntN(9)), Q: int32(rnd.IntN(9)), Scale: int32(rnd.IntN(9)),
			B: int32(rnd.IntN(blocks) * k.PackedLen(depth)), LDA: int32(lda), LDC: int32(ldc), LDQ: int32(ldq),
			Rows: int32(rows), Cols: int32(cols), Tap: int32(len(c.taps)), Taps: int32(taps),
			Start: uint8(rnd.IntN(4)), Requantize: rnd.IntN(2) == 0,
		}
		if rows == 0 && t.Start == StartRows {
			t.Start = StartBias
		}
		runA, runC := placeRuns(rnd, &t, n)
		// Tiles that end in C must not overlap: each has its own stretch of C and Q, after those
		// before it.
		t.C += int32(e.c)
		t.Q += int32(e.q)
		from := len(c.taps)
		for range taps {
			tap := Tap{A: rnd.IntN(20), B: 0}
			if t.B == 0 {
				tap.B = rnd.IntN(blocks) * k.PackedLen(depth)
			}
			c.taps = append(c.taps, tap)
		}
		e.add(k, &t, c.taps[from:], n, depth, runA, runC)
		c.tiles = append(c.tiles, t)
	}
	g.Slope, g.Zero = []float32{1, 0.3, 0, -0.5, -300, 1e-39, -1e-45}[rnd.IntN(7)], int32(rnd.IntN(256)-128)
	g.A, g.B = bytesOf(mem, e.a*k.Width), bytesOf(mem, e.b)
	g.S, g.C, g.Q, g.Scale = intsOf(mem, e.s), intsOf(mem, e.c), bytesOf(mem, e.q), mem.slice(e.scale)
	c.x = make([]int8, e.a)
	c.fill(rnd, kind, blocks)
	g.Tiles = k.NewTiles(depth, c.tiles, c.taps)
	g.To = len(c.tiles)
	return c
}

// placeRuns gives a tile of n rows its second run, unless the call does, and returns how far behind
// the first it lies in A and C.
func placeRuns(rnd *rand.Rand, t *QTile, n int) (runA, runC int) {
	h, lda, ldc := (n+1)/2, int(t.LDA), int(t.LDC)
	runA, runC = h*lda, h*ldc
	if t.Rows == 0 {
		t.ARun, t.CRun = 1<<30, -1<<30 // not looked at
		return runA, runC
	}
	switch second := n - h; rnd.IntN(3) {
	case 0: // the second run lies further on
		runA, runC = runA+rnd.IntN(40), runC+rnd.IntN(40)
	case 1: // or before the first
		runA, runC = -second*lda-rnd.IntN(5), -second*ldc-rnd.IntN(5)
		t.A, t.C, t.S = t.A+int32(-runA), t.C+int32(-runC), t.S+int32(-runC)
	}
	t.ARun, t.CRun = int32(runA), int32(runC)
	return runA, runC
}

// extents are how long the slices of a call must be.
type extents struct{ a, b, s, c, q, scale int }

// add makes room for a tile of n rows.
func (e *extents) add(k *Int8, t *QTile, taps []Tap, n, depth, runA, runC int) {
	h, cols := (n+1)/2, int(t.Cols)
	lastA, lastC := (h-1)*int(t.LDA), (h-1)*int(t.LDC)
	if second := n - h; second > 0 {
		lastA, lastC = max(lastA, runA+(second-1)*int(t.LDA)), max(lastC, runC+(second-1)*int(t.LDC))
	}
	for _, tap := range taps {
		if depth > 0 {
			e.a = max(e.a, int(t.A)+tap.A+lastA+depth+k.Slack(depth))
			e.b = max(e.b, int(t.B)+tap.B+k.PackedLen(depth))
		}
	}
	switch t.Start {
	case StartBias:
		e.s = max(e.s, int(t.S)+k.NR)
	case StartRows:
		e.s = max(e.s, int(t.S)+lastC+cols)
	}
	if t.Start == StartC || !t.Requantize {
		e.c = max(e.c, int(t.C)+lastC+cols)
	}
	if t.Requantize {
		e.q = max(e.q, int(t.Q)+(n-1)*int(t.LDQ)+cols)
		e.scale = max(e.scale, int(t.Scale)+k.NR)
	}
}

func (c *qcase) fill(rnd *rand.Rand, kind, blocks int) {
	g := &c.g
	for i := range c.x {
		c.x[i] = int8(rnd.Uint32())
		if kind == extremes {
			c.x[i] = []int8{-128, -128, 127}[rnd.IntN(3)]
		}
	}
	stageModel(c.k, g.A, c.x)
	sign := rnd.IntN(3)
	lo, hi := -127, 127
	if c.k.Bits == 7 {
		lo, hi = -64, 63
	}
	for b := range blocks {
		w := make([]int8, c.depth*c.k.NR)
		for i := range w {
			w[i] = int8(lo + rnd.IntN(hi-lo+1))
			if kind == extremes {
				w[i] = int8([][2]int{{hi, hi}, {lo, lo}, {hi, lo}}[sign][rnd.IntN(2)])
			}
		}
		at := b * c.k.PackedLen(c.depth)
		if c.w[at] = w; at >= len(g.B) {
			continue
		}
		c.k.Pack(g.B[at:][:c.k.PackedLen(c.depth)], w, c.k.NR, 1, c.depth, c.k.NR)
	}
	for _, s := range [][]int32{g.S, g.C} {
		for i := range s {
			s[i] = int32(rnd.Uint32()) >> 12
			if kind == extremes {
				s[i] = []int32{math.MaxInt32, math.MinInt32, 0, int32(rnd.Uint32())}[rnd.IntN(4)]
			}
		}
	}
	for i := range g.Q {
		g.Q[i] = int8(rnd.Uint32())
	}
	for i := range g.Scale {
		g.Scale[i] = float32(math.Ldexp(0.5+rnd.Float64(), -rnd.IntN(20)))
		if kind == extremes {
			g.Scale[i] = []float32{0, 1e-45, 1e30, -0.001, 0.001, math.MaxFloat32, float32(math.Inf(1)), float32(math.NaN())}[rnd.IntN(8)]
		}
	}
}

func stageModel(k *Int8, dst, src []int8) {
	for i, v := range src {
		u := uint32(int32(v) + k.Offset)
		for b := range k.Width {
			dst[i*k.Width+b] = int8(u >> (8 * b))
		}
	}
}

// want computes C and Q with int64 sums.
func (c *qcase) want() (wantC []int32, wantQ []int8) {
	g := &c.g
	wantC, wantQ = slices.Clone(g.C), slices.Clone(g.Q)
	for _, t := range c.tiles[g.From:g.To] {
		rows, runA, runC := int(t.Rows), int(t.ARun), int(t.CRun)
		if rows == 0 {
			rows = g.Rows
			runA, runC = (rows+1)/2*int(t.LDA), (rows+1)/2*int(t.LDC)
		}
		at := func(r, ld, run int) int {
			if h := (rows + 1) / 2; r >= h {
				return run + (r-h)*ld
			}
			return r * ld
		}
		for r := range rows {
			for j := range int(t.Cols) {
				var s int64
				inC := int(t.C) + at(r, int(t.LDC), runC) + j
				switch t.Start {
				case StartBias:
					s = int64(g.S[int(t.S)+j])
				case StartC:
					s = int64(wantC[inC])
				case StartRows:
					s = int64(g.S[inC-int(t.C)+int(t.S)])
				}
				for _, tap := range c.taps[t.Tap:][:t.Taps] {
					if c.depth == 0 {
						continue
					}
					x, w := c.x[int(t.A)+tap.A+at(r, int(t.LDA), runA):], c.w[int(t.B)+tap.B]
					for i := range c.depth {
						s += (int64(x[i]) + int64(c.k.Offset)) * int64(w[i*c.k.NR+j])
					}
				}
				if t.Requantize {
					wantQ[int(t.Q)+r*int(t.LDQ)+j] = requantizeModel(int32(s), g.Scale[int(t.Scale)+j], g.Slope, g.Zero)
				} else {
					wantC[inC] = int32(s)
				}
			}
		}
	}
	return wantC, wantQ
}

// check runs the case and compares the whole of C and Q, gaps too, with the model.
func (c *qcase) check(t *testing.T, label string) {
	t.Helper()
	g := &c.g
	wantC, wantQ := c.want()
	a, b, s := slices.Clone(g.A), slices.Clone(g.B), slices.Clone(g.S)
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("%s: %v", label, r)
			}
		}()
		c.k.GEMM(g)
	}()
	for i, w := range wantC {
		if g.C[i] != w {
			t.Fatalf("%s: C[%d] = %d, want %d", label, i, g.C[i], w)
		}
	}
	for i, w := range wantQ {
		if g.Q[i] != w {
			t.Fatalf("%s: Q[%d] = %d, want %d", label, i, g.Q[i], w)
		}
	}
	if !slices.Equal(a, g.A) || !slices.Equal(b, g.B) || !slices.Equal(s, g.S) {
		t.Fatalf("%s: changed an input", label)
	}
}

// newRow makes n neighboring tiles of one row; rows of 0 leaves that to the call.
func newRow(rnd *rand.Rand, mem memory, k *Int8, kind, rows, n, depth, taps int) *qcase {
	mem.reset()
	c := &qcase{k: k, depth: depth, w: map[int][]int8{}}
	block := k.PackedLen(depth)
	if rows == 0 {
		c.g.Rows = 1
	}
	first := QTile{
		A: int32(rnd.IntN(5)), S: int32(rnd.IntN(5)), C: int32(rnd.IntN(5)), Q: int32(rnd.IntN(5)), Scale: int32(rnd.IntN(5)), Rows: int32(rows),
		Cols: int32(k.NR), Taps: int32(taps), Start: uint8(rnd.IntN(2)), Requantize: rnd.IntN(2) == 0, LDA: 3, LDC: 3, LDQ: 3,
	}
	for i := range taps {
		c.taps = append(c.taps, Tap{A: 3 * i, B: i * block})
	}
	for i := range n {
		t := first
		t.B = int32(i * taps * block)
		t.S, t.C, t.Q, t.Scale = t.S+int32(i*k.NR), t.C+int32(i*k.NR), t.Q+int32(i*k.NR), t.Scale+int32(i*k.NR)
		c.tiles = append(c.tiles, t)
	}
	g, end := &c.g, n*k.NR
	g.Slope, g.Zero = 0.3, int32(rnd.IntN(256)-128)
	endA := 0
	if taps > 0 && depth > 0 {
		endA = int(first.A) + 3*(taps-1) + depth + k.Slack(depth)
	}
	c.x = make([]int8, endA)
	g.A, g.B = bytesOf(mem, endA*k.Width), bytesOf(mem, n*taps*block)
	g.S, g.C, g.Q = intsOf(mem, int(first.S)+end), intsOf(mem, int(first.C)+end), bytesOf(mem, int(first.Q)+end)
	g.Scale = mem.slice(int(first.Scale) + end)
	c.fill(rnd, kind, n*taps)
	g.Tiles, g.To = k.NewTiles(depth, c.tiles, c.taps), n
	return c
}
