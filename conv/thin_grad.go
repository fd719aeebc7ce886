package conv

import (
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// thinGrad is the weight gradient of a thin layer, 1 -> 64 or 64 -> 1. The
// thin side, whose positions each small position meets as a whole kernel, is
// written image by image as padded planes. There the taps of one kernel row
// are contiguous, so they are the rows of an Outer whose contraction runs over
// all positions and images, with the other side read in place:
//
//	dw[ky, kx, c][j] = Σ_position Σ_image plane[image][c][y*s+ky, x*s+kx] * other[position][image][j]
//
// Every tap meets every position, padding included: 9% more than exact for the
// reference network, and no packing of taps.
type thinGrad struct {
	k        *simd.Kernels
	toInput  bool // the thin side is the input (a convolution), else the output (transposed)
	g        Geometry
	small    Layout // the wide side
	large    Layout // the thin side
	planeH   int
	planeW   int
	imageLen int // floats of one image's planes
	nb       int
	panels   int
	rows     []int      // the taps of a kernel row, cut to MR
	taps     []simd.Tap // every small position
	packed   bool       // small's channels are no multiple of NR: panels are copied
}

// newThinGrad returns nil where this lowering does not apply.
func newThinGrad(g Geometry, in, out Layout, k *simd.Kernels) *thinGrad {
	if g.IsDense() || g.Groups > 1 || g.DilationW != 1 || g.KH*g.KW == 1 {
		return nil
	}
	t := &thinGrad{k: k, toInput: !g.Transposed, g: g, small: out, large: in}
	if g.Transposed {
		t.small, t.large = in, out
	}
	if t.large.C > thinChannels {
		return nil
	}
	t.planeH = (t.small.H-1)*g.StrideH + (g.KH-1)*g.DilationH + 1
	t.planeW = (t.small.W-1)*g.StrideW + g.KW
	t.imageLen = t.large.C * t.planeH * t.planeW
	if t.imageLen%16 == 0 {
		t.imageLen++ // images of one tap on different cache sets
	}
	t.nb = blockImages(false, t.small.Positions()*t.small.C*2+t.imageLen, t.small.N)
	t.panels = (t.small.C + k.NR - 1) / k.NR
	t.packed = t.small.C%k.NR != 0
	t.rows = split(g.KW, k.MR)
	t.taps = make([]simd.Tap, t.small.Positions())
	for q := range t.taps {
		t.taps[q] = simd.Tap{A: q/t.small.W*g.StrideH*t.planeW + q%t.small.W*g.StrideW, B: q * t.small.Stride}
		if t.packed {
			t.taps[q].B = q * t.nb * k.NR
		}
	}
	return t
}

func (t *thinGrad) planesLen() int { return t.nb * t.imageLen }

// imagesLen is the length of images of one channel without a frame, which are transposed
// unless they are a window of wider rows.
func (t *thinGrad) imagesLen() int {
	if t.large.Row > 1 {
		return 0
	}
	return t.nb * t.large.Positions()
}

func (t *thinGrad) panelLen() int {
	if !t.packed {
		return 0
	}
	return t.small.Positions() * t.nb * t.k.NR
}

// sumsLen is the length of sums by [c][tap][wide channel], which several output channels
// need because dw has them innermost.
func (t *thinGrad) sumsLen() int {
	if t.toInput || t.large.C == 1 {
		return 0
	}
	return t.g.WeightLen()
}

func (t *thinGrad) scratch() int { return t.planesLen() + t.panelLen() + t.imagesLen() }

func (t *thinGrad) images() int { return t.nb }

// run computes one share of the sums; tiles are ordered by panel, thin channel and kernel
// row.
func (t *thinGrad) run(ws *Workspace, s Sums, x, dy []float32, n, share, shares int) {
	kernelRows := t.large.C * t.g.KH
	lo, hi := pool.Split(t.panels*kernelRows, shares, share)
	if lo == hi {
		return
	}
	wideBuf, thinBuf := dy, x
	if !t.toInput {
		wideBuf, thinBuf = x, dy
	}
	planes, rest := cut(ws.buf, t.planesLen())
	panel, rest := cut(rest, t.panelLen())
	plain, _ := cut(rest, t.imagesLen())
	if n == 0 && s.Add {
		return
	}
	for n0 := 0; n0 < max(n, 1); n0 += t.nb {
		images := min(t.nb, n-n0)
		t.fillPlanes(planes, plain, thinBuf[n0*t.large.Row:], images)
		o := &ws.outer
		*o = simd.Outer{Taps: t.taps, K: images, LDA: t.imageLen, LDB: t.small.Row, Accumulate: s.Add || n0 > 0}
		for tile := lo; tile < hi; tile++ {
			v, c, ky := tile/kernelRows, tile/t.g.KH%t.large.C, tile%t.g.KH
			o.Cols = min(t.k.NR, t.small.C-v*t.k.NR)
			switch {
			case !t.packed:
				o.B = wideBuf[n0*t.small.Row+v*t.k.NR:]
			case tile == lo || tile%kernelRows == 0:
				t.packPanel(panel, wideBuf[n0*t.small.Row+v*t.k.NR:], images, o.Cols)
				o.B, o.LDB = panel, t.k.NR
			}
			kx := 0
			for _, o.Rows = range t.rows {
				o.A = planes[(c*t.planeH+ky*t.g.DilationH)*t.planeW+kx:]
				o.C, o.LDC = t.tile(s.DW, s.Workspace[:t.sumsLen()], v, c, ky*t.g.KW+kx)
				t.k.Outer(o)
				kx += o.Rows
			}
		}
	}
}

// finish brings one share of the sums into dw's order.
func (t *thinGrad) finish(_ *Workspace, s Sums, share, shares int) {
	if t.sumsLen() == 0 {
		return
	}
	kernelRows := t.large.C * t.g.KH
	lo, hi := pool.Split(t.panels*kernelRows, shares, share)
	for tile := lo; tile < hi; tile++ {
		t.transposeRow(s.DW, s.Workspace, tile/kernelRows, tile/t.g.KH%t.large.C, tile%t.g.KH)
	}
}

// tile returns where the sums of a tap and a panel stand and the distance of taps.
func (t *thinGrad) tile(dw, sums []float32, v, c, tap int) (at []float32, ld int) {
	wide, taps := t.small.C, t.g.KH*t.g.KW
	switch {
	case t.toInput: // dw is (tap, c, wide)
		return dw[(tap*t.large.C+c)*wide+v*t.k.NR:], t.large.C * wide
	case len(sums) > 0: // sums are (c, tap, wide)
		return sums[(c*taps+tap)*wide+v*t.k.NR:], wide
	}
	return dw[tap*wide+v*t.k.NR:], wide // dw is (tap, wide, 1)
}

// transposeRow writes the sums of one kernel row to dw, which is (tap, wide, c).
func (t *thinGrad) transposeRow(dw, sums []float32, v, c, ky int) {
	wide := t.small.C
	for tap := ky * t.g.KW; tap < (ky+1)*t.g.KW; tap++ {
		for j := v * t.k.NR; j < min(wide, (v+1)*t.k.NR); j++ {
			dw[(tap*wide+j)*t.large.C+c] = sums[(c*t.g.KH*t.g.KW+tap)*wide+j]
		}
	}
}

// fillPlanes writes images as planes: [image][c][planeH][planeW], zero where
// the plane lies outside the image.
func (t *thinGrad) fillPlanes(planes, plain, src []float32, images int) {
	clear(planes)
	m, g := t.large, t.g
	if m.Row == 1 {
		each := m.Positions()
		t.k.Transpose(plain, each, src, m.Stride, each, images)
		rows, cols := min(m.H, t.planeH-g.PadTop), min(m.W, t.planeW-g.PadLeft)
		for n := 0; n < images && rows > 0 && cols > 0; n++ {
			t.k.CopyRows(planes[n*t.imageLen+g.PadTop*t.planeW+g.PadLeft:], t.planeW, plain[n*each:], m.W, rows, cols)
		}
		return
	}
	for y := range t.planeH {
		ly := y - g.PadTop
		if ly < 0 || ly >= m.H {
			continue
		}
		for x := max(0, g.PadLeft); x < t.planeW && x-g.PadLeft < m.W; x++ {
			from := src[(ly*m.W+x-g.PadLeft)*m.Stride:]
			for n := range images {
				for c := range m.C {
					planes[n*t.imageLen+(c*t.planeH+y)*t.planeW+x] = from[n*m.Row+c]
				}
			}
		}
	}
}

// packPanel copies a panel of the wide side as [position][image][NR].
func (t *thinGrad) packPanel(dst, src []float32, images, cols int) {
	for q := range t.small.Positions() {
		from, to := src[q*t.small.Stride:], dst[q*t.nb*t.k.NR:]
		for n := range images {
			row := to[n*t.k.NR:][:t.k.NR]
			clear(row[copy(row, from[n*t.small.Row:][:cols]):])
		}
	}
}
