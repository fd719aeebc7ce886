package conv

import (
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// densePass is a fully connected layer. Its weights serve one output position only: they
// are packed position by position, as [position][panel][input position][depth][NR], so
// that a pass reads them from one end to the other.
type densePass struct {
	pass
	forward bool
	list    []simd.Tap // the source positions, the same for all panels
}

func newDensePass(p pass, forward bool) *densePass {
	d := &densePass{pass: p, forward: forward}
	for q := range p.taps {
		d.list = append(d.list, simd.Tap{A: q * p.src.Stride, B: q * p.tapLen()})
	}
	return d
}

// tap returns the tap that joins dst position at to source position q.
func (p *densePass) tap(at, q int) int {
	if p.forward {
		q, at = at, q
	}
	return at*p.weights.out + q
}

func (p *densePass) scratch() int { return 0 }

func (p *densePass) pack(_ *Workspace, dst, w []float32) {
	for panel := range p.panels {
		p.packPanel(dst[panel*p.panelLen():], w, panel)
	}
}

func (p *densePass) packPanel(dst, w []float32, panel int) {
	at, col, n := p.panel(panel)
	for q := range p.taps {
		from := w[p.weights.base(p.tap(at, q))+col*p.weights.j:]
		packBlock(p.k, dst[q*p.tapLen():], p.nr, from, p.weights.k, p.weights.j, p.depth, n)
	}
}

// packHalf is pack into half precision. It reports whether that lost nothing.
func (p *densePass) packHalf(dst []uint16, w []float32) (exact bool) {
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

func (p *densePass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	p.byFeature(ws, dst, src, packed[w.panel*p.panelLen():], nil, e, w)
}

// runHalf computes a share of dst with weights in half precision.
func (p *densePass) runHalf(ws *Workspace, dst, src []float32, packed []uint16, e Epilogue, s Share) {
	p.checkCall(dst, src, e, s)
	if int64(len(packed)) != p.packedLen() {
		panic("conv: packed weights of the wrong length")
	}
	for s.N0 < s.N1 && s.P0 < s.P1 {
		w := p.next(&s)
		p.byFeature(ws, dst, src, nil, packed[w.panel*p.panelLen():], e, w)
	}
}

// byFeature computes w: the panels of a position in one call for each image tile, so
// that rows are written whole. packed or halves holds the weights from w's first panel
// on.
func (p *densePass) byFeature(ws *Workspace, dst, src, packed []float32, halves []uint16, e Epilogue, w window) {
	g := &ws.gemm
	*g = simd.GEMM{Taps: p.list, K: p.depth, LDA: p.src.Row, LDB: p.panelLen(), LDC: p.dst.Row, Slope: e.Slope}
	for panel, end := w.panel, w.panel+w.panels; panel < end; {
		q, col, _ := p.panel(panel)
		panels := min(end-panel, (q+1)*p.each-panel)
		g.Cols = min(panels*p.nr, p.cols-col)
		if halves != nil {
			g.Half = halves[(panel-w.panel)*p.panelLen():]
		} else {
			g.B = packed[(panel-w.panel)*p.panelLen():]
		}
		at := q*p.dst.C + col
		if e.Bias != nil {
			g.Start, g.Bias = simd.StartBias, padded(e.Bias[at:], ws.bias, g.Cols, panels*p.nr)
		}
		if e.Scale != nil {
			g.Start, g.Scale = simd.StartZero, padded(e.Scale[at:], ws.scale, g.Cols, panels*p.nr)
		}
		for n := w.n0; n < w.n1; n += g.Rows {
			g.Rows = tileRows(w.n1-n, p.k.MR)
			h := (g.Rows + 1) / 2
			g.ARun, g.CRun = h*g.LDA, h*g.LDC
			g.A, g.C = src[n*p.src.Row:], dst[q*p.dst.Stride+n*p.dst.Row+col:]
			p.k.GEMM(g)
		}
		panel += panels
	}
	*g = simd.GEMM{}
}

// padded returns at least length values, of which the first n are v's: v itself where it
// is long enough, else a copy in buf.
func padded(v, buf []float32, n, length int) []float32 {
	if len(v) >= length {
		return v
	}
	copy(buf, v[:n])
	return buf
}

// unpackedLen is the scratch of unpacked.
func (p *densePass) unpackedLen() int { return p.each * p.panelLen() }

// unpacked computes all images at dst position q from weights that it packs itself.
func (p *densePass) unpacked(ws *Workspace, dst, src, w []float32, e Epilogue, q int) {
	packed := ws.buf[:p.unpackedLen()]
	at := window{n1: p.src.N, panel: q * p.each, panels: p.each}
	for i := range p.each {
		p.packPanel(packed[i*p.panelLen():][:p.panelLen()], w, at.panel+i)
	}
	p.byFeature(ws, dst, src, packed, nil, e, at)
}
