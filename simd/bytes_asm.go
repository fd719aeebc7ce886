//go:build (amd64 || arm64) && !purego

package simd

// What stands between Bytes and the assembly: checks, pieces, and what is left beside whole vectors.

// byteKernels are the kernels of one instruction set, each of which works like the scalar function
// of its name. n, at least 1, is a number of elements or columns and a multiple of step; half is
// halfShift of the shift; slope may be nil; moments adds to sum and squares, and rows is at least 1.
type byteKernels struct {
	step      int
	tableStep int  // of table
	steps     bool // table takes a table's steps, else its entries

	table   func(dst, x *int8, n int, table *int8)
	add     func(dst, x, y *int8, n int, a, b, c, half, zero int32)
	mul     func(dst, x, y *int8, n int, m, shift int, base uint64, end, zero0, zero1 int32)
	affine  func(dst *int8, ds int, x *int8, xs, rows, n int, weight, bias, slope, shift *int32, zero int32)
	moments func(sum, squares *int32, x *int8, xs, rows, n int)
	mean    func(dst, src *int8, n, stride int, terms *ByteTerm, count, m, shift int, base uint64, end, first int32)
}

// maxBytePiece is the most elements that one call works on.
const maxBytePiece = 4 * maxPiece

func (k byteKernels) bytes() *Bytes {
	return &Bytes{
		Table: k.tableOf, Add: k.addOf, Mul: k.mulOf,
		Affine: k.affineOf, Moments: k.momentsOf, Mean: k.meanOf,
	}
}

// whole is how much of n the kernels but table take.
func (k *byteKernels) whole(n int) int { return n - n%k.step }

// rows is how many rows of n columns one call takes.
func (*byteKernels) rows(n int) int { return max(1, maxBytePiece/max(n, 16)) }

func (k *byteKernels) tableOf(dst, x []int8, t *ByteTable) {
	sameLen(len(dst), len(x))
	table := &t.entry[0]
	if k.steps {
		table = &t.steps[0]
	}
	n := len(x) - len(x)%k.tableStep
	for at := 0; at < n; at += maxBytePiece {
		k.table(&dst[at], &x[at], min(n-at, maxBytePiece), table)
	}
	tableBytesScalar(dst[n:], x[n:], t)
}

func (k *byteKernels) addOf(dst, x, y []int8, s *ByteSum) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	half := int32(halfShift(s.Shift))
	n := k.whole(len(x))
	for at := 0; at < n; at += maxBytePiece {
		k.add(&dst[at], &x[at], &y[at], min(n-at, maxBytePiece), s.A, s.B, s.C, half, s.Zero)
	}
	addBytesScalar(dst[n:], x[n:], y[n:], s)
}

func (k *byteKernels) mulOf(dst, x, y []int8, p *ByteProduct) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	n := 0
	if p.fits {
		n = k.whole(len(x))
	}
	for at := 0; at < n; at += maxBytePiece {
		k.mul(&dst[at], &x[at], &y[at], min(n-at, maxBytePiece), int(p.m), int(p.shift), p.base, p.end, p.X, p.Y)
	}
	mulBytesScalar(dst[n:], x[n:], y[n:], p)
}

func (k *byteKernels) affineOf(dst []int8, ds int, x []int8, xs, rows int, a ByteAffine) {
	a.check(dst, ds, x, xs, rows)
	n := k.whole(len(a.Weight))
	if n > 0 {
		var slope *int32
		if a.Slope != nil {
			slope = &a.Slope[0]
		}
		for r := 0; r < rows; r += k.rows(n) {
			k.affine(&dst[r*ds], ds, &x[r*xs], xs, min(rows-r, k.rows(n)), n, &a.Weight[0], &a.Bias[0], slope, &a.Shift[0], a.Zero)
		}
	}
	affineBytesColumns(dst, ds, x, xs, rows, &a, n)
}

func (k *byteKernels) momentsOf(sum, squares []int32, x []int8, xs, rows int) {
	checkMoments(sum, squares, x, xs, rows)
	clear(sum)
	clear(squares)
	n := k.whole(len(sum))
	if n > 0 {
		for r := 0; r < rows; r += k.rows(n) {
			k.moments(&sum[0], &squares[0], &x[r*xs], xs, min(rows-r, k.rows(n)), n)
		}
	}
	momentsBytesColumns(sum, squares, x, xs, rows, n)
}

func (k *byteKernels) meanOf(dst, src []int8, stride int, m *ByteMean) {
	m.check(dst, src, stride)
	n := 0
	if count := len(m.terms); m.fits && 0 < count && count <= maxPiece/2 {
		n = k.whole(len(dst))
		piece := max(64, maxBytePiece/count&^63)
		for at := 0; at < n; at += piece {
			k.mean(&dst[at], &src[at], min(n-at, piece), stride, &m.terms[0], count, int(m.m), int(m.shift), m.base, m.end, int32(m.start))
		}
	}
	meanBytesColumns(dst, src, stride, m, n)
}
