package conv

import (
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// lowering is how a pass is computed. It follows from the geometry alone, so
// that every kernel row adds in the same order.
type lowering uint8

const (
	wide       lowering = iota // tiles of images or positions by channels, see wide.go
	thinOutput                 // few channels to produce: taps are columns, see thin.go
	filtered                   // minimal filtering, see winograd.go and strided.go
	single                     // a dense layer of one feature, see dense.go
)

// thinChannels is the most channels of a thin side. One channel in a tile of 32
// columns wastes 31 lanes.
const thinChannels = 4

// pass computes every position of dst from src: the forward pass or, with the
// links reversed, the input gradient.
type pass struct {
	k           *simd.Kernels
	how         lowering
	dense       bool
	forward     bool
	perPosition int // panels of a dense layer's output position
	src, dst    Layout
	taps, kw    int
	groups      int
	depth       int // contracted channels of a group
	cols        int // dst channels of a group
	panels      int // column panels of all groups
	bands       int // bands of dst lines in a panel
	weights     weightIndex
	list        []simd.Tap // wide: the (source, tap) of each dst position, kernel column by column
	start       []int32    // where each dst position's begin
	lines       lineTiles  // wide: the same by dst line and kernel column
	flip        bool       // thinOutput: columns in descending order of taps
	scatter     []tapSpan  // thinOutput: where each source position's columns go; start is by source position
	filter      filtering  // filtered
	bandSource  [][2]int32 // thinOutput: the source positions [from, to) that a band reads
}

func newPass(g Geometry, src, dst Layout, links []link, forward bool, k *simd.Kernels) pass {
	w := gradWeights(g)
	if forward {
		w = forwardWeights(g)
	}
	p := pass{
		k: k, dense: g.IsDense(), forward: forward, src: src, dst: dst, taps: g.KH * g.KW, groups: g.Groups,
		depth: src.C / g.Groups, cols: dst.C / g.Groups, weights: w,
	}
	p.how = choose(g, src, dst, len(links))
	p.panels = p.groups * ((p.cols + k.NR - 1) / k.NR)
	if p.dense {
		p.planDense()
		if forward && p.cols == 1 && dst.Positions() == 1 {
			p.how = single
		}
		return p
	}
	if p.how == thinOutput {
		p.panels = 1
	}
	p.bands = min(dst.H, max(1, (minUnits+p.panels-1)/p.panels))

	if p.how == thinOutput {
		p.planScatter(links)
		return p
	}
	p.kw = g.KW
	ordered, start := byOut(byColumn(links, g), dst.Positions())
	p.start = start
	p.list = make([]simd.Tap, len(ordered))
	for i, l := range ordered {
		p.list[i] = simd.Tap{A: int(l.in) * src.Stride, B: p.slot(int(l.tap)) * p.depth * k.NR}
	}
	p.lines = newLineTiles(g, src, dst, g.Transposed == forward, p.depth*k.NR)
	return p
}

// filtering computes a pass by minimal filtering, see winograd.go and strided.go.
type filtering interface {
	packedLen() int64
	pack(ws *Workspace, dst, w []float32)
	packScratch() int
	scratch() int
	run(ws *Workspace, dst, src, packed []float32, e Epilogue, n0, n1, p0, p1 int)
}

// slot says where a tap's weights stand in a panel: in the order in which sums
// are taken, kernel column by column, so that a pass reads them in one go.
func (p *pass) slot(tap int) int {
	return tap%p.kw*(p.taps/p.kw) + tap/p.kw
}

// tapAt is slot's inverse; of a dense layer, panel by panel.
func (p *pass) tapAt(panel, slot int) int {
	if p.dense {
		return p.denseTap(panel, slot)
	}
	kh := p.taps / p.kw
	return slot%kh*p.kw + slot/kh
}

// filterPass is the pass that f computes.
func filterPass(f filtering, src, dst Layout, k *simd.Kernels) pass {
	return pass{k: k, how: filtered, src: src, dst: dst, groups: 1, depth: src.C, cols: dst.C, panels: (dst.C + k.NR - 1) / k.NR, bands: 1, filter: f}
}

// minUnits is how many units of work one image should at least have.
const minUnits = 8

// choose picks the lowering. A thin output pays only where enough of its padded
// columns carry a tap: its matrix has every source position times every tap,
// also those that meet nothing. 5x5, 14x14x64 -> 28x28x1 on AVX-512: 15 us thin,
// 139 us wide for one image, 4.6 and 30.7 ms for 256. A thin input gains nothing:
// a lowering of 1 -> 64 with the taps as the contraction of Outer took 2.13 ms,
// the wide one takes 2.13 ms.
func choose(g Geometry, src, dst Layout, links int) lowering {
	if g.IsDense() || g.Groups > 1 {
		return wide
	}
	const lanes = 32 // of the widest row; a constant, so that all rows choose alike
	columns := (g.KH*g.KW*dst.C + lanes - 1) / lanes * lanes
	if dst.C <= thinChannels && src.Positions()*columns < links*lanes*3/4 {
		return thinOutput
	}
	return wide
}

func (p *pass) units() int { return p.panels * p.bands }

// packedLen is in int64: padding to NR may pass 32 bits.
func (p *pass) packedLen() int64 {
	nr := p.k.NR
	switch p.how {
	case thinOutput:
		return int64(p.columns()) * int64(p.depth)
	case filtered:
		return p.filter.packedLen()
	case single:
		return int64(p.taps) * int64(p.depth)
	}
	return int64(p.panels) * int64(p.taps) * int64(p.depth) * int64(nr)
}

// panelLen is the length of one panel's packed weights.
func (p *pass) panelLen() int { return p.taps * p.depth * p.k.NR }

func (p *pass) biasLen() int {
	if p.dense {
		return p.dst.Positions() * p.dst.C
	}
	return p.dst.C
}

// scratch is the floats that run needs.
func (p *pass) scratch() int {
	switch p.how {
	case thinOutput:
		n := p.k.MR * (p.columns() + p.dst.Positions()*p.dst.C)
		if p.dst.Row == 1 && p.dst.N >= thinImages {
			n = max(n, 2*thinMost*p.columns())
		}
		return n
	case filtered:
		return p.filter.scratch()
	case single:
		return (p.depth + 1) * p.k.NR // a tile of images, and its sums
	}
	return 0
}

// packScratch is the floats that pack needs.
func (p *pass) packScratch() int {
	if p.how == filtered {
		return p.filter.packScratch()
	}
	return 0
}

// pack writes w as [panel][slot of a tap][depth][NR], of a thin output as
// [panel of columns (tap, channel)][depth][NR]; columns past the end are zero.
func (p *pass) pack(ws *Workspace, dst, w []float32) {
	if int64(len(dst)) != p.packedLen() {
		panic("conv: Pack: dst of the wrong length")
	}
	nr := p.k.NR
	if p.how == single {
		copy(dst, w)
		return
	}
	if p.how == filtered {
		if len(ws.buf) < p.filter.packScratch() {
			panic("conv: Pack: the workspace was not made for this plan")
		}
		p.filter.pack(ws, dst, w)
		return
	}
	if p.how == thinOutput {
		clear(dst)
		for tap := range p.taps {
			for c := range p.cols {
				col := p.column(tap) + c
				d := dst[col/nr*p.depth*nr+col%nr:]
				for k := range p.depth {
					d[k*nr] = w[p.weights.base(tap)+k*p.weights.k+c*p.weights.j]
				}
			}
		}
		return
	}
	for panel := range p.panels {
		p.packPanel(dst[panel*p.panelLen():], w, panel)
	}
}

// packPanel packs one panel of a wide pass.
func (p *pass) packPanel(dst, w []float32, panel int) {
	grp, col, n := p.panel(panel)
	for slot := range p.taps {
		from := w[p.weights.base(p.tapAt(panel, slot))+grp*p.weights.group+col*p.weights.j:]
		packBlock(p.k, dst, p.k.NR, from, p.weights.k, p.weights.j, p.depth, n)
		dst = dst[p.depth*p.k.NR:]
	}
}

// packHalf is pack into half precision, of a dense layer.
func (p *pass) packHalf(dst []uint16, w []float32) (exact bool) {
	if int64(len(dst)) != p.packedLen() {
		panic("conv: PackHalf: dst of the wrong length")
	}
	floats := make([]float32, p.panelLen())
	exact = true
	for panel := range p.panels {
		p.packPanel(floats, w, panel)
		for i, v := range floats {
			dst[i] = half.Narrow(v)
		}
		dst = dst[len(floats):]
		exact = exact && half.Exact(floats)
	}
	return exact
}

// checkEpilogue panics unless e has a value for every channel or feature.
func (p *pass) checkEpilogue(e Epilogue) {
	if e.Bias != nil && len(e.Bias) != p.biasLen() {
		panic("conv: Forward: bias of the wrong length")
	}
	if e.Scale != nil && (!p.dense || e.Bias == nil || len(e.Scale) != p.biasLen()) {
		panic("conv: Forward: scale of the wrong length, without a bias or of no dense layer")
	}
}

// packBlock: dst[k*nr+j] = w[k*sk+j*sj] for k < depth, j < n, and 0 for n <= j < nr. One of sk and sj is 1.
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

// panel returns a column panel's group, first column in it and columns. Those of
// a dense layer count on from output position to output position.
func (p *pass) panel(i int) (grp, col, n int) {
	if p.dense {
		col = i % p.perPosition * p.k.NR
		return 0, col, min(p.k.NR, p.cols-col)
	}
	each := p.panels / p.groups
	grp, col = i/each, i%each*p.k.NR
	return grp, col, min(p.k.NR, p.cols-col)
}

// run computes part of dst.
func (p *pass) run(ws *Workspace, dst, src, packed []float32, halves []uint16, e Epilogue, part Share) {
	if part.N0 < 0 || part.N1 < part.N0 || part.N1 > p.src.N || part.P0 < 0 || part.P1 < part.P0 || part.P1 > p.units() {
		panic("conv: bad part")
	}
	checkBuffer(src, p.src, part.N1)
	checkBuffer(dst, p.dst, part.N1)
	if int64(len(packed)+len(halves)) != p.packedLen() {
		panic("conv: packed weights of the wrong length")
	}
	if part.N0 == part.N1 {
		return
	}
	for u := part.P0; u < part.P1; {
		// Neighbouring bands of a panel are computed as one, and so are whole panels.
		w := window{n0: part.N0, n1: part.N1, panel: u / p.bands, panels: 1, from: u % p.bands}
		w.to = min(p.bands, w.from+part.P1-u)
		if w.from == 0 && w.to == p.bands {
			w.panels = (part.P1 - u) / p.bands
		}
		u += (w.to - w.from) * w.panels
		switch {
		case p.how == filtered:
			p.filter.run(ws, dst, src, packed, e, w.n0, w.n1, w.panel, w.panel+w.panels)
		case p.how == thinOutput:
			p.thinOutput(ws, dst, src, packed, e, w)
		case p.how == single:
			p.single(ws, dst, src, packed, e, w)
		case p.dense:
			from := w.panel * p.panelLen()
			if halves != nil {
				p.byFeature(ws, dst, src, nil, halves[from:], e, w)
			} else {
				p.byFeature(ws, dst, src, packed[from:], nil, e, w)
			}
		case w.n1-w.n0 >= p.imageRows():
			p.byPosition(ws, dst, src, packed, e, w)
		default:
			p.byLine(ws, dst, src, packed, e, w)
		}
	}
}

// window is what one call computes: images [n0, n1), panels from panel on, and
// bands [from, to) of each.
type window struct{ n0, n1, panel, panels, from, to int }

// positions returns the dst positions of bands [from, to).
func (p *pass) positions(from, to int) (int, int) {
	return bandLine(p.dst.H, p.bands, from) * p.dst.W, bandLine(p.dst.H, p.bands, to) * p.dst.W
}

// bandLine returns the first line of a band; bands are nearly equal runs of lines.
func bandLine(lines, bands, band int) int {
	return band*(lines/bands) + min(band, lines%bands)
}
