package conv

import (
	"sync"

	"github.com/gantiny/gantiny/simd"
)

// qthin is a layer of few output channels. One product makes for each source position all
// taps' contributions as columns (tap, channel), which are gathered where they go. Tiles
// make the columns of runs of source positions.
type qthin struct {
	qpass
	columns int // of a source position
	sets    tapSets
	tiles   []*simd.QTiles         // banded
	gathers []func() *simd.QGather // where the columns go, banded; of fewer than all bands made when first asked for
}

func newQThin(p qpass, columns int) *qthin {
	t := &qthin{qpass: p, columns: columns}
	links := p.g.links(p.dst.H, p.dst.W)
	list, start := byOut(links, p.dst.Positions())
	t.sets = newTapSets(list, start)
	sources := bandSources(links, p.dst, p.bands)
	t.tiles = banded(p.bands, func(from, to int) *simd.QTiles { return t.columnTiles(sources[from:to]) })
	t.gathers = banded(p.bands, func(from, to int) func() *simd.QGather {
		return sync.OnceValue(func() *simd.QGather { return t.gather(list, start, from, to) })
	})
	return t
}

// columnTiles makes the columns for the source positions of some bands.
func (p *qthin) columnTiles(bands [][2]int32) *simd.QTiles {
	lo, hi := sourceRange(bands, p.src.Positions())
	stride := int32(p.src.Stride)
	var tiles []simd.QTile
	for q := lo; q < hi; {
		m := tileRows(hi-q, p.k.MR)
		h := (m + 1) / 2
		for panel := range p.blocks {
			tiles = append(tiles, simd.QTile{
				A: int32(q) * stride, B: int32(panel * p.block()), C: int32(q*p.columns + panel*p.nr),
				LDA: stride, ARun: int32(h) * stride, LDC: int32(p.columns), CRun: int32(h * p.columns),
				Rows: int32(m), Cols: int32(p.nr), Taps: 1,
			})
		}
		q += m
	}
	return p.k.NewTiles(p.depth, tiles, make([]simd.Tap, 1))
}

// zeroColumn is where a zero stands behind all columns.
func (p *qthin) zeroColumn() int { return p.src.Positions() * p.columns }

// gather lists the columns that each output of bands [from, to) is the sum of.
// list and start are the links by output.
func (p *qthin) gather(list []link, start []int32, from, to int) *simd.QGather {
	first, last := p.positions(from, to)
	columns := make([]int32, 0, int(start[last]-start[first])*p.cols)
	ends := append(make([]int32, 0, (last-first)*p.cols+1), 0)
	for q := first; q < last; q++ {
		for c := range p.cols {
			for _, l := range list[start[q]:start[q+1]] {
				columns = append(columns, l.in*int32(p.columns)+l.tap*int32(p.cols)+int32(c))
			}
			ends = append(ends, int32(len(columns)))
		}
	}
	return simd.NewQGather(ends, columns, int32(p.zeroColumn()))
}

// rowsLen is the length of what sums start from, with more than any band's padding needs.
func (p *qthin) rowsLen() int { return p.dst.Positions()*p.cols + p.gathers[0]().Len() }

func (p *qthin) weightBytes() int64 { return int64(p.packedLen()) + 4*int64(p.rowsLen()+p.cols) }

// scratch is the sums of one image and its columns.
func (p *qthin) scratch() (sums, columns int) {
	return max(p.dst.Positions()*p.sumStep(), p.gathers[0]().Len()), p.zeroColumn() + 1
}

// pack writes [panel of columns], as one block would be if it were wide enough.
func (p *qthin) pack(w *QWeights, l QLayer) {
	wi := p.weights
	wide := make([]int8, p.depth*p.columns)
	for tap := range p.taps {
		for c := range p.cols {
			for k := range p.depth {
				wide[k*p.columns+tap*p.cols+c] = l.Weights[wi.base(tap)+k*wi.k+c*wi.j]
			}
		}
	}
	for panel := range p.blocks {
		p.k.Pack(w.packed[panel*p.block():][:p.block()], wide[panel*p.nr:], p.columns, 1, p.depth, p.nr)
	}
	w.scale = append(w.scale, l.Scale...)
	s := p.newStarts(w, l)
	w.rows = make([]int32, p.rowsLen())
	for q, set := range p.sets.of {
		row := w.rows[q*p.cols:][:p.cols]
		s.begin(row, 0)
		for _, t := range p.sets.taps[set] {
			for c := range row {
				row[c] -= s.zero * s.sums[int(t)*p.cols+c]
			}
		}
	}
}

// forward computes a window, image by image.
func (p *qthin) forward(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	first, last := p.positions(win.from, win.to)
	c := p.dst.C
	for n := win.n0; n < win.n1; n++ {
		sums := p.image(ws, a, w, win, n)
		for q := first; q < last; q++ {
			to := y[q*p.dst.Stride+n*p.dst.Row:][:c]
			for i := range to {
				to[i] = simd.Requantize(sums[(q-first)*c+i], w.scale[i], w.slope, w.zero)
			}
		}
	}
}

func (p *qthin) imageSums(ws *QWorkspace, a []int8, w *QWeights, win window, n int) {
	first, _ := p.positions(win.from, win.to)
	ws.to.put(n, first*p.dst.C, p.image(ws, a, w, win, n), w.scale)
}

// image returns the sums of one image's positions of a window.
func (p *qthin) image(ws *QWorkspace, a []int8, w *QWeights, win window, n int) []int32 {
	band := banding(p.bands, win.from, win.to)
	g := &ws.gemm
	g.Tiles, g.A, g.B, g.C = p.tiles[band], p.source(a, n, 0), w.packed, ws.columns
	g.Slope, g.Zero = w.slope, w.zero
	p.runTiles(g, 0, g.Tiles.Len())

	ws.columns[p.zeroColumn()] = 0
	gather := p.gathers[band]()
	first, last := p.positions(win.from, win.to)
	p.k.Gather(gather, ws.sums[:gather.Len()], w.rows[first*p.dst.C:][:gather.Len()], ws.columns)
	return ws.sums[:(last-first)*p.dst.C]
}
