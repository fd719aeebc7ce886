package conv

import "github.com/gantiny/gantiny/simd"

// Thin input: few source channels, say 1 -> 64. A tap has a contraction of 1,
// too short for GEMM, but over images the source is contiguous: Outer with the
// images as rows contracts (tap, channel) in one call.
//
// Thin output: few channels to produce, say 64 -> 1. One product makes for each
// source position all taps' contributions as columns (25 of 32 lanes work, in
// place of 1); each output then adds up those that meet it.

// thinInput computes images [n0, n1) of a panel's bands.
func (p *pass) thinInput(ws *Work, dst, src, packed []float32, e Epilogue, n0, n1, panel, from, to int) {
	_, col, cols := p.panel(panel)
	first, last := p.positions(from, to)
	o := &ws.outer
	*o = simd.Outer{
		B: packed[panel*p.panelLen():][:p.panelLen()], Cols: cols, K: p.depth,
		LDA: p.k.MR, LDB: p.k.NR, LDC: p.dst.C,
	}
	for n := n0; n < n1; n += o.Rows {
		o.Rows = tileRows(n1-n, p.k.MR)
		o.A = src[n:]
		if p.src.C > 1 {
			o.A = p.planes(ws.buf, src[n*p.src.C:], o.Rows)
		}
		for q := first; q < last; q++ {
			o.C = dst[q*p.dst.Stride+n*p.dst.C+col:]
			p.outerTile(o, p.list[p.start[q]:p.start[q+1]])
			p.finish(o.C, o.Rows, cols, col, e)
		}
	}
}

// outerTile runs a tile over its taps, in several calls if they are many.
func (p *pass) outerTile(o *simd.Outer, taps []simd.Tap) {
	most := max(1, maxCall/(p.k.MR*p.k.NR*p.depth))
	for o.Accumulate = false; ; o.Accumulate = true {
		n := min(most, len(taps))
		o.Taps = taps[:n]
		p.k.Outer(o)
		if taps = taps[n:]; len(taps) == 0 {
			return
		}
	}
}

// finish applies the epilogue to a tile just made.
func (p *pass) finish(c []float32, rows, cols, col int, e Epilogue) {
	if e.Bias == nil && e.Slope == 1 {
		return
	}
	for r := range rows {
		row := c[r*p.dst.C:][:cols]
		if e.Bias != nil {
			p.k.BiasLeaky(row, row, e.Bias[col:][:cols], e.Slope)
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

func (p *pass) columnsLen() int { return p.src.Positions() * p.k.MR * p.columns() }

// bandSources returns the source positions [from, to) that each band reads.
func bandSources(ordered []link, start []int32, dst Map, bands int) [][2]int32 {
	r := make([][2]int32, bands)
	for b := range r {
		q0, q1 := bandLine(dst.H, bands, b)*dst.W, bandLine(dst.H, bands, b+1)*dst.W
		for i, l := range ordered[start[q0]:start[q1]] {
			if i == 0 {
				r[b] = [2]int32{l.in, l.in + 1}
			}
			r[b][0], r[b][1] = min(r[b][0], l.in), max(r[b][1], l.in+1)
		}
	}
	return r
}

// thinOutput computes images [n0, n1) of bands [from, to).
func (p *pass) thinOutput(ws *Work, dst, src, packed []float32, e Epilogue, n0, n1, from, to int) {
	lo, hi := p.src.Positions(), 0
	for _, s := range p.bandSource[from:to] {
		if s[0] < s[1] {
			lo, hi = min(lo, int(s[0])), max(hi, int(s[1]))
		}
	}
	for n := n0; n < n1; {
		r := tileRows(n1-n, p.k.MR)
		p.tapColumns(ws, src, packed, n, r, lo, hi)
		first, last := p.positions(from, to)
		for q := first; q < last; q++ {
			p.gather(dst[q*p.dst.Stride+n*p.dst.C:][:r*p.dst.C], ws.buf, q, r, lo, e)
		}
		n += r
	}
}

// tapColumns: columns[(q-lo)*r+i][(tap, c)] = x[q, n+i] . w[tap, c] for source
// positions q in [lo, hi).
func (p *pass) tapColumns(ws *Work, src, packed []float32, n, r, lo, hi int) {
	ld := p.columns()
	ws.one[0] = simd.Tap{}
	ws.gemm = simd.GEMM{Taps: ws.one[:], Cols: p.k.NR, K: p.depth, LDC: ld, Slope: 1}
	g := &ws.gemm
	src = src[n*p.src.C:]
	// One image: rows are positions. More: rows are the images of a position.
	rows, step, lda := r, 1, p.src.C
	if r == 1 {
		rows, step, lda = hi-lo, hi-lo, p.src.Stride
	}
	g.LDA = lda
	for panel := 0; panel*p.k.NR < ld; panel++ {
		g.B = packed[panel*p.depth*p.k.NR:][:p.depth*p.k.NR]
		for q := lo; q < hi; q += step {
			for i := 0; i < rows; i += g.Rows {
				g.Rows = tileRows(rows-i, p.k.MR)
				h := (g.Rows + 1) / 2
				g.ARun, g.CRun = h*lda, h*ld
				g.A, g.C = src[q*p.src.Stride+i*lda:], ws.buf[((q-lo)*r+i)*ld+panel*p.k.NR:]
				p.k.GEMM(g)
			}
		}
	}
}

// gather adds up the columns of dst position q: out[i][c], r images.
func (p *pass) gather(out, columns []float32, q, r, lo int, e Epilogue) {
	ld, terms := p.columns(), p.contract[p.start[q]:p.start[q+1]]
	for c := range p.cols {
		b := float32(0)
		if e.Bias != nil {
			b = e.Bias[c]
		}
		if r == 1 {
			s := b
			for _, t := range terms {
				s += columns[(int(t.src)-lo)*ld+int(t.tap)*p.cols+c]
			}
			out[c] = leaky(s, e.Slope)
			continue
		}
		for i := range r {
			out[i*p.cols+c] = b
		}
		for _, t := range terms {
			from := columns[(int(t.src)-lo)*r*ld+int(t.tap)*p.cols+c:]
			for i := range r {
				out[i*p.cols+c] += from[i*ld]
			}
		}
		for i := range r {
			out[i*p.cols+c] = leaky(out[i*p.cols+c], e.Slope)
		}
	}
}

func leaky(v, slope float32) float32 {
	if v < 0 {
		return slope * v
	}
	return v
}
