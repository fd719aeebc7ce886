package conv

import "github.com/gantiny/gantiny/simd"

// The lists of tiles of a QPlan. Convolutions have two forms, as in wide.go; being whole
// numbers, their sums agree in any order:
//
//   - positions: a tile is the images of one output position and stays in
//     registers over all taps.
//   - lines: one image, a tile a run of positions over the taps that meet all of
//     them, see qlines.go. Sums wait in scratch, and further tiles requantise them.
//
// A thin output has lines only: their tiles make the columns of runs of source
// positions.

// imageRows is the fewest images for which positions wins over lines.
func (p *QPlan) imageRows() int { return (p.k.MR + 1) / 2 }

func (p *QPlan) planTiles(links []link) {
	switch {
	case p.how == thinOutput:
		p.thin = pass{src: p.in, dst: p.out, taps: p.taps, cols: p.cols, bands: p.bands}
		p.thin.planScatter(links)
		p.full.lines = p.banded(func(from, to int) *simd.QTiles { return p.columnTiles(from, to) })
	case p.g.IsDense():
		p.full.positions = p.denseTiles()
	default:
		list, start := byOut(links, p.out.Positions())
		p.full = p.panelTiles(list, start, p.k.NR)
		if n := p.cols % p.k.NR; n != 0 {
			p.narrow = p.panelTiles(list, start, n)
		}
	}
}

// banded makes the lists of all bands and of each.
func (p *QPlan) banded(list func(from, to int) *simd.QTiles) []*simd.QTiles {
	all := []*simd.QTiles{list(0, p.bands)}
	if p.bands > 1 {
		for b := range p.bands {
			all = append(all, list(b, b+1))
		}
	}
	return all
}

func (p *QPlan) panelTiles(list []link, start []int32, cols int) (t qtiles) {
	if p.in.N >= p.imageRows() && !p.sums {
		t.positions = p.positionTiles(list, start, cols)
	}
	t.lines = p.banded(func(from, to int) *simd.QTiles {
		l := newLines(p, bandLine(p.out.H, p.bands, from), bandLine(p.out.H, p.bands, to), cols)
		return p.k.NewTiles(p.depth, l.tiles, l.taps)
	})
	return t
}

// positionTiles: tile q is all taps of output position q.
func (p *QPlan) positionTiles(list []link, start []int32, cols int) *simd.QTiles {
	taps := make([]simd.Tap, len(list))
	for i, l := range list {
		taps[i] = simd.Tap{A: int(l.in) * p.in.Stride, B: int(p.slot[l.tap]) * p.block()}
	}
	tiles := make([]simd.QTile, p.out.Positions())
	for q := range tiles {
		tiles[q] = simd.QTile{
			S: p.set[q] * int32(p.k.NR), Q: int32(q * p.out.Stride), LDA: int32(p.in.C), LDQ: int32(p.out.C), Cols: int32(cols),
			Tap: start[q], Taps: start[q+1] - start[q], Start: simd.StartBias, Requantise: true,
		}
	}
	return p.k.NewTiles(p.depth, tiles, taps)
}

// denseTiles: tile q*panels+panel is one output position's panel over all input
// positions.
func (p *QPlan) denseTiles() *simd.QTiles {
	in := p.in.Positions()
	taps := make([]simd.Tap, in)
	for i := range taps {
		taps[i] = simd.Tap{A: i * p.in.Stride, B: i * p.block()}
	}
	var tiles []simd.QTile
	for q := range p.out.Positions() {
		for panel := range p.panels {
			_, col, cols := p.panel(panel)
			at := int32(len(tiles))
			t := simd.QTile{
				B: at * int32(in*p.block()), S: at * int32(p.k.NR), Scale: at * int32(p.k.NR), Cols: int32(cols),
				LDA: int32(p.in.C), Taps: int32(in), Start: simd.StartBias,
			}
			if p.sums {
				t.Rows, t.C = 1, int32(q*p.out.C+col)
			} else {
				t.Q, t.LDQ, t.Requantise = int32(q*p.out.Stride+col), int32(p.out.C), true
			}
			tiles = append(tiles, t)
		}
	}
	return p.k.NewTiles(p.depth, tiles, taps)
}

// sumStep is the distance of two positions in an image's sums: those of one
// panel or, where they are the result, those of all channels.
func (p *QPlan) sumStep() int {
	if p.sums {
		return p.out.C
	}
	return p.k.NR
}

// columnTiles makes a thin output's columns for the source positions that bands
// [from, to) read.
func (p *QPlan) columnTiles(from, to int) *simd.QTiles {
	lo, hi := p.sources(from, to)
	ld, nr := p.columns(), p.k.NR
	var tiles []simd.QTile
	for q := lo; q < hi; {
		m := tileRows(hi-q, p.k.MR)
		h := (m + 1) / 2
		for panel := range p.panels {
			tiles = append(tiles, simd.QTile{
				A: int32(q * p.in.Stride), B: int32(panel * p.block()), C: int32(q*ld + panel*nr),
				LDA: int32(p.in.Stride), ARun: int32(h * p.in.Stride), LDC: int32(ld), CRun: int32(h * ld),
				Rows: int32(m), Cols: int32(nr), Taps: 1,
			})
		}
		q += m
	}
	return p.k.NewTiles(p.depth, tiles, make([]simd.Tap, 1))
}

// sources returns the source positions [lo, hi) that bands [from, to) of a thin
// output read.
func (p *QPlan) sources(from, to int) (lo, hi int) {
	lo = p.in.Positions()
	for _, s := range p.thin.bandSource[from:to] {
		if s[1] > 0 {
			lo, hi = min(lo, int(s[0])), max(hi, int(s[1]))
		}
	}
	return lo, hi
}
