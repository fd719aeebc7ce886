package conv

import "github.com/gantiny/gantiny/simd"

// What the passes by minimal filtering at strides 1 and 2 have in common.

// rowTiles cuts the products of a pass by minimal filtering, of many rows of transformed values and one panel of weights, into tiles of
// at most MR rows. The weights are more panels than a cache holds: each tile fetches its share of the next one.
// 7x7x256 -> 128, 256 images, one thread of a busy machine: 37 ms, 50 without.
type rowTiles struct {
	next        []float32 // the panel of weights after this one
	done, total int       // rows that share it
}

// run sets C to A B for the first rows of a and c. Of g it sets A, C, Rows, ARun, CRun and Ahead, the rest is the caller's.
func (t *rowTiles) run(k *simd.Kernels, g *simd.GEMM, c, a []float32, rows int) {
	for r := 0; r < rows; r += g.Rows {
		g.Rows = tileRows(rows-r, k.MR)
		h := (g.Rows + 1) / 2
		g.ARun, g.CRun = h*g.LDA, h*g.LDC
		g.A, g.C = a[r*g.LDA:], c[r*g.LDC:]
		g.Ahead = t.next[t.done*len(t.next)/t.total : (t.done+g.Rows)*len(t.next)/t.total]
		t.done += g.Rows
		k.GEMM(g)
	}
}

// output is where a chunk's results go: images from n0 on, width channels from col on.
type output struct {
	e                      Epilogue
	n0, images, col, width int
}

// runs is how many contiguous runs a position has, and their length.
func (o *output) runs(m Layout) (runs, n int) {
	if o.width < m.Row {
		return o.images, o.width
	}
	return 1, o.images * o.width
}

// streams says that results are done with once they are written, and that they
// go to a map of which the caches hold little: they had better not pass through.
func (o *output) streams(m Layout) bool {
	const large = 4 << 20 // bytes
	return o.e.Bias == nil && o.e.Slope == 1 && m.Positions()*m.Stride >= large/4
}

// finish applies the epilogue to one run.
func (o *output) finish(k *simd.Kernels, row []float32) {
	switch {
	case o.e.Bias != nil:
		k.BiasLeaky(row, row, o.e.Bias[o.col:][:o.width], o.e.Slope)
	case o.e.Slope != 1:
		k.LeakyGrad(row, row, row, o.e.Slope)
	}
}
