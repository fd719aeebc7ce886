package conv

import "github.com/gantiny/gantiny/simd"

// The wide lowering has two forms that add in the same order, by tap and then
// by channel, so that a row of the result has the same bits in both:
//
//   - byPosition: a tile is the images of one output position by NR channels and
//     stays in registers over all taps.
//   - byTap: with fewer images than a tile has rows, a tile is a run of output
//     positions; the taps run outside, on sums in dst. One image of the reference
//     network's first transposed convolution takes 7 positions x 2 lines.

// imageRows is the fewest images for which byPosition wins.
func (p *pass) imageRows() int { return (p.k.MR + 1) / 2 }

// byPosition computes w. The order is panel > image tile > position, so that one
// tile's sources and one panel's weights stay in the second cache.
func (p *pass) byPosition(ws *Work, dst, src, packed []float32, e Epilogue, w window) {
	first, last := p.positions(w.from, w.to)
	for panel := w.panel; panel < w.panel+w.panels; panel++ {
		grp, col, cols := p.panel(panel)
		at := grp*p.cols + col // dst channel
		start := p.begin(ws, packed, panel, cols)
		if e.Bias != nil {
			start = loadBias(ws.gemm.Bias, e.Bias[at:][:cols])
		}
		// Mostly the next tile's sources are this one's, a position further on.
		ws.gemm.Shift = p.src.Stride
		for n := w.n0; n < w.n1; {
			r := tileRows(w.n1-n, p.k.MR)
			for q := first; q < last; q++ {
				p.tile(ws, dst[q*p.dst.Stride+n*p.dst.C+at:], src[n*p.src.C+grp*p.depth:], q, r, start, e.Slope)
			}
			n += r
		}
		ws.gemm.Shift = 0
	}
}

// byFeature computes w of a dense layer. Its weights serve one position only,
// so images run inside; panels run inside them, so that rows are written whole.
func (p *pass) byFeature(ws *Work, dst, src, packed []float32, e Epilogue, w window) {
	first, last := p.positions(w.from, w.to)
	for q := first; q < last; q++ {
		for n := w.n0; n < w.n1; {
			r := tileRows(w.n1-n, p.k.MR)
			for panel := w.panel; panel < w.panel+w.panels; panel++ {
				_, col, cols := p.panel(panel)
				start := p.begin(ws, packed, panel, cols)
				if e.Bias != nil {
					start = loadBias(ws.gemm.Bias, e.Bias[q*p.dst.C+col:][:cols])
				}
				p.tile(ws, dst[q*p.dst.Stride+n*p.dst.C+col:], src[n*p.src.C:], q, r, start, e.Slope)
			}
			n += r
		}
	}
}

// begin sets what all of a panel's tiles have in common, without a bias.
func (p *pass) begin(ws *Work, packed []float32, panel, cols int) (start uint8) {
	g := &ws.gemm
	g.B, g.Bias = packed[panel*p.panelLen():][:p.panelLen()], ws.bias[:p.k.NR]
	g.Cols, g.K, g.LDA, g.LDC = cols, p.depth, p.src.C, p.dst.C
	return simd.StartZero
}

// tile computes r images of dst position q over all its taps.
func (p *pass) tile(ws *Work, c, a []float32, q, r int, start uint8, slope float32) {
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

// tapRuns are the links by tap, joined where neighbouring ones advance evenly.
type tapRuns struct {
	runs  []tapRun
	start []int32 // of (tap, band): the first run
}

// tapRun is count links of one tap, dout and din positions apart.
type tapRun struct{ out, in, count, dout, din int32 }

func newTapRuns(links []link, taps int, dst Map, bands int) tapRuns {
	band := make([]int32, dst.Positions())
	for b := range bands {
		for q := bandLine(dst.H, bands, b) * dst.W; q < bandLine(dst.H, bands, b+1)*dst.W; q++ {
			band[q] = int32(b)
		}
	}
	t := tapRuns{start: make([]int32, taps*bands+1)}
	tapStart := byTap(links, taps)
	for tap := range taps {
		ls := links[tapStart[tap]:tapStart[tap+1]]
		for b := range bands {
			t.start[tap*bands+b] = int32(len(t.runs))
			for len(ls) > 0 && int(band[ls[0].out]) == b {
				r := tapRun{out: ls[0].out, in: ls[0].in, count: 1}
				for ls = ls[1:]; len(ls) > 0 && int(band[ls[0].out]) == b; ls = ls[1:] {
					dout, din := ls[0].out-r.out, ls[0].in-r.in
					if r.count == 1 {
						r.dout, r.din = dout, din
					} else if dout != r.count*r.dout || din != r.count*r.din {
						break
					}
					r.count++
				}
				t.runs = append(t.runs, r)
			}
		}
	}
	t.start[taps*bands] = int32(len(t.runs))
	return t
}

// byTap computes w with the sums in dst.
func (p *pass) byTap(ws *Work, dst, src, packed []float32, e Epilogue, w window) {
	for panel := w.panel; panel < w.panel+w.panels; panel++ {
		p.panelByTap(ws, dst, src, packed, e, w, panel)
	}
}

func (p *pass) panelByTap(ws *Work, dst, src, packed []float32, e Epilogue, w window, panel int) {
	grp, col, cols := p.panel(panel)
	first, last := p.positions(w.from, w.to)
	n0, n1, n, at := w.n0, w.n1, w.n1-w.n0, grp*p.cols+col
	for q := first; q < last; q++ {
		for i := n0; i < n1; i++ {
			row := dst[q*p.dst.Stride+i*p.dst.C+at:][:cols]
			if e.Bias != nil {
				copy(row, e.Bias[at:])
			} else {
				clear(row)
			}
		}
	}
	ws.one[0] = simd.Tap{}
	ws.gemm = simd.GEMM{Cols: cols, K: p.depth, Taps: ws.one[:], Start: simd.StartC, Slope: 1}
	// With all images side by side in both maps a run of positions is one of rows.
	joined := n == 1 || p.src.Stride == n*p.src.C && p.dst.Stride == n*p.dst.C
	src, dst = src[n0*p.src.C+grp*p.depth:], dst[n0*p.dst.C+at:]
	for tap := range p.taps {
		ws.gemm.B = packed[panel*p.panelLen()+tap*p.depth*p.k.NR:][:p.depth*p.k.NR]
		runs := p.runs.runs[p.runs.start[tap*p.bands+w.from]:p.runs.start[tap*p.bands+w.to]]
		for len(runs) > 0 {
			r, next := runs[0], tapRun{}
			runs = runs[1:]
			if len(runs) > 0 {
				next = runs[0]
			}
			switch {
			case n == 1 && 2*int(r.count) <= p.k.MR && next.count == r.count && next.din == r.din && next.dout == r.dout:
				runs = runs[1:]
				p.twoRuns(ws, dst, src, r, next, int(r.count), int(r.din)*p.src.Stride, int(r.dout)*p.dst.Stride)
			case n == 1:
				p.oneRun(ws, dst, src, r, int(r.count), int(r.din)*p.src.Stride, int(r.dout)*p.dst.Stride)
			case joined && r.din == 1 && r.dout == 1:
				p.oneRun(ws, dst, src, r, n*int(r.count), p.src.C, p.dst.C)
			default:
				p.pairs(ws, dst, src, r, n)
			}
		}
	}
	if e.Slope == 1 {
		return
	}
	for q := first; q < last; q++ {
		for i := range n {
			row := dst[q*p.dst.Stride+i*p.dst.C:][:cols]
			p.k.LeakyGrad(row, row, row, e.Slope) // leaky(v) = v where v > 0, slope*v elsewhere
		}
	}
}

// oneRun adds a tap to rows that advance evenly from the start of r.
func (p *pass) oneRun(ws *Work, dst, src []float32, r tapRun, rows, lda, ldc int) {
	g := &ws.gemm
	g.LDA, g.LDC = lda, ldc
	a, c := int(r.in)*p.src.Stride, int(r.out)*p.dst.Stride
	for rows > 0 {
		n := tileRows(rows, p.k.MR)
		h := (n + 1) / 2
		g.Rows, g.ARun, g.CRun = n, h*lda, h*ldc
		g.A, g.C = src[a:], dst[c:]
		p.k.GEMM(g)
		a, c, rows = a+n*lda, c+n*ldc, rows-n
	}
}

// twoRuns adds a tap to two runs of n rows in one tile.
func (p *pass) twoRuns(ws *Work, dst, src []float32, r, s tapRun, n, lda, ldc int) {
	g := &ws.gemm
	g.LDA, g.LDC = lda, ldc
	g.Rows, g.ARun, g.CRun = 2*n, int(s.in-r.in)*p.src.Stride, int(s.out-r.out)*p.dst.Stride
	g.A, g.C = src[int(r.in)*p.src.Stride:], dst[int(r.out)*p.dst.Stride:]
	p.k.GEMM(g)
}

// pairs adds a tap to n images at each position of r, two positions a tile.
func (p *pass) pairs(ws *Work, dst, src []float32, r tapRun, n int) {
	for r.count > 0 {
		a := tapRun{out: r.out, in: r.in}
		b := tapRun{out: r.out + r.dout, in: r.in + r.din}
		if r.count == 1 || 2*n > p.k.MR {
			p.oneRun(ws, dst, src, a, n, p.src.C, p.dst.C)
			r.out, r.in, r.count = b.out, b.in, r.count-1
			continue
		}
		p.twoRuns(ws, dst, src, a, b, n, p.src.C, p.dst.C)
		r.out, r.in, r.count = b.out+r.dout, b.in+r.din, r.count-2
	}
}
