package conv

import (
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// How weights become those of an exact Winograd plan, U = G w G^T.

// packedLen is the length of all planes' packed weights.
func (p *qwinograd) packedLen() int { return len(p.products) * p.src.C * p.dst.C }

// maxHigh is how many weights may have high halves: to repair one takes as long as some 40 products.
// Of the embedded model's first convolution one in 660 has.
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
	wide := arena.Shorts(p.packedLen())
	high := make([][]highHalf, len(p.products))
	count, most := 0, p.maxHigh()
	x := newExactKernel(p)
	v := make([]int32, p.dst.C)
	for k := range p.src.C {
		x.along(p, l.Weights[k*p.weights.k:])
		for i, q := range p.products {
			x.value(v, p.ys, q)
			to := wide[i*p.src.C*p.dst.C:]
			for c, u := range v {
				low := int16(u)
				to[simd.Packed16(p.src.C, c/simd.Lanes16, k, c%simd.Lanes16)] = low
				if u != int32(low) {
					high[i] = append(high[i], highHalf{int32(k), int32(c), (u - int32(low)) >> 16})
					count++
				}
			}
		}
		if count > most {
			return false
		}
	}
	w.wide, w.high, w.highOf = wide, make([]highHalf, 0, count), make([]int32, 1, len(high)+1)
	for _, list := range high {
		w.high = append(w.high, list...)
		w.highOf = append(w.highOf, int32(len(w.high)))
	}
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

// exactKernel transforms the kernel between one input channel and all output channels.
type exactKernel struct {
	cols  int
	lines [2][]int32 // of each phase along x: (slot, line of the kernel, column)
}

func newExactKernel(p *qwinograd) *exactKernel {
	x := &exactKernel{cols: p.dst.C}
	for px := range p.xs.stride {
		x.lines[px] = make([]int32, len(p.xs.slots[px])*p.kernelH()*x.cols)
	}
	return x
}

// along transforms along x; w is the channel's weights of tap 0, and those that follow.
func (x *exactKernel) along(p *qwinograd, w []int8) {
	for px := range p.xs.stride {
		for slot, point := range p.xs.slots[px] {
			factors := valueAt(point, p.xs.taps[px])
			for ky := range p.kernelH() {
				to := x.lines[px][(slot*p.kernelH()+ky)*x.cols:][:x.cols]
				clear(to)
				for a, f := range factors {
					if f == 0 {
						continue
					}
					for c, v := range w[p.weights.base(p.tap(ky, p.xs.stride*a+px)):][:x.cols] {
						to[c] += f * int32(v)
					}
				}
			}
		}
	}
}

// value makes v, the weights of a plane, along y.
func (x *exactKernel) value(v []int32, ys *exactAxis, q exactPlane) {
	clear(v)
	lines := ys.taps[0] + ys.taps[1]
	from := x.lines[q.px][q.slot*lines*x.cols:]
	for a, f := range valueAt(q.i, ys.taps[q.py]) {
		if f == 0 {
			continue
		}
		for c, u := range from[(ys.stride*a+q.py)*x.cols:][:x.cols] {
			v[c] += f * u
		}
	}
}
