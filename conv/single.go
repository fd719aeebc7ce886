package conv

import "github.com/gantiny/gantiny/simd"

// singlePass is a dense layer of one feature. Its weights are one row, which is contracted
// with images as columns: a position of NR images at a time is transposed. With the feature
// as the column, 1/NR of the lanes would work.
type singlePass struct{ pass }

func (p *singlePass) packedLen() int64 { return int64(p.taps) * int64(p.depth) }

// scratch is a tile of images and its sums.
func (p *singlePass) scratch() int { return (p.depth + 1) * p.nr }

func (p *singlePass) pack(_ *Workspace, dst, w []float32) { copy(dst, w) }

func (p *singlePass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	start, slope := float32(0), e.Slope
	switch {
	case e.Scale != nil:
		slope = 1
	case e.Bias != nil:
		start = e.Bias[0]
	}
	ws.one[0] = simd.Tap{}
	g := &ws.gemm
	*g = simd.GEMM{B: ws.buf[:p.tapLen()], Taps: ws.one[:], Rows: 1, K: p.depth, Start: simd.StartC, Slope: 1}
	for n := w.n0; n < w.n1; n += p.nr {
		g.Cols = min(p.nr, w.n1-n)
		if p.dst.Row == 1 {
			g.C = dst[n:][:g.Cols]
		} else {
			g.C = ws.buf[p.tapLen():][:g.Cols]
		}
		for i := range g.C {
			g.C[i] = start
		}
		for q := range p.taps {
			p.k.Transpose(ws.buf, p.nr, src[q*p.src.Stride+n*p.src.Row:], p.src.Row, g.Cols, p.depth)
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
