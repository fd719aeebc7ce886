package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

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

func TestRequantise(t *testing.T) {
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
func TestRequantiseValues(t *testing.T) {
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
	h := (n + 1) / 2
	second := n - h
	padded := depth + k.Slack(depth)
	var endA, endB, endS, endC, endQ, endScale int
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
		runA, runC := h*lda, h*ldc
		if rows > 0 {
			switch rnd.IntN(3) {
			case 0: // the second run lies further on
				runA, runC = runA+rnd.IntN(40), runC+rnd.IntN(40)
			case 1: // or before the first
				runA, runC = -second*lda-rnd.IntN(5), -second*ldc-rnd.IntN(5)
				t.A, t.C, t.S = t.A+int32(-runA), t.C+int32(-runC), t.S+int32(-runC)
			}
			t.ARun, t.CRun = int32(runA), int32(runC)
		} else {
			t.ARun, t.CRun = 1<<30, -1<<30 // not looked at
		}
		// Tiles that end in C must not overlap: each has its own stretch of C and Q, after those
		// before it.
		t.C += int32(endC)
		t.Q += int32(endQ)
		lastA, lastC := (h-1)*lda, (h-1)*ldc
		if second > 0 {
			lastA, lastC = max(lastA, runA+(second-1)*lda), max(lastC, runC+(second-1)*ldc)
		}
		for range taps {
			tap := Tap{A: rnd.IntN(20), B: 0}
			if t.B == 0 {
				tap.B = rnd.IntN(blocks) * k.PackedLen(depth)
			}
			c.taps = append(c.taps, tap)
			if depth > 0 {
				endA = max(endA, int(t.A)+tap.A+lastA+padded)
				endB = max(endB, int(t.B)+tap.B+k.PackedLen(depth))
			}
		}
		switch t.Start {
		case StartBias:
			endS = max(endS, int(t.S)+k.NR)
		case StartRows:
			endS = max(endS, int(t.S)+lastC+cols)
		}
		if t.Start == StartC || !t.Requantize {
			endC = max(endC, int(t.C)+lastC+cols)
		}
		if t.Requantize {
			endQ = max(endQ, int(t.Q)+(n-1)*ldq+cols)
			endScale = max(endScale, int(t.Scale)+k.NR)
		}
		c.tiles = append(c.tiles, t)
	}
	g.Slope, g.Zero = []float32{1, 0.3, 0, -0.5, -300, 1e-39, -1e-45}[rnd.IntN(7)], int32(rnd.IntN(256)-128)
	g.A, g.B = bytesOf(mem, endA*k.Width), bytesOf(mem, endB)
	g.S, g.C, g.Q, g.Scale = intsOf(mem, endS), intsOf(mem, endC), bytesOf(mem, endQ), mem.slice(endScale)
	c.x = make([]int8, endA)
	c.fill(rnd, kind, blocks)
	g.Tiles = k.NewTiles(depth, c.tiles, c.taps)
	g.To = len(c.tiles)
	return c
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
	for b := range blocks {
		w := make([]int8, c.depth*c.k.NR)
		for i := range w {
			w[i] = int8(rnd.IntN(255) - 127)
			if kind == extremes {
				w[i] = [][2]int8{{127, 127}, {-127, -127}, {127, -127}}[sign][rnd.IntN(2)]
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

// TestQGEMMBounds: a list that leaves its slices panics before it writes.
func TestQGEMMBounds(t *testing.T) {
	spoils := map[string]func(g *QGEMM){
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
	open := map[string]func(g *QGEMM){
		"too many rows": func(g *QGEMM) { g.Rows = g.Tiles.k.MR + 1 },
		"one row more":  func(g *QGEMM) { g.Rows++ },
		"negative rows": func(g *QGEMM) { g.Rows = -1 },
	}
	tiles := map[string]func(t *QTile){
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
		for name, spoil := range spoils {
			for _, rows := range []int{q.MR, 0} {
				c := make(rows)
				whole := c.g
				spoil(&c.g)
				refuses(name, &c.g, whole)
			}
		}
		for name, spoil := range open {
			c := make(0)
			whole := c.g
			spoil(&c.g)
			refuses(name, &c.g, whole)
		}
		for name, spoil := range tiles {
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

// Every row packs and pads: what is beyond depth and cols is zero whatever was there.
func TestPack(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if q.MR < 1 || q.NR < 1 || q.Group < 1 || q.Width < 1 || q.GEMM == nil {
			t.Fatalf("bad shape %+v", *q)
		}
		const depth = 7
		cols := q.NR - 1
		w := make([]int8, depth*cols)
		for i := range w {
			w[i] = int8(i%254 - 127)
		}
		dst := make([]int8, q.PackedLen(depth))
		for i := range dst {
			dst[i] = 99
		}
		q.Pack(dst, w, 1, depth, depth, cols) // w is (cols, depth)
		nonzero := 0
		for _, v := range dst {
			if v != 0 {
				nonzero++
			}
		}
		want := 0
		for _, v := range w {
			if v != 0 {
				want++
			}
		}
		if nonzero != want {
			t.Errorf("%d weights packed, want %d", nonzero, want)
		}
		if !panics(func() { q.Pack(dst[1:], w, 1, depth, depth, cols) }) || !panics(func() { q.Pack(dst, w, 1, depth, depth, q.NR+1) }) {
			t.Error("no panic about a wrong size")
		}
	})
}

// Both ways that weights may lie, all depths and widths about a group and a tile, and slices that
// end where the block does.
func TestPackLayout(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		for depth := range 2*q.Group + 2 {
			for cols := 1; cols <= q.NR; cols++ {
				for _, rows := range []bool{true, false} { // w is (depth, cols) or (cols, depth)
					w := make([]int8, depth*cols)
					for i := range w {
						w[i] = int8(i*89%255 - 127)
					}
					dst, want := make([]int8, q.PackedLen(depth)), make([]int8, q.PackedLen(depth))
					for i := range dst {
						dst[i] = 99
					}
					sk, sj := cols, 1
					if !rows {
						sk, sj = 1, depth
					}
					for c := range depth {
						for j := range cols {
							want[c/q.Group*q.Group*q.NR+j*q.Group+c%q.Group] = w[c*sk+j*sj]
						}
					}
					q.Pack(dst, w, sk, sj, depth, cols)
					if !slices.Equal(dst, want) {
						t.Fatalf("depth %d, %d columns, rows %v: %v, want %v", depth, cols, rows, dst, want)
					}
				}
			}
		}
	})
}

func TestIndexMin(t *testing.T) {
	for _, n := range []int{0, 1, 7, 31, 64, 100} {
		w := make([]int8, n)
		for i := range w {
			w[i] = int8(i%255 - 127)
		}
		if at := IndexMin(w); at != -1 {
			t.Errorf("%d weights: found at %d", n, at)
		}
		for i := n - 1; i >= 0; i-- { // the first of them
			if w[i] = -128; IndexMin(w) != i {
				t.Errorf("%d weights: found at %d, want %d", n, IndexMin(w), i)
			}
		}
	}
}

func TestInt8Peak(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if one := q.Peak(1); one <= 0 || q.Peak(0) != 0 || q.Peak(-1) != 0 || q.Peak(7) != 7*one {
			t.Errorf("operations of 0, 1, 7 rounds: %d, %d, %d", q.Peak(0), one, q.Peak(7))
		}
	})
}
