package simd

import "runtime"

// The scalar int8 tiles, 4x8, computed row by row as the float32 ones are.

const (
	scalarQMR = 4
	scalarQNR = 8
)

const formScalar form = 0

func scalarInt8() *Int8 {
	return &Int8{
		form: formScalar, MR: scalarQMR, NR: scalarQNR, Group: 1, Width: 1,
		GEMM: qgemmScalar, Gather: gatherScalar, Peak: qpeakScalar, Int16: scalarInt16(),
	}
}

func qgemmScalar(g *QGEMM) {
	if !g.check(formScalar) {
		return
	}
	for i := range g.Tiles.tiles[g.From:g.To] {
		t := &g.Tiles.tiles[g.From+i]
		rows, runA, runC := g.rows(t)
		for r := range rows {
			rowA, rowC := t.row(r, rows, runA, runC)
			var s [scalarQNR]int32
			g.start(s[:], t, rowC)
			if depth := g.Tiles.depth; depth > 0 {
				for _, tap := range g.Tiles.taps[t.Tap:][:t.Taps] {
					qgemmRow(&s, g.A[rowA+tap.A:][:depth], g.B[int(t.B)+tap.B:][:depth*scalarQNR])
				}
			}
			g.finish(s[:], t, r, rowC)
		}
	}
}

// start sets the sums s of a row, which is at rowC in C, to what they start from.
func (g *QGEMM) start(s []int32, t *QTile, rowC int) {
	switch t.Start {
	case StartBias:
		copy(s, g.S[t.S:])
	case StartC:
		copy(s[:t.Cols], g.C[rowC:])
	case StartRows:
		copy(s[:t.Cols], g.S[rowC-int(t.C)+int(t.S):])
	}
}

// finish puts the sums of row r where they go.
func (g *QGEMM) finish(s []int32, t *QTile, r, rowC int) {
	if !t.Requantize {
		copy(g.C[rowC:], s[:t.Cols])
		return
	}
	out, scale := g.Q[int(t.Q)+r*int(t.LDQ):][:t.Cols], g.Scale[t.Scale:]
	for j := range out {
		out[j] = Requantize(s[j], scale[j], g.Slope, g.Zero)
	}
}

// row is where row r of rows lies in A and in C.
func (t *QTile) row(r, rows, runA, runC int) (a, c int) {
	if h := (rows + 1) / 2; r >= h {
		return int(t.A) + runA + (r-h)*int(t.LDA), int(t.C) + runC + (r-h)*int(t.LDC)
	}
	return int(t.A) + r*int(t.LDA), int(t.C) + r*int(t.LDC)
}

// rows is how many rows a tile has in this call, and where its second runs lie.
func (g *QGEMM) rows(t *QTile) (rows, runA, runC int) {
	if t.Rows > 0 {
		return int(t.Rows), int(t.ARun), int(t.CRun)
	}
	h := (g.Rows + 1) / 2
	return g.Rows, h * int(t.LDA), h * int(t.LDC)
}

// qgemmRow: s[j] += a[k]*b[k*8+j].
func qgemmRow(s *[scalarQNR]int32, a, b []int8) {
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for _, v := range a {
		x, row := int32(v), (*[scalarQNR]int8)(b)
		s0 += x * int32(row[0])
		s1 += x * int32(row[1])
		s2 += x * int32(row[2])
		s3 += x * int32(row[3])
		s4 += x * int32(row[4])
		s5 += x * int32(row[5])
		s6 += x * int32(row[6])
		s7 += x * int32(row[7])
		b = b[scalarQNR:]
	}
	*s = [scalarQNR]int32{s0, s1, s2, s3, s4, s5, s6, s7}
}

func qpeakScalar(n int) (ops int64) {
	a, b := int32(3), int32(1)
	s0, s1, s2, s3, s4, s5, s6, s7 := b, b, b, b, b, b, b, b
	for range n {
		s0 = s0*a + b
		s1 = s1*a + b
		s2 = s2*a + b
		s3 = s3*a + b
		s4 = s4*a + b
		s5 = s5*a + b
		s6 = s6*a + b
		s7 = s7*a + b
	}
	runtime.KeepAlive(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)
	return 16 * int64(max(n, 0))
}
