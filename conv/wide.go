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

// maxCall bounds the multiply-adds of one kernel call: assembly cannot be
// preempted, and 4 M take about 50 microseconds on a server core.
const maxCall = 4 << 20

// imageRows is the fewest images for which byPosition wins.
func (p *pass) imageRows() int { return (p.k.MR + 1) / 2 }

// byPosition computes images [n0, n1) of a panel's bands. The order is image
// tile > position, so that one tile's sources and one panel's weights stay in
// the second cache; a dense layer's weights serve one position only, so there
// the images run inside.
func (p *pass) byPosition(ws *Work, dst, src, packed []float32, e Epilogue, n0, n1, panel, from, to int) {
	grp, col, cols := p.panel(panel)
	first, last := p.positions(from, to)
	bias := ws.bias[:p.k.NR]
	ws.gemm = simd.GEMM{
		B: packed[panel*p.panelLen():][:p.panelLen()], Bias: bias, Cols: cols, K: p.depth,
		LDA: p.src.C, LDC: p.dst.C,
	}
	at := grp*p.cols + col // dst channel
	if !p.dense {
		start := loadBias(bias, e.Bias, at, cols)
		for n := n0; n < n1; {
			r := tileRows(n1-n, p.k.MR)
			for q := first; q < last; q++ {
				p.tile(ws, dst[q*p.dst.Stride+n*p.dst.C+at:], src[n*p.src.C+grp*p.depth:], q, r, start, e.Slope)
			}
			n += r
		}
		return
	}
	for q := first; q < last; q++ {
		start := loadBias(bias, e.Bias, q*p.dst.C+at, cols)
		for n := n0; n < n1; {
			r := tileRows(n1-n, p.k.MR)
			p.tile(ws, dst[q*p.dst.Stride+n*p.dst.C+at:], src[n*p.src.C:], q, r, start, e.Slope)
			n += r
		}
	}
}

// tile computes r images of dst position q over all its taps.
func (p *pass) tile(ws *Work, c, a []float32, q, r int, start uint8, slope float32) {
	g := &ws.gemm
	taps := p.list[p.start[q]:p.start[q+1]]
	g.C, g.A = c, a
	g.Rows, g.ARun, g.CRun = r, (r+1)/2*g.LDA, (r+1)/2*g.LDC
	g.Start, g.Slope = start, slope
	each := r * p.k.NR * p.depth
	if len(taps)*each <= maxCall {
		g.Taps = taps
		p.k.GEMM(g)
		return
	}
	p.longTile(ws, taps, max(1, maxCall/each), slope)
}

// longTile does what tile does in several calls, none much over maxCall.
func (p *pass) longTile(ws *Work, taps []simd.Tap, most int, slope float32) {
	g := &ws.gemm
	g.Slope = 1
	depth := p.depth
	if most == 1 { // one tap may be too deep for a call
		depth = max(1, maxCall/(g.Rows*p.k.NR))
	}
	for len(taps) > 0 {
		n := min(most, len(taps))
		for k := 0; k < p.depth; k += depth {
			if n == 1 {
				ws.one[0] = simd.Tap{A: taps[0].A + k, B: taps[0].B + k*p.k.NR}
				g.Taps, g.K = ws.one[:], min(depth, p.depth-k)
			} else {
				g.Taps = taps[:n]
			}
			if len(taps) == n && k+depth >= p.depth {
				g.Slope = slope
			}
			p.k.GEMM(g)
			g.Start = simd.StartC
		}
		taps = taps[n:]
	}
	g.K = p.depth
}

// loadBias copies the bias of a panel's columns to dst, whose rest is zero, and
// returns how the tiles start.
func loadBias(dst, bias []float32, at, n int) uint8 {
	if bias == nil {
		return simd.StartZero
	}
	clear(dst[copy(dst, bias[at:at+n]):])
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

// byTap computes images [n0, n1) of a panel's bands with the sums in dst.
func (p *pass) byTap(ws *Work, dst, src, packed []float32, e Epilogue, n0, n1, panel, from, to int) {
	grp, col, cols := p.panel(panel)
	first, last := p.positions(from, to)
	n, at := n1-n0, grp*p.cols+col
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
		runs := p.runs.runs[p.runs.start[tap*p.bands+from]:p.runs.start[tap*p.bands+to]]
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
