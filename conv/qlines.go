package conv

import "github.com/gantiny/gantiny/simd"

// lines builds the tiles of one image and a panel. The output is a grid for each
// phase of a transposed convolution's strides, else one grid; a tile is a segment
// of one of the grid's lines or of two neighboring ones. The border clips some
// taps to a part of the tile; those that are clipped alike make one job, with the
// sums in registers over all of them. Jobs of a tile pass the sums on in scratch.
type lines struct {
	p        *qdirect
	from, to int // output lines
	cols     int
	step     int // scratch: position q's sums are at q*step
	tiles    []simd.QTile
	taps     []simd.Tap
	begun    []bool // positions whose sums have been started
}

// newLines makes the tiles of output lines [from, to) for panels of cols columns.
func newLines(p *qdirect, from, to, cols int) *lines {
	l := &lines{p: p, from: from, to: to, cols: cols, step: p.sumStep(), begun: make([]bool, p.dst.Positions())}
	ay, ax := p.g.axes(p.dst.H, p.dst.W)
	ys, xs := reaches(ay, p.g.Transposed), reaches(ax, p.g.Transposed)
	for py := range phases(ay, p.g.Transposed) {
		for px := range phases(ax, p.g.Transposed) {
			l.grid(grid{at: py, step: phases(ay, p.g.Transposed), reach: ys[py]}, grid{at: px, step: phases(ax, p.g.Transposed), reach: xs[px]})
		}
	}
	l.requantize()
	return l
}

// reach says that output points [p0, p1) of a phase meet, through tap k, input
// positions in, in+step, ...
type reach struct{ k, p0, p1, in, step int }

// grid is one dimension of a phase: points at, at+step, ...
type grid struct {
	at, step int
	reach    []reach
}

func phases(a axis, transposed bool) int {
	if transposed {
		return min(a.stride, a.large)
	}
	return 1
}

// reaches lists what each tap reaches, by phase.
func reaches(a axis, transposed bool) [][]reach {
	list := make([][]reach, phases(a, transposed))
	for k := range a.k {
		lo, hi, at := a.meets(k)
		switch {
		case lo == hi:
		case transposed:
			p := at % a.stride
			list[p] = append(list[p], reach{k: k, p0: at / a.stride, p1: at/a.stride + hi - lo, in: lo, step: 1})
		default:
			list[0] = append(list[0], reach{k: k, p0: lo, p1: hi, in: at, step: a.stride})
		}
	}
	return list
}

// clipped are the reaches that cover the same points [p0, p1) of a segment.
type clipped struct {
	p0, p1 int
	reach  []reach
}

// clip groups reaches by what they cover of points [p0, p1), the longest first.
func clip(rs []reach, p0, p1 int) (list []clipped) {
next:
	for _, r := range rs {
		lo, hi := max(r.p0, p0), min(r.p1, p1)
		if lo >= hi {
			continue
		}
		r.in += (lo - r.p0) * r.step
		for i := range list {
			if list[i].p0 == lo && list[i].p1 == hi {
				list[i].reach = append(list[i].reach, r)
				continue next
			}
		}
		at := len(list)
		for at > 0 && list[at-1].p1-list[at-1].p0 < hi-lo {
			at--
		}
		list = append(list[:at], append([]clipped{{lo, hi, []reach{r}}}, list[at:]...)...)
	}
	return list
}

// grid makes the jobs of one phase. Kernel columns run outside lines, so that what a
// few of them hold of the weights is all that must come from far away at a time.
func (l *lines) grid(y, x grid) {
	mr := l.p.k.MR
	first := max(0, (l.from-y.at+y.step-1)/y.step)
	last := max(first, (l.to-y.at+y.step-1)/y.step)
	for x0, n := 0, (l.p.dst.W-x.at+x.step-1)/x.step; n > 0; {
		m := tileRows(n, mr)
		height := 1
		if 2*m <= mr {
			height = 2
		}
		for _, cx := range clip(x.reach, x0, x0+m) {
			for y0 := first; y0 < last; y0 += height {
				for _, cy := range clip(y.reach, y0, min(y0+height, last)) {
					l.job(y, x, cy, cx)
				}
			}
		}
		x0, n = x0+m, n-m
	}
}

// job makes the tile of points cy by cx over the taps that cover all of them.
func (l *lines) job(y, x grid, cy, cx clipped) {
	p := l.p
	position := func(a, b int) int { return (y.at+a*y.step)*p.dst.W + x.at + b*x.step }
	source := func(a, b int) int { return (a*p.src.W + b) * p.src.Stride }
	first, rows := position(cy.p0, cx.p0), (cy.p1-cy.p0)*(cx.p1-cx.p0)
	t := simd.QTile{
		C: int32(first * l.step), LDC: int32(x.step * l.step), LDA: int32(cx.reach[0].step * p.src.Stride),
		Rows: int32(rows), Cols: int32(l.cols), Tap: int32(len(l.taps)),
	}
	h := int32(rows+1) / 2
	t.ARun, t.CRun = h*t.LDA, h*t.LDC
	if cy.p1-cy.p0 == 2 {
		t.ARun, t.CRun = int32(source(cy.reach[0].step, 0)), int32((position(cy.p0+1, cx.p0)-first)*l.step)
	}
	for _, rx := range cx.reach {
		for _, ry := range cy.reach {
			l.taps = append(l.taps, simd.Tap{A: source(ry.in, rx.in), B: int(p.slot[ry.k*p.g.KW+rx.k]) * p.block()})
		}
	}
	t.Taps = int32(len(l.taps)) - t.Tap
	t.Start, t.S = simd.StartC, t.C

	begun := 0
	for a := cy.p0; a < cy.p1; a++ {
		for b := cx.p0; b < cx.p1; b++ {
			if l.begun[position(a, b)] {
				begun++
			}
		}
	}
	if begun == 0 {
		t.Start = simd.StartRows
	}
	for a := cy.p0; a < cy.p1; a++ {
		for b := cx.p0; b < cx.p1; b++ {
			q := position(a, b)
			if begun > 0 && !l.begun[q] {
				l.begin(q)
			}
			l.begun[q] = true
		}
	}
	l.tiles = append(l.tiles, t)
}

// begin starts the sums of a position by themselves.
func (l *lines) begin(q int) {
	at := int32(q * l.step)
	l.tiles = append(l.tiles, simd.QTile{S: at, C: at, Rows: 1, Cols: int32(l.cols), Start: simd.StartRows})
	l.begun[q] = true
}

// requantize finishes all positions, after starting those that no tap meets.
func (l *lines) requantize() {
	p := l.p
	first, last := l.from*p.dst.W, l.to*p.dst.W
	for q := first; q < last; q++ {
		if !l.begun[q] {
			l.begin(q)
		}
	}
	for q := first; q < last && !p.sums; {
		m := tileRows(last-q, p.k.MR)
		l.tiles = append(l.tiles, simd.QTile{
			C: int32(q * l.step), LDC: int32(l.step), CRun: int32((m + 1) / 2 * l.step), Q: int32(q * p.dst.Stride), LDQ: int32(p.dst.Stride),
			Rows: int32(m), Cols: int32(l.cols), Start: simd.StartC, Requantize: true,
		})
		q += m
	}
}

// slots orders taps in packed weights as lines runs them, so that weights are read
// from one end to the other.
func (p *qdirect) slots() []int32 {
	ay, ax := p.g.axes(p.dst.H, p.dst.W)
	slot := make([]int32, p.taps)
	for i := range slot {
		slot[i] = -1
	}
	next := int32(0)
	for _, ys := range reaches(ay, p.g.Transposed) {
		for _, xs := range reaches(ax, p.g.Transposed) {
			for _, cx := range clip(xs, 0, p.dst.W) {
				for _, rx := range cx.reach {
					for _, ry := range ys {
						slot[ry.k*p.g.KW+rx.k] = next
						next++
					}
				}
			}
		}
	}
	for i, s := range slot {
		if s < 0 {
			slot[i] = next
			next++
		}
	}
	return slot
}
