package conv

import "github.com/gantiny/gantiny/simd"

// gradTiles cuts the sums of a weight gradient by minimal filtering, which are rows by
// cols at each frequency, into tiles: row panels of at most MR by column panels of NR.
type gradTiles struct {
	k      *simd.Kernels
	cols   int
	rows   []int // of each row panel
	rowAt  []int // where each begins, and the end
	panels int   // of columns
}

func newGradTiles(k *simd.Kernels, rows, cols int) gradTiles {
	t := gradTiles{k: k, cols: cols, rows: split(rows, k.MR), panels: (cols + k.NR - 1) / k.NR}
	t.rowAt = make([]int, len(t.rows)+1)
	for i, r := range t.rows {
		t.rowAt[i+1] = t.rowAt[i] + r
	}
	return t
}

// add adds A^T B of one frequency to row panels [r0, r1) of its sums, or sets them unless o.Accumulate. Taps and K are the caller's.
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
