package conv

import "github.com/gantiny/gantiny/simd"

// The lists of tiles of a QPlan. Convolutions have two forms, as in wide.go; being whole
// numbers, their sums agree in any order:
//
//   - positions: a tile is the images of one output position and stays in
//     registers over all taps.
//   - lines: one image, a tile a run of positions over the taps that meet all of
//     them, see qlines.go. Sums wait in scratch, and further tiles requantize them.
//
// A thin output has lines only: their tiles make the columns of runs of source
// positions.

// imageRows is the fewest images for which positions wins over lines.
func (p *QPlan) imageRows() int { return (p.k.MR + 1) / 2 }

func (p *QPlan) planTiles(links []link) {
	switch {
	case p.how == thinOutput:
		sources := bandSources(links, p.out, p.bands)
		p.full.lines = banded(p.bands, func(from, to int) *simd.QTiles { return p.columnTiles(sources[from:to]) })
		list, start := byOut(links, p.out.Positions())
		p.gathers = banded(p.bands, func(from, to int) *simd.QGather { return p.gather(list, start, from, to) })
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

// banded makes the lists of all bands, of each half of them, of each quarter and so
// on: a worker's share is a few of them.
func banded[T any](bands int, list func(from, to int) T) (all []T) {
	for n := bands; n > 0; n /= 2 {
		for from := 0; from < bands; from += n {
			all = append(all, list(from, from+n))
		}
	}
	return all
}

// banding is where banded puts the list of bands [from, to).
func banding(bands, from, to int) int { return bands/(to-from) - 1 + from/(to-from) }

func (p *QPlan) panelTiles(list []link, start []int32, cols int) (t qtiles) {
	if p.in.N >= p.imageRows() && !p.sums {
		t.positions = p.positionTiles(list, start, cols)
	}
	t.lines = banded(p.bands, func(from, to int) *simd.QTiles {
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
			S: p.set[q] * int32(p.k.NR), Q: int32(q * p.out.Stride), LDA: int32(p.in.Row), LDQ: int32(p.out.Row), Cols: int32(cols),
			Tap: start[q], Taps: start[q+1] - start[q], Start: simd.StartBias, Requantize: true,
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
				LDA: int32(p.in.Row), Taps: int32(in), Start: simd.StartBias,
			}
			if p.sums {
				t.Rows, t.C = 1, int32(q*p.out.C+col)
			} else {
				t.Q, t.LDQ, t.Requantize = int32(q*p.out.Stride+col), int32(p.out.Row), true
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

// columnTiles makes a thin output's columns for the source positions of some bands.
func (p *QPlan) columnTiles(bands [][2]int32) *simd.QTiles {
	lo, hi := p.in.Positions(), 0
	for _, s := range bands {
		if s[1] > 0 {
			lo, hi = min(lo, int(s[0])), max(hi, int(s[1]))
		}
	}
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

// noColumn is the place of a zero behind a thin output's columns.
func (p *QPlan) noColumn() int { return p.in.Positions() * p.columns() }

// gather lists the columns that each output of bands [from, to) is the sum of.
// list and start are the links by output.
func (p *QPlan) gather(list []link, start []int32, from, to int) *simd.QGather {
	var columns []int32
	ends := []int32{0}
	for q := bandLine(p.out.H, p.bands, from) * p.out.W; q < bandLine(p.out.H, p.bands, to)*p.out.W; q++ {
		for c := range p.cols {
			for _, l := range list[start[q]:start[q+1]] {
				columns = append(columns, l.in*int32(p.columns())+l.tap*int32(p.cols)+int32(c))
			}
			ends = append(ends, int32(len(columns)))
		}
	}
	return simd.NewQGather(ends, columns, int32(p.noColumn()))
}
