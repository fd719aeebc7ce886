package conv

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// thinPass produces few channels, say 64 -> 1. For each source position one product makes
// the contributions of all taps, as columns: 25 of 32 lanes work, instead of 1. They are
// added to the output image by image (col2im).

type thinPass struct {
	pass
	flip       bool       // columns in descending order of taps
	scatter    []tapSpan  // where each source position's columns go
	start      []int32    // where each source position's begin
	bandSource [][2]int32 // the source positions [from, to) that a band reads
}

func newThinPass(p pass, links []link) *thinPass {
	p.onePanel()
	t := &thinPass{pass: p}
	t.planScatter(links)
	return t
}

func (p *thinPass) packedLen() int64 { return int64(p.columns()) * int64(p.depth) }

func (p *thinPass) scratch() int {
	n := p.k.MR * (p.columns() + p.dst.Positions()*p.dst.C)
	if p.dst.Row == 1 && p.dst.N >= thinImages {
		n = max(n, 2*thinMost*p.columns())
	}
	return n
}

// pack writes w as [panel of columns (tap, channel)][depth][NR].
func (p *thinPass) pack(_ *Workspace, dst, w []float32) {
	clear(dst)
	for tap := range p.taps {
		for c := range p.cols {
			col := p.column(tap) + c
			d := dst[col/p.nr*p.tapLen()+col%p.nr:]
			for k := range p.depth {
				d[k*p.nr] = w[p.weights.base(tap)+k*p.weights.k+c*p.weights.j]
			}
		}
	}
}

// columns is the width of a thin output's matrix of columns.
func (p *thinPass) columns() int {
	return (p.taps*p.cols + p.nr - 1) / p.nr * p.nr
}

// column is where a tap's columns start. They are in the order in which dst
// advances, so that the taps of a kernel row go to neighbors.
func (p *thinPass) column(tap int) int {
	if p.flip {
		tap = p.taps - 1 - tap
	}
	return tap * p.cols
}

// tapSpan says that n columns from col on go to n floats of dst (positions x
// channels) from to on.
type tapSpan struct{ to, col, n int32 }

// planScatter groups the links by source position and joins neighbors.
func (p *thinPass) planScatter(links []link) {
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
func bandSources(links []link, dst Layout, bands int) [][2]int32 {
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

// sourceRange returns the source positions [lo, hi) that bands read.
func sourceRange(bands [][2]int32, positions int) (lo, hi int) {
	lo = positions
	for _, s := range bands {
		if s[1] > 0 {
			lo, hi = min(lo, int(s[0])), max(hi, int(s[1]))
		}
	}
	return lo, hi
}

func (p *thinPass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	lo, hi := sourceRange(p.bandSource[w.from:w.to], p.src.Positions())
	first, last := p.positions(w.from, w.to)
	if p.dst.Row == 1 && w.n1-w.n0 >= thinImages {
		p.byImageRow(ws, dst, src, packed, e, w, lo, hi)
		return
	}
	columns, sums := ws.buf[:p.k.MR*p.columns()], ws.buf[p.k.MR*p.columns():]
	each := (last - first) * p.dst.C // floats of an image
	for n := w.n0; n < w.n1; {
		r := tileRows(w.n1-n, p.k.MR)
		p.startSums(sums[:r*each], e.Bias)
		from := src[n*p.src.Row:]
		if r == 1 { // a tile is positions
			for q := lo; q < hi; {
				m := tileRows(hi-q, p.k.MR)
				p.tapColumns(ws, columns, from[q*p.src.Stride:], packed, m, p.src.Stride)
				for i := range m {
					p.scatterTo(sums[:each], columns[i*p.columns():], q+i, first, each, 1)
				}
				q += m
			}
		} else { // a tile is the images of one position
			for q := lo; q < hi; q++ {
				p.tapColumns(ws, columns, from[q*p.src.Stride:], packed, r, p.src.Row)
				p.scatterTo(sums[:r*each], columns, q, first, each, r)
			}
		}
		if p.dst.Stride == p.dst.C { // one image, its positions side by side
			finish(dst[first*p.dst.C:last*p.dst.C], sums, e.Slope)
			break
		}
		for q := first; q < last; q++ {
			to, from := dst[q*p.dst.Stride+n*p.dst.Row:], (q-first)*p.dst.C
			for i := range r {
				for c, v := range sums[i*each+from:][:p.dst.C] {
					to[i*p.dst.Row+c] = leaky(v, e.Slope)
				}
			}
		}
		n += r
	}
}

// One channel of many images lies image by image, unless it is a window of wider rows, so that the
// columns, transposed, are added as whole rows of images. thinImages is the fewest images
// for that, thinMost how many are taken together.
const (
	thinImages = 16
	thinMost   = 256
)

// byImageRow computes w from source positions [lo, hi). The sums' order is compute's.
func (p *thinPass) byImageRow(ws *Workspace, dst, src, packed []float32, e Epilogue, w window, lo, hi int) {
	first, last := p.positions(w.from, w.to)
	ld := p.columns()
	columns, transposed := ws.buf[:thinMost*ld], ws.buf[thinMost*ld:][:thinMost*ld]
	for n := w.n0; n < w.n1; n += thinMost {
		images := min(thinMost, w.n1-n)
		for o := first; o < last; o++ {
			p.startSums(dst[o*p.dst.Stride+n:][:images], e.Bias)
		}
		together := 1 // source positions whose rows follow one another
		if images*p.src.Row == p.src.Stride {
			together = thinMost / images
		}
		for q := lo; q < hi; q += together {
			count := min(together, hi-q)
			for r := 0; r < count*images; {
				rows := tileRows(count*images-r, p.k.MR)
				p.tapColumns(ws, columns[r*ld:], src[q*p.src.Stride+(n+r)*p.src.Row:], packed, rows, p.src.Row)
				r += rows
			}
			for i := range count {
				p.k.Transpose(transposed, images, columns[i*images*ld:], ld, images, ld)
				p.addRows(dst[n:], transposed, q+i, first, last, images)
			}
		}
		for o := first; o < last && e.Slope != 1; o++ {
			row := dst[o*p.dst.Stride+n:][:images]
			p.k.LeakyGrad(row, row, row, e.Slope) // leaky(v) = v where v > 0, slope*v elsewhere
		}
	}
}

// addRows adds the transposed columns of source position q to those rows of images that belong to
// positions [first, last) of dst. Neighbors are one row where nothing lies between them.
func (p *thinPass) addRows(dst, columns []float32, q, first, last, images int) {
	for _, s := range p.scatter[p.start[q]:p.start[q+1]] {
		from, to, col := max(int(s.to), first), min(int(s.to+s.n), last), int(s.col)
		if from >= to {
			continue
		}
		col += from - int(s.to)
		if images == p.dst.Stride {
			p.k.Add(dst[from*images:to*images], columns[col*images:][:(to-from)*images])
			continue
		}
		for o := from; o < to; o++ {
			p.k.Add(dst[o*p.dst.Stride:][:images], columns[(col+o-from)*images:][:images])
		}
	}
}

func (p *thinPass) startSums(sums, bias []float32) {
	if bias == nil {
		clear(sums)
		return
	}
	for i := 0; i < len(sums); i += len(bias) {
		copy(sums[i:], bias)
	}
}

// tapColumns: columns[r][(tap, c)] = src[r*lda:] . w[tap, c] for r < rows.
func (p *thinPass) tapColumns(ws *Workspace, columns, src, packed []float32, rows, lda int) {
	ld := p.columns()
	ws.one[0] = simd.Tap{}
	g := &ws.gemm
	g.A, g.Taps, g.K, g.Cols = src, ws.one[:], p.depth, p.nr
	g.Rows, g.LDA, g.LDC = rows, lda, ld
	h := (rows + 1) / 2
	g.ARun, g.CRun = h*lda, h*ld
	g.Start, g.Slope = simd.StartZero, 1
	for panel := 0; panel*p.nr < ld; panel++ {
		g.B = packed[panel*p.tapLen():][:p.tapLen()]
		g.C = columns[panel*p.nr:]
		p.k.GEMM(g)
	}
}

// scatterTo adds the columns of source position q, of rows images, to their
// sums, each floats an image from dst position first on.
func (p *thinPass) scatterTo(sums, columns []float32, q, first, each, rows int) {
	at, ld := first*p.dst.C, p.columns()
	for _, s := range p.scatter[p.start[q]:p.start[q+1]] {
		to := int(s.to) - at
		if to < 0 || to >= each {
			continue // another band's
		}
		if s.n == 5 { // the width of the reference network's kernels
			for i := range rows {
				d, c := (*[5]float32)(sums[i*each+to:]), (*[5]float32)(columns[i*ld+int(s.col):])
				d[0] += c[0]
				d[1] += c[1]
				d[2] += c[2]
				d[3] += c[3]
				d[4] += c[4]
			}
			continue
		}
		for i := range rows {
			d, c := sums[i*each+to:][:s.n], columns[i*ld+int(s.col):][:s.n]
			for j, v := range c {
				d[j] += v
			}
		}
	}
}

// finish: dst[i] = leaky(sums[i], slope).
func finish(dst, sums []float32, slope float32) {
	copy(dst, sums)
	if slope == 1 {
		return
	}
	for i, v := range dst {
		dst[i] = leaky(v, slope)
	}
}

func leaky(v, slope float32) float32 {
	if v < 0 {
		return slope * v
	}
	return v
}
