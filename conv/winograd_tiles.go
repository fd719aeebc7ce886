package conv

import "github.com/gantiny/gantiny/simd"

// What Winograd passes at strides 1 and 2 have in common.

// rowTiles cuts the products of a Winograd pass, of many rows of transformed values and
// one panel of weights, into tiles of at most MR rows. The weights are more panels than a
// cache holds: each tile fetches its share of the next one. 7x7x256 -> 128, 256 images,
// one thread of a busy machine: 37 ms, 50 without.
type rowTiles struct {
	next        []float32 // the panel of weights after this one
	done, total int       // rows that share it
}

// run sets C to A B for the first rows of a and c. Of g it sets A, C, Rows, ARun, CRun and
// Ahead, the rest is the caller's.
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

// output is where a chunk's results go: images from n0 on, panels of columns from col on,
// width of them.
type output struct {
	e             Epilogue
	n0, images    int
	panel, panels int
	col, width    int
}

// newOutput is that of a window, which has whole panels, without images.
func newOutput(t *tiling, e Epilogue, w window) output {
	o := output{e: e, n0: w.n0, panel: w.panel, panels: w.panels, col: w.panel * t.nr}
	o.width = min(t.cols, (w.panel+w.panels)*t.nr) - o.col
	return o
}

// first is where the results of a position begin in dst.
func (o *output) first(dst Layout) int { return o.n0*dst.Row + o.col }

// runs is how many contiguous runs a position has, and their length.
func (o *output) runs(dst Layout) (runs, n int) {
	if o.width < dst.Row {
		return o.images, o.width
	}
	return 1, o.images * o.width
}

// streams says that results are final once they are written, and that the caches hold
// little of their layout: they should not pass through the caches.
func (o *output) streams(dst Layout) bool {
	const large = 4 << 20 // bytes
	return o.e.Bias == nil && o.e.Slope == 1 && dst.Positions()*dst.Stride >= large/4
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

// gradTiles cuts the sums of a Winograd weight gradient, which are rows by cols at each
// frequency, into tiles: row panels of at most MR by column panels of NR.
type gradTiles struct {
	k      *simd.Kernels
	cols   int
	rows   []int // of each row panel
	rowAt  []int // where each begins, and the end
	panels int   // of columns
}

func newGradTiles(k *simd.Kernels, rows, cols int) gradTiles {
	t := gradTiles{k: k, cols: cols, rows: split(rows, k.MR), panels: (cols + k.NR - 1) / k.NR}
	t.rowAt = offsets(t.rows)
	return t
}

// add adds A^T B of one frequency to row panels [r0, r1) of its sums, or sets them unless
// o.Accumulate. Taps and K are the caller's.
func (t *gradTiles) add(o *simd.Outer, sums, a, b []float32, r0, r1 int) {
	o.LDA, o.LDB, o.LDC = t.rowAt[len(t.rows)], t.cols, t.cols
	for p := range t.panels {
		col := p * t.k.NR
		o.B, o.Cols = b[col:], min(t.k.NR, t.cols-col)
		for r := r0; r < r1; r++ {
			o.A, o.Rows = a[t.rowAt[r]:], t.rows[r]
			o.C, o.Next = sums[t.rowAt[r]*t.cols+col:], nil
			if r+1 < r1 {
				o.Next = sums[t.rowAt[r+1]*t.cols+col:]
			}
			t.k.Outer(o)
		}
	}
}
