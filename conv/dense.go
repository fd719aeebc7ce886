package conv

import "github.com/gantiny/gantiny/simd"

// A dense layer's weights serve one output position only: they are packed
// position by position, as [position][panel][input position][depth][NR], so that
// a pass reads them in one go.

// planDense plans the taps, which are the source positions, the same for all
// panels.
func (p *pass) planDense() {
	p.perPosition = p.panels
	p.taps, p.panels, p.bands = p.src.Positions(), p.dst.Positions()*p.panels, 1
	for q := range p.taps {
		p.list = append(p.list, simd.Tap{A: q * p.src.Stride, B: q * p.depth * p.k.NR})
	}
}

// denseTap returns the tap that joins a panel's position to source position q.
func (p *pass) denseTap(panel, q int) int {
	at := panel / p.perPosition
	if p.forward {
		q, at = at, q
	}
	return at*p.weights.out + q
}

// byFeature computes w of a dense layer: the panels of a position in one call for
// each image tile, so that rows are written whole. packed or halves holds the
// weights from w's first panel on.
func (p *pass) byFeature(ws *Workspace, dst, src, packed []float32, halves []uint16, e Epilogue, w window) {
	g, nr := &ws.gemm, p.k.NR
	*g = simd.GEMM{Taps: p.list, K: p.depth, LDA: p.src.Row, LDB: p.panelLen(), LDC: p.dst.Row, Slope: e.Slope}
	for panel, end := w.panel, w.panel+w.panels; panel < end; {
		q, first := panel/p.perPosition, panel%p.perPosition
		panels := min(end-panel, p.perPosition-first)
		col := first * nr
		g.Cols = min(panels*nr, p.cols-col)
		if halves != nil {
			g.Half = halves[(panel-w.panel)*p.panelLen():]
		} else {
			g.B = packed[(panel-w.panel)*p.panelLen():]
		}
		at := q*p.dst.C + col
		if e.Bias != nil {
			g.Start, g.Bias = simd.StartBias, whole(e.Bias[at:], ws.bias, g.Cols, panels*nr)
		}
		if e.Scale != nil {
			g.Start, g.Scale = simd.StartZero, whole(e.Scale[at:], ws.scale, g.Cols, panels*nr)
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

// whole returns v's first n values and whatever follows, padded values in all: v
// itself where it is long enough, else a copy in buf.
func whole(v, buf []float32, n, padded int) []float32 {
	if len(v) >= padded {
		return v
	}
	copy(buf, v[:n])
	return buf
}

// single computes w of a dense layer of one feature. Its weights are one row,
// contracted with the images as columns: a position of NR images at a time is
// turned over. One column of NR would do with 1/NR of the lanes.
func (p *pass) single(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	nr := p.k.NR
	start, slope := float32(0), e.Slope
	switch {
	case e.Scale != nil:
		slope = 1
	case e.Bias != nil:
		start = e.Bias[0]
	}
	ws.one[0] = simd.Tap{}
	g := &ws.gemm
	*g = simd.GEMM{B: ws.buf[:p.depth*nr], Taps: ws.one[:], Rows: 1, K: p.depth, Start: simd.StartC, Slope: 1}
	for n := w.n0; n < w.n1; n += nr {
		g.Cols = min(nr, w.n1-n)
		if p.dst.Row == 1 {
			g.C = dst[n:][:g.Cols]
		} else {
			g.C = ws.buf[p.depth*nr:][:g.Cols]
		}
		for i := range g.C {
			g.C[i] = start
		}
		for q := range p.taps {
			p.k.Transpose(ws.buf, nr, src[q*p.src.Stride+n*p.src.Row:], p.src.Row, g.Cols, p.depth)
			g.A = packed[q*p.depth:][:p.depth]
			if q == p.taps-1 {
				g.Slope = slope
			}
			p.k.GEMM(g)
		}
		g.Slope = 1
		if e.Scale != nil {
			p.k.Affine(g.C, g.C, e.Scale, e.Bias, e.Slope)
		}
		if p.dst.Row > 1 {
			for i, v := range g.C {
				dst[(n+i)*p.dst.Row] = v
			}
		}
	}
	*g = simd.GEMM{}
}

// unpackedLen is the scratch of unpacked.
func (p *pass) unpackedLen() int {
	if p.how == single {
		return 0
	}
	return p.perPosition * p.panelLen()
}

// unpacked computes all images at dst position q of a dense layer from weights
// that it packs itself.
func (p *pass) unpacked(ws *Workspace, dst, src, w []float32, e Epilogue, q int) {
	packed := ws.buf[:p.unpackedLen()]
	at := window{n1: p.src.N, panel: q * p.perPosition, panels: p.perPosition}
	for i := range p.perPosition {
		p.packPanel(packed[i*p.panelLen():][:p.panelLen()], w, at.panel+i)
	}
	p.byFeature(ws, dst, src, packed, nil, e, at)
}

// positionGrad computes the weight gradient of n images at position q of the vector side,
// whose values there alone vec holds.
func (p *weightPass) positionGrad(ws *Workspace, dw, bc, vec []float32, n, q int) {
	packedBc, packedVec := ws.buf[:p.bcLen()], ws.buf[p.bcLen():][:p.vecLen()]
	tiles := p.vecPanels * len(p.rows)
	for n0 := 0; n0 < n; n0 += p.nb {
		images := min(p.nb, n-n0)
		p.packBroadcast(packedBc, bc[n0*p.bc.Row:], images, 0, tiles)
		for t := 0; t < tiles; {
			from := t
			t = min(tiles, p.groupEnd(t))
			p.packVectors(packedVec, vec[n0*p.vec.Row:], from, t, here[:], images)
			p.tiles(ws, dw, packedBc, packedVec, &p.phases[q], from, t, images, n0 > 0, &sources{})
		}
	}
}

// here is the list of a single position.
var here [1]int32
