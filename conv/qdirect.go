package conv

import (
	"encoding/binary"
	"sync"

	"github.com/gantiny/gantiny/simd"
)

// qdirect has two forms, as direct.go has; being whole numbers, their sums agree in any
// order:
//
//   - positions: a tile is the images of one output position and stays in
//     registers over all taps.
//   - lines: one image, a tile a run of positions over the taps that meet all of
//     them, see qlines.go. Sums wait in scratch, and further tiles requantize them.
//
// Weights are packed as [panel][slot of a tap].
type qdirect struct {
	qpass
	slot         []int32 // where taps stand in a panel's packed weights
	sets         tapSets
	full, narrow qtiles // of panels with NR columns and of those with fewer
}

// qtiles are the lists of tiles of one panel.
type qtiles struct {
	// One tile for each output position, its rows images. nil if the Layouts hold too
	// few images.
	positions *simd.QTiles
	// One image, its tiles runs of positions, banded. Batches need none of them, so each is
	// made when it is first asked for.
	lines []func() *simd.QTiles
}

func newQDirect(p qpass) *qdirect {
	d := &qdirect{qpass: p}
	list, start := byOut(p.g.links(p.dst.H, p.dst.W), p.dst.Positions())
	d.sets = newTapSets(list, start)
	d.slot = d.slots()
	d.full = d.panelTiles(list, start, p.nr)
	if n := p.cols % p.nr; n != 0 {
		d.narrow = d.panelTiles(list, start, n)
	}
	return d
}

// tapSets are the sets of taps that output positions meet.
type tapSets struct {
	of   []int32   // the set of each position
	taps [][]int32 // of each set
}

// newTapSets finds them in the links by output.
func newTapSets(list []link, start []int32) (s tapSets) {
	s.of = make([]int32, len(start)-1)
	known := map[string]int32{}
	var key []byte
	for q := range s.of {
		key = key[:0]
		ls := list[start[q]:start[q+1]]
		for _, l := range ls {
			key = binary.AppendVarint(key, int64(l.tap))
		}
		set, ok := known[string(key)]
		if !ok {
			set = int32(len(s.taps))
			known[string(key)] = set
			taps := make([]int32, len(ls))
			for i, l := range ls {
				taps[i] = l.tap
			}
			s.taps = append(s.taps, taps)
		}
		s.of[q] = set
	}
	return s
}

func (p *qdirect) panelTiles(list []link, start []int32, cols int) (t qtiles) {
	if p.src.N >= imageRows(p.k.MR) && !p.sums {
		t.positions = p.positionTiles(list, start, cols)
	}
	t.lines = banded(p.bands, func(from, to int) func() *simd.QTiles {
		return sync.OnceValue(func() *simd.QTiles {
			l := newLines(p, bandLine(p.dst.H, p.bands, from), bandLine(p.dst.H, p.bands, to), cols)
			return p.k.NewTiles(p.depth, l.tiles, l.taps)
		})
	})
	return t
}

// positionTiles: tile q is all taps of output position q.
func (p *qdirect) positionTiles(list []link, start []int32, cols int) *simd.QTiles {
	taps := make([]simd.Tap, len(list))
	for i, l := range list {
		taps[i] = simd.Tap{A: int(l.in) * p.src.Stride, B: int(p.slot[l.tap]) * p.block()}
	}
	tiles := make([]simd.QTile, p.dst.Positions())
	for q := range tiles {
		tiles[q] = simd.QTile{
			S: p.sets.of[q] * int32(p.nr), Q: int32(q * p.dst.Stride), LDA: int32(p.src.Row), LDQ: int32(p.dst.Row), Cols: int32(cols),
			Tap: start[q], Taps: start[q+1] - start[q], Start: simd.StartBias, Requantize: true,
		}
	}
	return p.k.NewTiles(p.depth, tiles, taps)
}

// rowsLen is the length of what sums of lines start from: (panel, position, NR), or of
// sums (position, channel).
func (p *qdirect) rowsLen() int {
	if p.sums {
		return p.dst.Positions() * p.dst.C
	}
	return p.dst.Positions() * p.panels * p.nr
}

func (p *qdirect) weightBytes() int64 {
	return int64(p.packedLen()) + 4*(int64(p.panels*(len(p.sets.taps)+1))*int64(p.nr)+int64(p.rowsLen()))
}

// scratch is the sums of one image.
func (p *qdirect) scratch() (sums, columns int) {
	return p.dst.Positions() * p.sumStep(), 0
}

func (p *qdirect) pack(w *QWeights, l QLayer) {
	wi, n := p.weights, p.block()
	for panel := range p.panels {
		grp, col, cols := p.panel(panel)
		for tap := range p.taps {
			at := (panel*p.taps + int(p.slot[tap])) * n
			p.k.Pack(w.packed[at:][:n], l.Weights[wi.base(tap)+grp*wi.group+col*wi.j:], wi.k, wi.j, p.depth, cols)
		}
	}
	p.packStarts(w, l)
}

// packStarts fills in start, rows and scale.
func (p *qdirect) packStarts(w *QWeights, l QLayer) {
	s, nr, sets, positions := p.newStarts(w, l), p.nr, len(p.sets.taps), p.dst.Positions()
	w.start, w.scale = make([]int32, p.panels*sets*nr), make([]float32, p.panels*nr)
	w.rows = make([]int32, p.rowsLen())
	for panel := range p.panels {
		grp, col, n := p.panel(panel)
		at := grp*p.cols + col
		copy(w.scale[panel*nr:], l.Scale[at:][:n])
		start := w.start[panel*sets*nr:][:sets*nr]
		for i, taps := range p.sets.taps {
			row := start[i*nr:][:n]
			s.begin(row, at)
			for _, t := range taps {
				s.subtract(row, panel*p.taps+int(p.slot[t]))
			}
		}
		for q, set := range p.sets.of {
			to := (panel*positions + q) * nr
			if p.sums {
				to = q*p.dst.C + at
			}
			copy(w.rows[to:], start[int(set)*nr:][:n])
		}
	}
}

func (p *qdirect) forward(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	if win.n1-win.n0 >= imageRows(p.k.MR) {
		p.byPosition(ws, y, a, w, win)
	} else {
		p.byLine(ws, y, a, w, win)
	}
}

// byPosition computes a window, tiles of images. The order is panel > image tile >
// position, so that one panel's weights stay in the second cache.
func (p *qdirect) byPosition(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	first, last := p.positions(win.from, win.to)
	g := &ws.gemm
	for panel := win.panel; panel < win.panel+win.panels; panel++ {
		grp, col, cols := p.panel(panel)
		p.startPanel(g, w, panel)
		g.Tiles = p.tiles(cols).positions
		for n := win.n0; n < win.n1; n += g.Rows {
			g.Rows = tileRows(win.n1-n, p.k.MR)
			g.A, g.Q = p.source(a, n, grp*p.depth), y[n*p.dst.Row+grp*p.cols+col:]
			p.runTiles(g, first, last)
		}
	}
}

// startPanel sets what a panel's tiles have in common.
func (p *qdirect) startPanel(g *simd.QGEMM, w *QWeights, panel int) {
	starts := len(p.sets.taps) * p.nr
	g.B, g.S = w.packed[panel*p.panelLen():][:p.panelLen()], w.start[panel*starts:][:starts]
	g.Scale, g.Slope, g.Zero = w.scale[panel*p.nr:][:p.nr], w.slope, w.zero
}

// tiles picks the lists of panels with cols columns.
func (p *qdirect) tiles(cols int) *qtiles {
	if cols < p.nr {
		return &p.narrow
	}
	return &p.full
}

// byLine computes a window image by image.
func (p *qdirect) byLine(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	rows := p.dst.Positions() * p.nr
	for panel := win.panel; panel < win.panel+win.panels; panel++ {
		grp, col, _ := p.panel(panel)
		for n := win.n0; n < win.n1; n++ {
			ws.gemm.Q = y[n*p.dst.Row+grp*p.cols+col:]
			p.line(ws, a, w, win, n, panel, ws.sums, w.rows[panel*rows:][:rows])
		}
	}
}

// line computes a panel of one image, with its sums and what they start from given.
func (p *qdirect) line(ws *QWorkspace, a []int8, w *QWeights, win window, n, panel int, sums, rows []int32) {
	grp, _, cols := p.panel(panel)
	g := &ws.gemm
	p.startPanel(g, w, panel)
	g.A, g.S, g.C = p.source(a, n, grp*p.depth), rows, sums
	g.Tiles = p.tiles(cols).lines[banding(p.bands, win.from, win.to)]()
	p.runTiles(g, 0, g.Tiles.Len())
}

func (p *qdirect) imageSums(ws *QWorkspace, a []int8, w *QWeights, win window, n int) {
	first, last := p.positions(win.from, win.to)
	for panel := win.panel; panel < win.panel+win.panels; panel++ {
		grp, col, cols := p.panel(panel)
		c := grp*p.cols + col
		p.line(ws, a, w, win, n, panel, ws.sums[c:], w.rows[c:])
		for q := first; q < last; q++ {
			at := q*p.dst.C + c
			ws.to.put(n, at, ws.sums[at:][:cols], w.scale[panel*p.nr:][:cols])
		}
	}
}
