package simd

import "math"

// Int8 holds the int8 functions of one instruction set and the shapes that they want their operands
// in. All rows give the same bytes: sums are integers, and each step of Requantize is one float32
// operation.
type Int8 struct {
	form   form  // of tiles and operands, so that lists of tiles are not mixed up
	MR, NR int   // most rows and columns of one tile; NR is also the width of packed panels
	Group  int   // contracted channels that packed weights keep together; a contraction is padded to a multiple of it
	Width  int   // bytes of one activation as Stage leaves it
	Bits   int   // of the weights that GEMM takes: 7 for those of SmallWeights alone, 0 for all that Pack may be given
	Offset int32 // what Stage adds to each activation: 0, or 128 where the multiply wants one unsigned operand

	// Stage writes activations as the rows of A are read: src[i]+Offset in Width bytes, little end
	// first; len(dst) = Width*len(src). It is nil where that changes nothing, and A may be the
	// activations themselves.
	Stage func(dst, src []int8)
	// GEMM computes tiles of a matrix product, see the type QGEMM.
	GEMM func(*QGEMM)
	// Gather: dst[i] = start[i] + Σ src[index], over the list of output i; see QGather for lengths.
	// dst overlaps neither.
	Gather func(g *QGather, dst, start, src []int32)
	// Small holds the functions for small weights, see SmallWeights, that are faster, nil where there
	// are none. Bits is then 7 in it.
	Small *Int8
	// Int16 holds what exact Winograd plans are made of, nil where these do not pay.
	Int16 *Int16
	// Peak is Kernels.Peak for int8: the operations of n rounds of independent multiply-adds on
	// registers, each two.
	Peak func(n int) (ops int64)
}

// form tells apart the forms that rows want operands in.
type form uint8

// StartRows, for QTile: each row starts from a row of its own.
const StartRows = StartC + 1

// QTile is one tile of a QGEMM, of at most MR rows and NR columns. Offsets and strides count
// elements of the slices that they refer to; in A an element is an activation, whatever its Width.
// Row r lies
//
//	in A at A + rowA(r), rowA(r) = r*LDA for r < h, ARun+(r-h)*LDA from there, h = (Rows+1)/2
//	in C at C + rowC(r), alike with LDC and CRun
//	in Q at Q + r*LDQ
//
// Rows of 0 stands for the Rows of the call and, for such a tile, ARun for h*LDA and CRun for
// h*LDC.
type QTile struct {
	A, B, S, C, Q int32
	Scale         int32
	LDA, ARun     int32
	LDC, CRun     int32
	LDQ           int32
	Rows, Cols    int32
	Tap, Taps     int32 // of the list's taps: Taps of them from Tap on
	Start         uint8 // StartZero, StartBias (the row at S), StartC or StartRows (rows at S, as those of C are at C)
	Requantize    bool  // the tile ends in Q, else in C
	neighbors     bool  // see QTiles
}

// QTiles is a list of tiles with their taps, checked and measured once so that a call need not look
// at each of them. It is immutable and belongs to the row that made it. A tile's neighbors is set
// if it and the three to follow are equal but for what they read and write of B, S, Scale and Q or
// C, which follow one another: a kernel may take them for one tile of four times the columns where
// they have a single row.
type QTiles struct {
	k     *Int8
	tiles []QTile
	taps  []Tap
	depth int
	most  uintptr // taps of a tile
	fixed extent  // of tiles that say how many rows they have
	open  extent  // of the first rows of the others
	// The largest strides of tiles without Rows, and whether there are any.
	lda, ldc, ldq int64
	anyOpen       bool
	narrow        bool // there are tiles of fewer columns than their panel has
}

// extent is how long each operand must be.
type extent struct{ a, b, s, c, q, scale int64 }

// QGEMM is a run of tiles of an int8 matrix product that sums over taps. For each tile t, with x
// the activations before Stage, for r < t.Rows, j < t.Cols:
//
//	s = 0, S[t.S+j], C[t.C+rowC(r)+j] or S[t.S+rowC(r)+j], as t.Start says
//	for its taps, k < depth: s += (x[t.A+tap.A+rowA(r)+k]+Offset) * w(t.B+tap.B; k, j)
//	if t.Requantize: Q[t.Q+r*LDQ+j] = Requantize(s, Scale[t.Scale+j], Slope, Zero), else C[t.C+rowC(r)+j] = s
//
// Sums are int32 and wrap, so their order does not matter. w(at; k, j) is the block that Pack left
// in B from at on. A is by Stage and holds the channels that pad the last group too; their value
// does not matter. S and Scale have NR values where a tile refers to them. Neither C nor Q overlaps
// anything else. The struct is the caller's to keep and reuse: a call does not retain it and does
// not allocate.
type QGEMM struct {
	Tiles    *QTiles
	From, To int // the tiles to compute
	Rows     int // of tiles that do not say how many

	A, B  []int8
	S, C  []int32
	Q     []int8
	Scale []float32
	Slope float32 // of negative values, at most 1; 1 for no activation
	Zero  int32   // Q's zero point, an int8
}

// Requantize: v = float32(acc)*scale, v = max(v, slope*v), and v clamped to [-128-zero, 127-zero],
// rounded to the nearest whole number, ties to even, plus zero. slope is at most 1, so that the
// maximum is the leaky activation; zero is an int8. Each step is one float32 operation, so that
// every machine gives the same byte, also for values that are not finite: a product slope*v that is
// NaN is passed over, and a v that is NaN counts as large.
func Requantize(acc int32, scale, slope float32, zero int32) int8 {
	v := float32(float32(acc) * scale)
	if w := float32(slope * v); w > v {
		v = w
	}
	if hi := float32(127 - zero); !(v < hi) {
		v = hi
	}
	if lo := float32(-128 - zero); !(v > lo) {
		v = lo
	}
	return int8(nearest(v) + zero)
}

// nearest rounds v, |v| < 2^22, to the nearest whole number, ties to even.
func nearest(v float32) int32 {
	const magic = 3 << 22 // the sum has no bits left for a fraction
	return int32(math.Float32bits(v+magic)) - 0x4b400000
}

// depthOf is depth padded to whole groups.
func (k *Int8) depthOf(depth int) int { return (depth + k.Group - 1) / k.Group * k.Group }

// PackedLen is the length of one packed block of depth channels by NR columns.
func (k *Int8) PackedLen(depth int) int { return k.depthOf(depth) * k.NR }

// Slack is how many activations beyond the end of the last row A must have room for, to pad a
// contraction of depth.
func (k *Int8) Slack(depth int) int { return k.depthOf(depth) - depth }

// NewTiles checks a list of tiles that contract depth channels in each tap, for GEMM of this row.
func (k *Int8) NewTiles(depth int, tiles []QTile, taps []Tap) *QTiles {
	q := &QTiles{k: k, tiles: tiles, taps: taps, depth: depth}
	inRange(depth)
	for i := range tiles {
		q.measure(&tiles[i])
		tiles[i].neighbors = i+4 <= len(tiles) && neighbors(tiles[i:i+4], int32(k.NR))
	}
	return q
}

// neighbors tells whether tiles of nr columns are neighbors, see QTiles.
func neighbors(tiles []QTile, nr int32) bool {
	first, step := tiles[0], tiles[1].B-tiles[0].B
	if first.Cols != nr || first.Start > StartBias {
		return false
	}
	first.neighbors = false
	for i, t := range tiles {
		n := int32(i)
		want := first
		want.B, want.S, t.neighbors = want.B+n*step, want.S+n*nr, false
		if first.Requantize {
			want.Q, want.Scale, want.C = want.Q+n*nr, want.Scale+n*nr, t.C
		} else {
			want.C, want.Q, want.Scale = want.C+n*nr, t.Q, t.Scale
		}
		if first.Start == StartZero {
			want.S = t.S
		}
		if t != want {
			return false
		}
	}
	return true
}

// Len is the number of tiles.
func (q *QTiles) Len() int { return len(q.tiles) }

// measure panics unless t can be a tile; it widens the extents to hold it.
func (q *QTiles) measure(t *QTile) {
	k := q.k
	switch {
	case t.Rows < 0 || int(t.Rows) > k.MR || t.Cols < 0 || int(t.Cols) > k.NR:
		panic("simd: QGEMM: tile too large")
	case t.A < 0 || t.B < 0 || t.S < 0 || t.C < 0 || t.Q < 0 || t.Scale < 0 || t.LDA < 0 || t.LDC < 0 || t.LDQ < 0:
		panic("simd: QGEMM: negative offset or stride")
	case t.Tap < 0 || t.Taps < 0 || int64(t.Tap)+int64(t.Taps) > int64(len(q.taps)):
		panic("simd: QGEMM: taps out of range")
	case t.Start > StartRows:
		panic("simd: QGEMM: bad Start")
	case t.Start == StartRows && t.Rows == 0:
		panic("simd: QGEMM: StartRows of an unknown number of rows")
	}
	q.most = max(q.most, uintptr(t.Taps))
	q.narrow = q.narrow || int(t.Cols) < q.k.NR
	e, rows := &q.fixed, int(t.Rows)
	var loA, hiA, loC, hiC, hiQ int64 // of the rows
	if rows == 0 {
		e, q.anyOpen = &q.open, true
		q.lda, q.ldc, q.ldq = max(q.lda, int64(t.LDA)), max(q.ldc, int64(t.LDC)), max(q.ldq, int64(t.LDQ))
	} else {
		loA, hiA = tileRuns(rows, int(t.LDA), int(t.ARun))
		loC, hiC = tileRuns(rows, int(t.LDC), int(t.CRun))
		hiQ = int64(rows-1) * int64(t.LDQ)
	}
	depth, block := int64(k.depthOf(q.depth)), int64(k.PackedLen(q.depth))
	for _, tap := range q.taps[t.Tap:][:t.Taps] {
		inRange(tap.A, tap.B)
		a := int64(t.A) + int64(tap.A)
		if a+loA < 0 {
			panic("simd: QGEMM: A out of range")
		}
		if depth > 0 {
			e.a = max(e.a, a+hiA+depth)
			e.b = max(e.b, int64(t.B)+int64(tap.B)+block)
		}
	}
	switch t.Start {
	case StartBias:
		e.s = max(e.s, int64(t.S)+int64(k.NR))
	case StartRows:
		if int64(t.S)+loC < 0 {
			panic("simd: QGEMM: S out of range")
		}
		e.s = max(e.s, int64(t.S)+hiC+int64(t.Cols))
	}
	if t.Start == StartC || !t.Requantize {
		if int64(t.C)+loC < 0 {
			panic("simd: QGEMM: C out of range")
		}
		e.c = max(e.c, int64(t.C)+hiC+int64(t.Cols))
	}
	if t.Requantize {
		e.q = max(e.q, int64(t.Q)+hiQ+int64(t.Cols))
		e.scale = max(e.scale, int64(t.Scale)+int64(k.NR))
	}
}

// tileRuns returns the least and the greatest row offset of a tile of two runs.
func tileRuns(rows, ld, run int) (lo, hi int64) {
	if run < -maxStep || run > maxStep {
		panic("simd: QGEMM: bad run")
	}
	h := (rows + 1) / 2
	hi = int64(h-1) * int64(ld)
	if second := rows - h; second > 0 {
		lo = min(0, int64(run))
		hi = max(hi, int64(run)+int64(second-1)*int64(ld))
	}
	return lo, hi
}

// check panics unless all tiles of the list stay within the slices. It reports whether there is
// anything to do.
func (g *QGEMM) check(f form) bool {
	q := g.Tiles
	k := q.k
	switch {
	case k.form != f:
		panic("simd: QGEMM: tiles of another row")
	case g.From < 0 || g.To > len(q.tiles):
		panic("simd: QGEMM: no such tiles")
	case g.From >= g.To:
		return false
	case !(g.Slope <= 1) || g.Zero < -128 || g.Zero > 127:
		panic("simd: QGEMM: bad Slope or Zero")
	}
	q.fixed.within(g, k)
	if q.anyOpen {
		if g.Rows < 0 || g.Rows > k.MR {
			panic("simd: QGEMM: tile too large")
		}
		if g.Rows == 0 {
			return false
		}
		n := int64(g.Rows - 1)
		e := q.open
		e.a, e.c, e.q = grow(e.a, n*q.lda), grow(e.c, n*q.ldc), grow(e.q, n*q.ldq)
		e.within(g, k)
	}
	return true
}

// grow adds n to an extent that is not empty.
func grow(e, n int64) int64 {
	if e == 0 {
		return 0
	}
	return e + n
}

func (e *extent) within(g *QGEMM, k *Int8) {
	if e.a*int64(k.Width) > int64(len(g.A)) || e.b > int64(len(g.B)) || e.s > int64(len(g.S)) ||
		e.c > int64(len(g.C)) || e.q > int64(len(g.Q)) || e.scale > int64(len(g.Scale)) {
		panic("simd: QGEMM: tile out of range")
	}
}
