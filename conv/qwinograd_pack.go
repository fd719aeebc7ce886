package conv

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// How weights become those of an exact Winograd plan, U = G w G^T.

// packedLen is the length of all planes' packed weights.
func (p *qwinograd) packedLen() int { return len(p.products) * p.src.C * p.dst.C }

// maxHigh is how many weights may have high halves: to repair one takes as long as some 40
// products. Of the embedded model's first convolution one in 660 has.
func (p *qwinograd) maxHigh() int { return max(p.high, p.packedLen()/256) }

func (p *qwinograd) weightBytes() int64 {
	return 2*int64(p.packedLen()) + 4*int64(len(p.sets.taps)*p.dst.C+p.dst.C+3*p.maxHigh()+len(p.products)+1)
}

// tap is the number of a tap of the transposed convolution in the layer's weights.
func (p *qwinograd) tap(ky, kx int) int {
	if p.flip {
		ky, kx = p.kernelH()-1-ky, p.kw-1-kx
	}
	return ky*p.kw + kx
}

func (p *qwinograd) kernelH() int { return p.ys.taps[0] + p.ys.taps[1] }

// fits tells whether all sums stay within what the shift at the end leaves of 32 bits.
func (p *qwinograd) fits(l QLayer) bool {
	limit := (int32(1)<<(31-p.shift) - 1) / 128
	if p.src.C*p.ys.taps[0]*p.xs.taps[0]*127 <= int(limit) {
		return true
	}
	wi := p.weights
	sums := make([]int32, p.dst.C)
	for py := range p.ys.stride {
		for px := range p.xs.stride {
			clear(sums)
			for ky := py; ky < p.kernelH(); ky += p.ys.stride {
				for kx := px; kx < p.kw; kx += p.xs.stride {
					for k := range p.src.C {
						for c, w := range l.Weights[wi.base(p.tap(ky, kx))+k*wi.k:][:p.dst.C] {
							v := int32(w)
							sums[c] += max(v, -v)
						}
					}
				}
			}
			for _, s := range sums {
				if s > limit {
					return false
				}
			}
		}
	}
	return true
}

// pack fills w, unless the weights do not fit: then it reports false.
func (p *qwinograd) pack(w *QWeights, l QLayer) bool {
	if !p.fits(l) {
		return false
	}
	transformed := arena.Shorts(p.packedLen())
	high := make([][]highHalf, len(p.products))
	x := newExactKernel(p)
	for k := 0; k < p.src.C; k += exactDepth {
		x.along(l.Weights, k)
		for i, q := range p.products {
			x.value(q)
			x.interleave(transformed[i*p.src.C*p.dst.C:][:p.src.C*p.dst.C], k)
			if x.grows(q) {
				high[i] = x.highHalves(high[i], q, k)
			}
		}
	}
	w.highOf = make([]int32, 1, len(high)+1)
	for _, list := range high {
		w.highOf = append(w.highOf, w.highOf[len(w.highOf)-1]+int32(len(list)))
	}
	if int(w.highOf[len(high)]) > p.maxHigh() {
		w.highOf = nil
		return false
	}
	w.transformed, w.high = transformed, slices.Concat(high...)
	p.packStarts(w, l)
	return true
}

// packStarts fills in start and scale.
func (p *qwinograd) packStarts(w *QWeights, l QLayer) {
	wi, n := p.weights, p.dst.C
	w.scale = append(w.scale, l.Scale...)
	sums := make([]int32, len(l.Weights)/p.src.C) // of each tap's channels
	for at := 0; at < len(sums); at += n {
		for k := range p.src.C {
			for c, v := range l.Weights[wi.base(at/n)+k*wi.k:][:n] {
				sums[at+c] += int32(v)
			}
		}
	}
	w.start = make([]int32, len(p.sets.taps)*n)
	for i, taps := range p.sets.taps {
		row := w.start[i*n:][:n]
		copy(row, l.Bias)
		for _, t := range taps {
			for c, v := range sums[int(t)*n:][:n] {
				row[c] -= l.InZero * v
			}
		}
	}
}

// exactDepth is how many input channels are transformed together.
const exactDepth = 16

// exactKernel transforms the kernel between exactDepth input channels and all output channels.
type exactKernel struct {
	*qwinograd
	n     int        // weights of a tap
	gx    [2][]int16 // G along x of each phase, columns in the order of the layer's weights
	lines [2][]int16 // of each phase along x: (slot, line of the kernel, weight)
	v     []int16    // a plane
	e     simd.Evaluation
}

func newExactKernel(p *qwinograd) *exactKernel {
	x := &exactKernel{qwinograd: p, n: exactDepth * p.dst.C}
	x.v = make([]int16, x.n)
	for px := range p.xs.stride {
		x.lines[px] = make([]int16, len(p.xs.slots[px])*p.kernelH()*x.n)
		for _, point := range p.xs.slots[px] {
			row := shorts(valueAt(point, p.xs.taps[px]))
			if p.flip {
				slices.Reverse(row)
			}
			x.gx[px] = append(x.gx[px], row...)
		}
	}
	return x
}

func shorts(v []int32) []int16 {
	s := make([]int16, len(v))
	for i, u := range v {
		s[i] = int16(u)
	}
	return s
}

// along transforms the weights of input channels from k on along x.
func (x *exactKernel) along(w []int8, k int) {
	for px := range x.xs.stride {
		first := px // tap
		if x.flip {
			first = x.kw - 1 - (x.xs.stride*(x.xs.taps[px]-1) + px)
		}
		for ky := range x.kernelH() {
			line := ky
			if x.flip {
				line = x.kernelH() - 1 - ky
			}
			x.e = simd.Evaluation{
				Dst: x.lines[px][ky*x.n:], DS: x.kernelH() * x.n, Bytes: w[x.weights.base(line*x.kw+first)+k*x.weights.k:], SS: x.xs.stride * x.weights.tap,
				M: x.gx[px], Rows: len(x.xs.slots[px]), Cols: x.xs.taps[px], N: x.n, Count: 1,
			}
			x.k.Evaluate(&x.e)
		}
	}
}

// from is a plane's weights before they are transformed along y: line a of its phase at a*stride*n.
func (x *exactKernel) from(q exactPlane) []int16 {
	return x.lines[q.px][(q.slot*x.kernelH()+q.py)*x.n:]
}

// value makes the low halves of a plane's weights.
func (x *exactKernel) value(q exactPlane) {
	g := shorts(valueAt(q.i, x.ys.taps[q.py]))
	x.e = simd.Evaluation{Dst: x.v, Src: x.from(q), SS: x.ys.stride * x.n, M: g, Rows: 1, Cols: len(g), N: x.n, Count: 1}
	x.k.Evaluate(&x.e)
}

// interleave puts the plane's weights of channels from k on where simd.Packed16 says.
func (x *exactKernel) interleave(dst []int16, k int) {
	cols := x.dst.C
	for panel := 0; panel < cols; panel += simd.Lanes16 {
		for d := 0; d < exactDepth; d += 2 {
			to := (*[2 * simd.Lanes16]int16)(dst[simd.Packed16(x.src.C, panel/simd.Lanes16, k+d, 0):])
			a, b := (*[simd.Lanes16]int16)(x.v[d*cols+panel:]), (*[simd.Lanes16]int16)(x.v[(d+1)*cols+panel:])
			for j := range a {
				to[2*j], to[2*j+1] = a[j], b[j]
			}
		}
	}
}

// grows tells whether a plane's weights may need more than 16 bits.
func (x *exactKernel) grows(q exactPlane) bool {
	size := func(point, taps int) (n int32) {
		for _, f := range valueAt(point, taps) {
			n += max(f, -f)
		}
		return n
	}
	return 127*size(q.i, x.ys.taps[q.py])*size(q.j, x.xs.taps[q.px]) > math.MaxInt16
}

// highHalves appends the high halves of a plane's weights.
func (x *exactKernel) highHalves(list []highHalf, q exactPlane, k int) []highHalf {
	from := x.from(q)
	var g [exactTaps]int32
	var lines [exactTaps][]int16
	n := copy(g[:], valueAt(q.i, x.ys.taps[q.py]))
	for a := range lines { // those that are not there count nothing
		lines[a] = from[min(a, n-1)*x.ys.stride*x.n:][:x.n]
	}
	l0, l1, l2, l3, l4 := lines[0], lines[1], lines[2], lines[3], lines[4]
	for i := range l0 {
		v := g[0]*int32(l0[i]) + g[1]*int32(l1[i]) + g[2]*int32(l2[i]) + g[3]*int32(l3[i]) + g[4]*int32(l4[i])
		if low := int32(int16(v)); v != low {
			list = append(list, highHalf{int32(k + i/x.dst.C), int32(i % x.dst.C), (v - low) >> 16})
		}
	}
	return list
}
