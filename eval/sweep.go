package eval

import (
	"context"
	"sync/atomic"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// rows is a matrix of n rows of d values each.
type rows struct {
	x    []float32 // (n, d)
	n, d int
}

// block returns rows [lo, hi).
func (r rows) block(lo, hi int) rows { return rows{r.x[lo*r.d : hi*r.d], hi - lo, r.d} }

// A sweep takes a matrix of inner products tile after tile: rowBlock x colBlock of them, so that
// memory is bounded whatever the sizes.
const (
	rowBlock = 64
	colBlock = 1024
	perCall  = 1 << 20 // multiply-adds of one call of a kernel, so that it stays short
)

// tile holds inner products: at(i)[j-j0] is that of row i of the first matrix and row j of the
// second.
type tile struct {
	i0, i1, j0, j1 int
	dots           []float32 // (rowBlock, colBlock)
}

func (t *tile) at(i int) []float32 { return t.dots[(i-t.i0)*colBlock:][:t.j1-t.j0] }

// sweeper has what a sweep needs.
type sweeper struct {
	k     *simd.Kernels
	team  *pool.Pool
	works []workspace // one a worker
	panel []float32   // a block of columns, packed
}

type workspace struct {
	gemm simd.GEMM
	taps [1]simd.Tap
	tile tile
}

// newSweeper starts threads, which close ends.
func newSweeper(o Options) *sweeper {
	s := &sweeper{k: o.Kernels, team: pool.New(o.Threads)}
	s.works = make([]workspace, s.team.Workers())
	for i := range s.works {
		s.works[i].tile.dots = make([]float32, rowBlock*colBlock)
	}
	return s
}

func (s *sweeper) close() { s.team.Close() }

// each calls f for 0 ... n-1, on all threads, and returns early with ctx's error when that ends.
func (s *sweeper) each(ctx context.Context, n int, f func(worker, i int)) error {
	var next atomic.Int64
	s.team.Run(func(worker int) {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(worker, i)
		}
	})
	return context.Cause(ctx)
}

// sweep calls visit with all tiles of the inner products of rows of a with rows of b. The tiles of
// a row come in the order of their columns, one after the other, though perhaps on different
// workers. What a tile holds does not depend on how many these are.
func (s *sweeper) sweep(ctx context.Context, a, b rows, visit func(worker int, t *tile)) error {
	for j0 := 0; j0 < b.n; j0 += colBlock {
		j1 := min(j0+colBlock, b.n)
		if err := s.pack(ctx, b.block(j0, j1)); err != nil {
			return err
		}
		err := s.each(ctx, (a.n+rowBlock-1)/rowBlock, func(worker, i int) {
			w := &s.works[worker]
			w.tile.i0, w.tile.i1 = i*rowBlock, min((i+1)*rowBlock, a.n)
			w.tile.j0, w.tile.j1 = j0, j1
			s.multiply(w, a)
			visit(worker, &w.tile)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pack lays rows of b out as the kernels want them: panels of NR columns, (panel, d, NR).
func (s *sweeper) pack(ctx context.Context, b rows) error {
	nr := s.k.NR
	panels := (b.n + nr - 1) / nr
	if size := panels * b.d * nr; cap(s.panel) < size {
		s.panel = make([]float32, size)
	}
	return s.each(ctx, panels, func(_, p int) {
		dst := s.panel[p*b.d*nr:][:b.d*nr]
		clear(dst)
		for j := range min(nr, b.n-p*nr) {
			for k, v := range b.x[(p*nr+j)*b.d:][:b.d] {
				dst[k*nr+j] = v
			}
		}
	})
}

// multiply fills w's tile from rows of a and the packed columns.
func (s *sweeper) multiply(w *workspace, a rows) {
	g, t, nr := &w.gemm, &w.tile, s.k.NR
	*g = simd.GEMM{Taps: w.taps[:], K: a.d, LDA: a.d, LDB: a.d * nr, LDC: colBlock, Slope: 1}
	cols := max(1, perCall/(s.k.MR*nr*a.d)) * nr
	for j := 0; j < t.j1-t.j0; j += cols {
		g.Cols = min(cols, t.j1-t.j0-j)
		g.B = s.panel[j*a.d:]
		for i := t.i0; i < t.i1; i += g.Rows {
			g.Rows = min(s.k.MR, t.i1-i)
			h := (g.Rows + 1) / 2
			g.ARun, g.CRun = h*g.LDA, h*g.LDC
			g.A, g.C = a.x[i*a.d:], t.dots[(i-t.i0)*colBlock+j:]
			s.k.GEMM(g)
		}
	}
	*g = simd.GEMM{}
}

// squares returns the inner product of each row with itself, to the bit as sweep has it.
func (s *sweeper) squares(ctx context.Context, a rows) ([]float32, error) {
	list := make([]float32, a.n)
	for at := 0; at < a.n; at += rowBlock {
		some := a.block(at, min(at+rowBlock, a.n))
		err := s.sweep(ctx, some, some, func(_ int, t *tile) {
			for i := t.i0; i < t.i1; i++ {
				list[at+i] = t.at(i)[i]
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// distance is the squared distance of two rows: exactly 0 of equal ones.
func distance(xx, yy, xy float32) float32 { return max(0, (xx+yy)-2*xy) }

// distances calls visit with the squared distances d[j-j0] of row i of a and rows [j0, j0+len(d))
// of b, in the order that sweep has.
func (s *sweeper) distances(ctx context.Context, a, b rows, visit func(worker, i, j0 int, d []float32)) error {
	aa, err := s.squares(ctx, a)
	if err != nil {
		return err
	}
	bb, err := s.squares(ctx, b)
	if err != nil {
		return err
	}
	return s.sweep(ctx, a, b, func(worker int, t *tile) {
		for i := t.i0; i < t.i1; i++ {
			d := t.at(i)
			for j, xy := range d {
				d[j] = distance(aa[i], bb[t.j0+j], xy)
			}
			visit(worker, i, t.j0, d)
		}
	})
}
