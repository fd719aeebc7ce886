package conv

import "github.com/gantiny/gantiny/simd"

// lowering computes a pass, every position of dst from src: the forward pass or,
// with input and output exchanged, the input gradient. Which lowering a pass has
// follows from the geometry alone, so that every kernel row adds in the same order.
//
//	direct    tiles of images or positions by channels, see direct.go
//	thin      few channels to produce: taps are columns, see thin.go
//	dense     a fully connected layer, see dense.go
//	single    a dense layer of one feature, see single.go
//	Winograd  5x5 kernels at stride 1 and kernels of 4 to 6 at stride 2, see winograd.go
//	          and winograd_strided.go
//
// The int8 lowerings are in qlowering.go.
type lowering interface {
	common() *pass
	packedLen() int64 // in int64: padding to NR may pass 32 bits
	packScratch() int // the floats that pack needs of a Workspace
	scratch() int     // the floats that compute needs
	// pack writes weights as compute reads them, columns past the end as zero.
	pack(ws *Workspace, dst, w []float32)
	compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window)
}

// tiling is how a pass is cut: dst's channels into panels of NR columns, its lines
// into bands. Float and int8 lowerings share it.
type tiling struct {
	src, dst Layout
	dense    bool
	taps     int // of a dense layer the source positions
	nr       int // columns of a panel
	depth    int // contracted channels of a group
	cols     int // dst channels of a group
	each     int // panels of a group; of a dense layer of an output position
	panels   int // of all groups or positions
	bands    int // bands of dst lines in a panel
}

// minUnits is how many units of work one image should at least have.
const minUnits = 8

func newTiling(g Geometry, src, dst Layout, nr int) tiling {
	t := tiling{
		src: src, dst: dst, dense: g.IsDense(), taps: g.KH * g.KW, nr: nr,
		depth: src.C / g.Groups, cols: dst.C / g.Groups,
	}
	t.each = (t.cols + nr - 1) / nr
	t.panels = g.Groups * t.each
	if t.dense {
		t.taps, t.panels, t.bands = src.Positions(), dst.Positions()*t.each, 1
		return t
	}
	t.bands = min(dst.H, max(1, (minUnits+t.panels-1)/t.panels))
	return t
}

// onePanel makes a pass that has all columns in one panel.
func (t *tiling) onePanel() {
	t.each, t.panels, t.bands = 1, 1, min(t.dst.H, minUnits)
}

// units is how many parts a pass can be cut into: bands of panels.
func (t *tiling) units() int { return t.panels * t.bands }

// panel returns a column panel's group, or output position of a dense layer, its
// first column there and its columns.
func (t *tiling) panel(i int) (grp, col, n int) {
	grp, col = i/t.each, i%t.each*t.nr
	return grp, col, min(t.nr, t.cols-col)
}

// biasLen is how many biases the layer has: one a channel, of a dense layer a feature.
func (t *tiling) biasLen() int {
	if t.dense {
		return t.dst.Positions() * t.dst.C
	}
	return t.dst.C
}

// check panics unless a share is one of the pass's.
func (t *tiling) check(s Share) {
	if s.N0 < 0 || s.N1 < s.N0 || s.N1 > t.src.N || s.P0 < 0 || s.P1 < s.P0 || s.P1 > t.units() {
		panic("conv: bad share")
	}
}

// window is what one call computes: images [n0, n1), panels from panel on, and
// bands [from, to) of each.
type window struct{ n0, n1, panel, panels, from, to int }

// next takes the next units off a share: neighboring bands of a panel, or whole
// panels, are computed as one.
func (t *tiling) next(s *Share) window {
	w := window{n0: s.N0, n1: s.N1, panel: s.P0 / t.bands, panels: 1, from: s.P0 % t.bands}
	w.to = min(t.bands, w.from+s.P1-s.P0)
	if w.from == 0 && w.to == t.bands {
		w.panels = (s.P1 - s.P0) / t.bands
	}
	s.P0 += (w.to - w.from) * w.panels
	return w
}

// positions returns the dst positions of bands [from, to).
func (t *tiling) positions(from, to int) (int, int) {
	return bandLine(t.dst.H, t.bands, from) * t.dst.W, bandLine(t.dst.H, t.bands, to) * t.dst.W
}

// bandLine returns the first line of a band; bands are nearly equal runs of lines.
func bandLine(lines, bands, band int) int {
	return band*(lines/bands) + min(band, lines%bands)
}

// pass is what all float lowerings have.
type pass struct {
	tiling
	k       *simd.Kernels
	weights weightIndex
}

func newPass(g Geometry, src, dst Layout, forward bool, k *simd.Kernels) pass {
	w := gradWeights(g)
	if forward {
		w = forwardWeights(g)
	}
	return pass{tiling: newTiling(g, src, dst, k.NR), k: k, weights: w}
}

func (p *pass) common() *pass { return p }

func (p *pass) packScratch() int { return 0 }

// tapLen and panelLen are the lengths of the packed weights of one tap in a panel,
// and of one panel.
func (p *pass) tapLen() int   { return p.depth * p.nr }
func (p *pass) panelLen() int { return p.taps * p.tapLen() }

// packedLen is that of panels with all taps.
func (p *pass) packedLen() int64 {
	return int64(p.panels) * int64(p.taps) * int64(p.depth) * int64(p.nr)
}

// tileColumns is how many columns one call of the kernel makes at most.
func (p *pass) tileColumns() int {
	if p.dense {
		return p.each * p.nr
	}
	return p.nr
}

// lower picks the lowering of a direct plan.
func lower(g Geometry, src, dst Layout, links []link, forward bool, k *simd.Kernels) lowering {
	p := newPass(g, src, dst, forward, k)
	switch {
	case g.IsDense() && forward && p.biasLen() == 1:
		return &singlePass{p}
	case g.IsDense():
		return newDensePass(p, forward)
	case isThin(g, src, dst, len(links)):
		return newThinPass(p, links)
	}
	return newDirectPass(p, g, links, forward)
}

// thinChannels is the most channels of a thin side. One channel in a tile of 32
// columns wastes 31 lanes.
const thinChannels = 4

// isThin tells whether a pass is computed by thin.go. That pays only where enough of
// its padded columns carry a tap: its matrix has every source position times every tap,
// also those that meet nothing. 5x5, 14x14x64 -> 28x28x1 on AVX-512: 15 us thin,
// 139 us direct for one image, 4.6 and 30.7 ms for 256. A thin input gains nothing:
// a lowering of 1 -> 64 with the taps as the contraction of Outer took 2.13 ms,
// the direct one takes 2.13 ms.
func isThin(g Geometry, src, dst Layout, links int) bool {
	if g.IsDense() || g.Groups > 1 {
		return false
	}
	const lanes = 32 // of the widest row; a constant, so that all rows choose alike
	columns := (g.KH*g.KW*dst.C + lanes - 1) / lanes * lanes
	return dst.C <= thinChannels && src.Positions()*columns < links*lanes*3/4
}

// pack writes the weights w to dst.
func pack(l lowering, ws *Workspace, dst, w []float32) {
	if int64(len(dst)) != l.packedLen() {
		panic("conv: Pack: dst of the wrong length")
	}
	if n := l.packScratch(); n > 0 && len(ws.buf) < n {
		panic("conv: Pack: the workspace was not made for this plan")
	}
	l.pack(ws, dst, w)
}

// packBlock: dst[k*nr+j] = w[k*sk+j*sj] for k < depth, j < n, and 0 for n <= j < nr. One of sk and
// sj is 1.
func packBlock(f *simd.Kernels, dst []float32, nr int, w []float32, sk, sj, depth, n int) {
	if n < nr {
		clear(dst[:depth*nr])
	}
	if sj == 1 {
		f.CopyRows(dst, nr, w, sk, depth, n)
		return
	}
	f.Transpose(dst, nr, w, sj, n, depth)
}

// run computes a share of dst.
func run(l lowering, ws *Workspace, dst, src, packed []float32, e Epilogue, s Share) {
	p := l.common()
	p.checkCall(dst, src, e, s)
	if int64(len(packed)) != l.packedLen() {
		panic("conv: packed weights of the wrong length")
	}
	if e.Add != nil {
		runAdd(l, ws, dst, src, packed, e, s)
		return
	}
	for s.N0 < s.N1 && s.P0 < s.P1 {
		l.compute(ws, dst, src, packed, e, p.next(&s))
	}
}

// addByBand is from how many floats of output on an addition goes band by band, while the caches
// hold what it adds to. Below that it would read the packed weights for each band for nothing.
const addByBand = 1 << 16

// runAdd is run with an Epilogue that adds.
func runAdd(l lowering, ws *Workspace, dst, src, packed []float32, e Epilogue, s Share) {
	p, sums := l.common(), e
	sums.Add, sums.Slope = nil, 1
	bands := 1
	if _, direct := l.(*directPass); direct && s.P0 == 0 && s.P1 == p.units() && p.dst.Len() >= addByBand {
		bands = p.bands
	}
	for b := range bands {
		s := s
		for s.N0 < s.N1 && s.P0 < s.P1 {
			w := p.next(&s)
			if bands > 1 {
				w.from, w.to = b, b+1
			}
			l.compute(ws, dst, src, packed, sums, w)
			p.add(dst, e, w)
		}
	}
}

// add: dst = leaky(dst + e.Add, e.Slope) in a window.
func (p *pass) add(dst []float32, e Epilogue, w window) {
	at := func(from, n int) {
		d := dst[from:][:n]
		p.k.BiasLeaky(d, d, e.Add[from:][:n], e.Slope)
	}
	m, images := p.dst, w.n1-w.n0
	first, last := p.positions(w.from, w.to)
	whole := w.panels == p.panels && m.dense()
	if whole && m.Stride == images*m.C {
		at(first*m.Stride, (last-first)*m.Stride)
		return
	}
	for i := first; i < last; i++ {
		if whole {
			at(i*m.Stride+w.n0*m.C, images*m.C)
			continue
		}
		for panel := w.panel; panel < w.panel+w.panels; panel++ {
			group, col, n := p.panel(panel)
			for image := w.n0; image < w.n1; image++ {
				at(i*m.Stride+image*m.Row+group*p.cols+col, n)
			}
		}
	}
}

// checkCall panics unless a call's arguments are the pass's.
func (p *pass) checkCall(dst, src []float32, e Epilogue, s Share) {
	p.check(s)
	checkBuffer(src, p.src, s.N1)
	checkBuffer(dst, p.dst, s.N1)
	if e.Bias != nil && len(e.Bias) != p.biasLen() {
		panic("conv: Forward: bias of the wrong length")
	}
	if e.Add != nil {
		if p.dense {
			panic("conv: Forward: addition to a dense layer")
		}
		checkBuffer(e.Add, p.dst, s.N1)
	}
	if e.Scale != nil && (!p.dense || e.Bias == nil || len(e.Scale) != p.biasLen()) {
		panic("conv: Forward: scale of the wrong length, without a bias or of no dense layer")
	}
}

// checkBuffer panics unless buf holds the first n images of m.
func checkBuffer(buf []float32, m Layout, n int) {
	if m.N = n; n > 0 && len(buf) < m.Len() {
		panic("conv: buffer shorter than its layout")
	}
}
