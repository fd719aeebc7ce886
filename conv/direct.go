package conv

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// directPass has two forms that add in the same order, by kernel column,
// kernel line and then channel, so that a row of the result has the same bits in both:
//
//   - byPosition: a tile is the images of one output position by NR channels and
//     stays in registers over all taps.
//   - byLine: with fewer images than a tile has rows, a tile is a run of output
//     positions of one line or two, and stays in registers over the taps of one
//     kernel column; columns run outside, on sums in dst. One image of the
//     reference network's first transposed convolution takes 7 positions x 2 lines.

type directPass struct {
	pass
	kw    int
	list  []simd.Tap // the (source, tap) of each dst position, kernel column by column
	start []int32    // where each dst position's begin
	lines lineTiles  // the same by dst line and kernel column
}

func newDirectPass(p pass, g Geometry, links []link, forward bool) *directPass {
	d := &directPass{pass: p, kw: g.KW}
	ordered, start := byOut(byColumn(links, g), p.dst.Positions())
	d.start = start
	d.list = make([]simd.Tap, len(ordered))
	for i, l := range ordered {
		d.list[i] = simd.Tap{A: int(l.in) * p.src.Stride, B: d.slot(int(l.tap)) * p.tapLen()}
	}
	d.lines = newLineTiles(g, p.src, p.dst, g.Transposed == forward, p.tapLen())
	return d
}

// slot says where a tap's weights stand in a panel: in the order in which sums
// are taken, kernel column by column, so that a pass reads them in one go.
func (p *directPass) slot(tap int) int {
	return tap%p.kw*(p.taps/p.kw) + tap/p.kw
}

// pack writes w as [panel][slot of a tap][depth][NR].
func (p *directPass) pack(_ *Workspace, dst, w []float32) {
	for panel := range p.panels {
		grp, col, n := p.panel(panel)
		at := dst[panel*p.panelLen():]
		for tap := range p.taps {
			from := w[p.weights.base(tap)+grp*p.weights.group+col*p.weights.j:]
			packBlock(p.k, at[p.slot(tap)*p.tapLen():], p.nr, from, p.weights.k, p.weights.j, p.depth, n)
		}
	}
}

func (p *directPass) scratch() int { return 0 }

func (p *directPass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	if w.n1-w.n0 >= imageRows(p.k.MR) {
		p.byPosition(ws, dst, src, packed, e, w)
	} else {
		p.byLine(ws, dst, src, packed, e, w)
	}
}

// imageRows is the fewest images for which tiles of images win, of at most mr rows.
func imageRows(mr int) int { return (mr + 1) / 2 }

// byPosition computes w. The order is panel > image tile > position, so that one
// tile's sources and one panel's weights stay in the second cache.
func (p *directPass) byPosition(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	first, last := p.positions(w.from, w.to)
	for panel := w.panel; panel < w.panel+w.panels; panel++ {
		grp, col, cols := p.panel(panel)
		at := grp*p.cols + col // dst channel
		start := p.startPanel(ws, packed, panel, cols)
		if e.Bias != nil {
			start = loadBias(ws.gemm.Bias, e.Bias[at:][:cols])
		}
		// The next tile's sources are mostly those of this one, a position further on.
		ws.gemm.Shift = p.src.Stride
		for n := w.n0; n < w.n1; {
			r := tileRows(w.n1-n, p.k.MR)
			for q := first; q < last; q++ {
				p.tile(ws, dst[q*p.dst.Stride+n*p.dst.Row+at:], src[n*p.src.Row+grp*p.depth:], q, r, start, e.Slope)
			}
			n += r
		}
		ws.gemm.Shift = 0
	}
}

// startPanel sets what all of a panel's tiles have in common, without a bias.
func (p *directPass) startPanel(ws *Workspace, packed []float32, panel, cols int) (start uint8) {
	g := &ws.gemm
	g.B, g.Bias = packed[panel*p.panelLen():][:p.panelLen()], ws.bias[:p.nr]
	g.Cols, g.K, g.LDA, g.LDC = cols, p.depth, p.src.Row, p.dst.Row
	return simd.StartZero
}

// tile computes r images of dst position q over all its taps.
func (p *directPass) tile(ws *Workspace, c, a []float32, q, r int, start uint8, slope float32) {
	g := &ws.gemm
	g.C, g.A, g.Taps = c, a, p.list[p.start[q]:p.start[q+1]]
	g.Rows, g.ARun, g.CRun = r, (r+1)/2*g.LDA, (r+1)/2*g.LDC
	g.Start, g.Slope = start, slope
	p.k.GEMM(g)
}

// loadBias copies a panel's bias to dst, whose rest is zero, and returns how
// the tiles start.
func loadBias(dst, bias []float32) (start uint8) {
	clear(dst[copy(dst, bias):])
	return simd.StartBias
}

// lineTiles are a pass's links by dst line and kernel column. All points of a line
// that a column reaches meet the same kernel lines: a tile sums over these, and
// columns run outside.
type lineTiles struct {
	columns []tapReach
	taps    []simd.Tap // of each dst line: source line and kernel line, from the column's first source point and weights on
	start   []int32    // where each dst line's begin
	step    int        // lines step apart read neighboring source lines through the same kernel lines, but for the border
	pairs   []linePair // each dst line's with the one step further on
}

// tapReach says that a kernel column or line joins count dst points, at and every
// dout further on, to source points, in and every din further on.
type tapReach struct{ at, dout, in, din, count int }

// linePair says that two lines share n taps, from i of the first one's and from j
// of the second one's on, there in source lines that lie ahead elements further on.
type linePair struct{ i, j, n, ahead int }

// newLineTiles plans from src to dst. toLarge says that dst is the larger side of
// the strides; weights is the length of one tap's weights in a panel.
func newLineTiles(g Geometry, src, dst Layout, toLarge bool, weights int) lineTiles {
	h, w := dst.H, dst.W
	if g.Transposed != toLarge { // the input gradient
		h, w = src.H, src.W
	}
	ay, ax := g.axes(h, w)
	t := lineTiles{step: 1, start: make([]int32, dst.H+1), pairs: make([]linePair, dst.H)}
	if toLarge {
		t.step = g.StrideH
	}
	for kx := range g.KW {
		t.columns = append(t.columns, ax.tapReach(kx, toLarge))
	}
	reach := make([]tapReach, g.KH)
	for ky := range reach {
		r := ay.tapReach(ky, toLarge)
		for i := range r.count {
			t.start[r.at+i*r.dout+1]++
		}
		reach[ky] = r
	}
	for y := range dst.H {
		t.start[y+1] += t.start[y]
	}
	t.taps = make([]simd.Tap, t.start[dst.H])
	next, line := slices.Clone(t.start), src.W*src.Stride
	for ky, r := range reach {
		for i := range r.count {
			at := &next[r.at+i*r.dout]
			t.taps[*at] = simd.Tap{A: (r.in + i*r.din) * line, B: ky * weights}
			*at++
		}
	}
	for y := range dst.H - t.step {
		t.pairs[y] = pairLines(t.of(y), t.of(y+t.step))
	}
	return t
}

// tapReach returns what tap k joins.
func (a axis) tapReach(k int, toLarge bool) tapReach {
	lo, hi, at := a.meets(k)
	if toLarge {
		return tapReach{at: at, dout: a.stride, in: lo, din: 1, count: hi - lo}
	}
	return tapReach{at: lo, dout: 1, in: at, din: a.stride, count: hi - lo}
}

// of returns line y's taps.
func (t *lineTiles) of(y int) []simd.Tap { return t.taps[t.start[y]:t.start[y+1]] }

// pairLines returns the longest run of taps that two lines share.
func pairLines(a, b []simd.Tap) (best linePair) {
	var p linePair // the run at hand
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch ahead := b[j].A - a[i].A; {
		case a[i].B < b[j].B:
			i, p.n = i+1, 0
			continue
		case a[i].B > b[j].B:
			j, p.n = j+1, 0
			continue
		case p.n == 0 || ahead != p.ahead:
			p = linePair{i: i, j: j, ahead: ahead}
		}
		if p.n++; p.n > best.n {
			best = p
		}
		i, j = i+1, j+1
	}
	return best
}

// byLine computes w with the sums in dst, kernel column by kernel column.
func (p *directPass) byLine(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	first, last := p.positions(w.from, w.to)
	grp, col, _ := p.panel(w.panel)
	c0 := grp*p.cols + col // dst channels [c0, c1)
	grp, col, cols := p.panel(w.panel + w.panels - 1)
	c1 := grp*p.cols + col + cols
	p.startSums(dst, e.Bias, w, c0, c1)
	ws.gemm = simd.GEMM{K: p.depth, Start: simd.StartC, Slope: 1}
	for panel := w.panel; panel < w.panel+w.panels; panel++ {
		p.panelByLine(&ws.gemm, dst, src, packed, w, panel)
	}
	if e.Slope == 1 {
		return
	}
	// leaky(v) = v where v > 0, slope*v elsewhere
	if c1-c0 == p.dst.Stride { // one image, all channels
		x := dst[first*p.dst.Stride : last*p.dst.Stride]
		p.k.LeakyGrad(x, x, x, e.Slope)
		return
	}
	for q := first; q < last; q++ {
		for i := w.n0; i < w.n1; i++ {
			row := dst[q*p.dst.Stride+i*p.dst.Row:][c0:c1]
			p.k.LeakyGrad(row, row, row, e.Slope)
		}
	}
}

// startSums sets channels [c0, c1) of w to what sums start from.
func (p *directPass) startSums(dst, bias []float32, w window, c0, c1 int) {
	first, last := p.positions(w.from, w.to)
	if bias == nil && c1-c0 == p.dst.Stride {
		clear(dst[first*p.dst.Stride : last*p.dst.Stride])
		return
	}
	for q := first; q < last; q++ {
		for i := w.n0; i < w.n1; i++ {
			row := dst[q*p.dst.Stride+i*p.dst.Row:][c0:c1]
			if bias != nil {
				copy(row, bias[c0:c1])
			} else {
				clear(row)
			}
		}
	}
}

func (p *directPass) panelByLine(g *simd.GEMM, dst, src, packed []float32, w window, panel int) {
	grp, col, cols := p.panel(panel)
	src, dst = src[w.n0*p.src.Row+grp*p.depth:], dst[w.n0*p.dst.Row+grp*p.cols+col:]
	from, to := bandLine(p.dst.H, p.bands, w.from), bandLine(p.dst.H, p.bands, w.to)
	column := p.taps / p.kw * p.tapLen() // weights of a kernel column
	end := (w.panel + w.panels) * p.panelLen()
	line := p.dst.W * p.dst.Stride
	g.Cols = cols
	for kx := range p.lines.columns {
		reach := &p.lines.columns[kx]
		if reach.count == 0 {
			continue
		}
		at := panel*p.panelLen() + kx*column
		g.B = packed[at:][:column]
		// Tiles fetch the next column's weights from the third cache: 7x7x256 -> 128, one image,
		// takes 0.353 ms with that, 0.361 without.
		next := packed[min(at+column, end):min(at+2*column, end)]
		r := p.lineRows(reach, w.n1-w.n0)
		g.LDA, g.LDC = r.lda, r.ldc
		c, a := dst[reach.at*p.dst.Stride:], src[reach.in*p.src.Stride:]
		if r.points == 1 && 2*r.rows <= p.k.MR {
			p.linesInPairs(g, r, c, a, from, to, next)
			continue
		}
		if r.points == 1 && r.rows <= p.k.MR {
			h := (r.rows + 1) / 2
			g.Rows, g.ARun, g.CRun, g.A = r.rows, h*r.lda, h*r.ldc, a
			p.linesAlone(g, c, from, to)
			continue
		}
		share := len(next) / (to - from)
		for y := from; y < to; y++ {
			g.Ahead, next = next[:share], next[share:]
			p.line(g, r, c[y*line:], a, p.lines.of(y))
		}
		g.Ahead = nil
	}
}

// linesAlone adds taps to lines [from, to), each a tile. Where these are small, as
// on a row with tiles of 7 x 8, the cost of each call counts.
func (p *directPass) linesAlone(g *simd.GEMM, c []float32, from, to int) {
	line, gemm := p.dst.W*p.dst.Stride, p.k.GEMM
	for y := from; y < to; y++ {
		g.C, g.Taps = c[y*line:], p.lines.of(y)
		gemm(g)
	}
}

// linesInPairs adds taps to lines [from, to), two in a tile.
func (p *directPass) linesInPairs(g *simd.GEMM, r lineRows, c, a []float32, from, to int, next []float32) {
	step, line := p.lines.step, p.dst.W*p.dst.Stride
	share := 2 * len(next) / (to - from)
	for y := from; y < to; y++ {
		mate, first := y, (y-from)/step%2 == 0
		if !first {
			mate -= step
		}
		g.Ahead = nil
		if first {
			n := min(share, len(next))
			g.Ahead, next = next[:n], next[n:]
		}
		pair := &p.lines.pairs[mate]
		if mate+step >= to || pair.n == 0 {
			p.line(g, r, c[y*line:], a, p.lines.of(y))
		} else if first {
			p.twoLines(g, r, c[y*line:], a, y, pair)
		}
	}
	g.Ahead = nil
}

// lineRows are the rows that a kernel column gives of one line: at each of its points
// a run of rows.
type lineRows struct {
	rows, lda, ldc       int
	points, nextA, nextC int
}

// lineRows returns the rows of n images.
func (p *directPass) lineRows(c *tapReach, n int) lineRows {
	nextA, nextC := c.din*p.src.Stride, c.dout*p.dst.Stride
	switch {
	case n == 1:
		return lineRows{rows: c.count, lda: nextA, ldc: nextC, points: 1}
	case nextA == n*p.src.Row && nextC == n*p.dst.Row: // all images, side by side in both layouts
		return lineRows{rows: n * c.count, lda: p.src.Row, ldc: p.dst.Row, points: 1}
	}
	return lineRows{rows: n, lda: p.src.Row, ldc: p.dst.Row, points: c.count, nextA: nextA, nextC: nextC}
}

// line adds taps to one line.
func (p *directPass) line(g *simd.GEMM, r lineRows, c, a []float32, taps []simd.Tap) {
	g.Taps = taps
	for point := 0; point < r.points; point++ {
		g.C, g.A = c[point*r.nextC:], a[point*r.nextA:]
		if point+1 < r.points && 2*r.rows <= p.k.MR { // two points in one tile
			g.Rows, g.ARun, g.CRun = 2*r.rows, r.nextA, r.nextC
			p.k.GEMM(g)
			point++
			continue
		}
		for rows := r.rows; ; {
			n := tileRows(rows, p.k.MR)
			h := (n + 1) / 2
			g.Rows, g.ARun, g.CRun = n, h*r.lda, h*r.ldc
			p.k.GEMM(g)
			if rows -= n; rows == 0 {
				break
			}
			g.C, g.A = g.C[n*r.ldc:], g.A[n*r.lda:]
		}
	}
}

// twoLines adds the taps of line y and its pair: those they share in one tile.
func (p *directPass) twoLines(g *simd.GEMM, r lineRows, c, a []float32, y int, pair *linePair) {
	first, second := p.lines.of(y), p.lines.of(y+p.lines.step)
	next := p.lines.step * p.dst.W * p.dst.Stride
	if pair.i > 0 {
		p.line(g, r, c, a, first[:pair.i])
	}
	if pair.j > 0 {
		p.line(g, r, c[next:], a, second[:pair.j])
	}
	g.C, g.A, g.Taps = c, a, first[pair.i:pair.i+pair.n]
	g.Rows, g.ARun, g.CRun = 2*r.rows, pair.ahead, next
	p.k.GEMM(g)
	g.Ahead = nil
	if pair.i+pair.n < len(first) {
		p.line(g, r, c, a, first[pair.i+pair.n:])
	}
	if pair.j+pair.n < len(second) {
		p.line(g, r, c[next:], a, second[pair.j+pair.n:])
	}
}
