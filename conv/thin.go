package conv

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// Thin input: few source channels, say 1 -> 64. A tap has a contraction of 1,
// too short for GEMM, but over images the source is contiguous: Outer with the
// images as rows contracts (tap, channel) in one call.
//
// Thin output: few channels to produce, say 64 -> 1. One product makes for each
// source position all taps' contributions as columns (25 of 32 lanes work, in
// place of 1); they are added where they go, image by image (col2im).

// thinInput computes w. All panels of a tile follow one another, so that the
// epilogue takes whole rows while they are in the first cache.
func (p *pass) thinInput(ws *Work, dst, src, packed []float32, e Epilogue, w window) {
	first, last := p.positions(w.from, w.to)
	_, col, _ := p.panel(w.panel)
	cols := min(p.cols-col, w.panels*p.k.NR)
	o := &ws.outer
	*o = simd.Outer{K: p.depth, LDA: p.k.MR, LDB: p.k.NR, LDC: p.dst.C}
	for n := w.n0; n < w.n1; n += o.Rows {
		o.Rows = tileRows(w.n1-n, p.k.MR)
		o.A = src[n:]
		if p.src.C > 1 {
			o.A = p.planes(ws.buf, src[n*p.src.C:], o.Rows)
		}
		for q := first; q < last; q++ {
			o.Taps = p.list[p.start[q]:p.start[q+1]]
			c := dst[q*p.dst.Stride+n*p.dst.C+col:]
			for panel := range w.panels {
				o.B = packed[(w.panel+panel)*p.panelLen():][:p.panelLen()]
				o.C, o.Cols = c[panel*p.k.NR:], min(p.k.NR, cols-panel*p.k.NR)
				p.k.Outer(o)
			}
			p.finish(c, o.Rows, cols, col, e)
		}
	}
}

// finish applies the epilogue to rows just made.
func (p *pass) finish(c []float32, rows, cols, col int, e Epilogue) {
	if e.Bias == nil && e.Slope == 1 {
		return
	}
	if cols == p.dst.C { // whole rows: one call
		cols, rows = rows*cols, 1
	}
	for r := range rows {
		row := c[r*p.dst.C:][:cols]
		if e.Bias != nil {
			p.k.BiasLeaky(row, row, e.Bias[col:][:min(cols, p.dst.C)], e.Slope)
		} else {
			p.k.LeakyGrad(row, row, row, e.Slope)
		}
	}
}

// planes copies rows images of all source positions to buf with the images
// innermost, [position][channel][MR], so that a tile's rows are contiguous.
func (p *pass) planes(buf, src []float32, rows int) []float32 {
	c, mr := p.src.C, p.k.MR
	for q := range p.src.Positions() {
		from, to := src[q*p.src.Stride:][:rows*c], buf[q*c*mr:][:c*mr]
		for ch := range c {
			plane := to[ch*mr:][:rows]
			for n := range plane {
				plane[n] = from[n*c+ch]
			}
		}
	}
	return buf[:p.planesLen()]
}

func (p *pass) planesLen() int {
	if p.src.C == 1 {
		return 0
	}
	return p.src.Positions() * p.src.C * p.k.MR
}

// columns is the width of a thin output's matrix of columns.
func (p *pass) columns() int {
	nr := p.k.NR
	return (p.taps*p.cols + nr - 1) / nr * nr
}

// column is where a tap's columns start. They are in the order in which dst
// advances, so that the taps of a kernel row go to neighbours.
func (p *pass) column(tap int) int {
	if p.flip {
		tap = p.taps - 1 - tap
	}
	return tap * p.cols
}

// tapSpan says that n columns from col on go to n floats of dst (positions x
// channels) from to on.
type tapSpan struct{ to, col, n int32 }

// planScatter groups the links by source position and joins neighbours.
func (p *pass) planScatter(links []link) {
	ordered, start := byOut(reversed(links), p.src.Positions())
	for q := range p.src.Positions() {
		if ls := ordered[start[q]:start[q+1]]; len(ls) > 1 {
			p.flip = ls[1].in < ls[0].in
			break
		}
	}
	p.start = make([]int32, p.src.Positions()+1)
	for q := range p.src.Positions() {
		ls := ordered[start[q]:start[q+1]]
		if p.flip {
			slices.Reverse(ls)
		}
		first := len(p.scatter)
		for _, l := range ls {
			to, col := l.in*int32(p.cols), int32(p.column(int(l.tap)))
			if n := len(p.scatter); n > first {
				last := &p.scatter[n-1]
				sameLine := int(last.to)/p.dst.C/p.dst.W == int(l.in)/p.dst.W
				if last.to+last.n == to && last.col+last.n == col && sameLine {
					last.n += int32(p.cols)
					continue
				}
			}
			p.scatter = append(p.scatter, tapSpan{to, col, int32(p.cols)})
		}
		p.start[q+1] = int32(len(p.scatter))
	}
	p.bandSource = bandSources(links, p.dst, p.bands)
}

// bandSources returns the source positions [from, to) that each band reads.
func bandSources(links []link, dst Map, bands int) [][2]int32 {
	line := make([]int, dst.H) // its band
	for b := range bands {
		for y := bandLine(dst.H, bands, b); y < bandLine(dst.H, bands, b+1); y++ {
			line[y] = b
		}
	}
	r := make([][2]int32, bands)
	for _, l := range links {
		b := &r[line[int(l.out)/dst.W]]
		if b[1] == 0 {
			b[0] = l.in
		}
		b[0], b[1] = min(b[0], l.in), max(b[1], l.in+1)
	}
	return r
}

// thinOutput computes w.
func (p *pass) thinOutput(ws *Work, dst, src, packed []float32, e Epilogue, w window) {
	lo, hi := p.src.Positions(), 0
	for _, s := range p.bandSource[w.from:w.to] {
		if s[1] > 0 {
			lo, hi = min(lo, int(s[0])), max(hi, int(s[1]))
		}
	}
	first, last := p.positions(w.from, w.to)
	columns, sums := ws.buf[:p.k.MR*p.columns()], ws.buf[p.k.MR*p.columns():]
	each := (last - first) * p.dst.C // floats of an image
	for n := w.n0; n < w.n1; {
		r := tileRows(w.n1-n, p.k.MR)
		p.startSums(sums[:r*each], e.Bias)
		from := src[n*p.src.C:]
		if r == 1 { // a tile is positions
			for q := lo; q < hi; {
				m := tileRows(hi-q, p.k.MR)
				p.tapColumns(ws, columns, from[q*p.src.Stride:], packed, m, p.src.Stride)
				for i := range m {
					p.scatterTo(sums[:each], columns[i*p.columns():][:p.columns()], q+i, first)
				}
				q += m
			}
		} else { // a tile is the images of one position
			for q := lo; q < hi; q++ {
				p.tapColumns(ws, columns, from[q*p.src.Stride:], packed, r, p.src.C)
				for i := range r {
					p.scatterTo(sums[i*each:][:each], columns[i*p.columns():][:p.columns()], q, first)
				}
			}
		}
		for q := first; q < last; q++ {
			to := dst[q*p.dst.Stride+n*p.dst.C:][:r*p.dst.C]
			for i := range to {
				to[i] = leaky(sums[i/p.dst.C*each+(q-first)*p.dst.C+i%p.dst.C], e.Slope)
			}
		}
		n += r
	}
}

func (p *pass) startSums(sums, bias []float32) {
	if bias == nil {
		clear(sums)
		return
	}
	for i := range sums {
		sums[i] = bias[i%len(bias)]
	}
}

// tapColumns: columns[r][(tap, c)] = src[r*lda:] . w[tap, c] for r < rows.
func (p *pass) tapColumns(ws *Work, columns, src, packed []float32, rows, lda int) {
	ld := p.columns()
	ws.one[0] = simd.Tap{}
	g := &ws.gemm
	g.A, g.Taps, g.K, g.Cols = src, ws.one[:], p.depth, p.k.NR
	g.Rows, g.LDA, g.LDC = rows, lda, ld
	h := (rows + 1) / 2
	g.ARun, g.CRun = h*lda, h*ld
	g.Start, g.Slope = simd.StartZero, 1
	for panel := 0; panel*p.k.NR < ld; panel++ {
		g.B = packed[panel*p.depth*p.k.NR:][:p.depth*p.k.NR]
		g.C = columns[panel*p.k.NR:]
		p.k.GEMM(g)
	}
}

// scatterTo adds the columns of source position q to one image's sums, which
// start at dst position first.
func (p *pass) scatterTo(sums, columns []float32, q, first int) {
	at := first * p.dst.C
	for _, s := range p.scatter[p.start[q]:p.start[q+1]] {
		to := int(s.to) - at
		if to < 0 || to >= len(sums) {
			continue // another band's
		}
		if s.n == 5 { // the width of the reference network's kernels
			d, c := (*[5]float32)(sums[to:]), (*[5]float32)(columns[s.col:])
			d[0] += c[0]
			d[1] += c[1]
			d[2] += c[2]
			d[3] += c[3]
			d[4] += c[4]
			continue
		}
		d, c := sums[to:][:s.n], columns[s.col:][:s.n]
		for i, v := range c {
			d[i] += v
		}
	}
}

func leaky(v, slope float32) float32 {
	if v < 0 {
		return slope * v
	}
	return v
}
