package quantized

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// This file is the reference: a model's arithmetic as plain loops over one image. It shares nothing with plans but the Geometry.

// Reference draws one image: pix is (H, W, C), z one latent.
func (m *Model) Reference(pix []uint8, z []float32) {
	x := make([]int8, len(z))
	quant.Latents(x, z, m.step)
	for i := range m.ops {
		o := &m.ops[i]
		sum := make([]int32, o.Out.Len())
		referenceSums(o, sum, x)
		if i == len(m.ops)-1 {
			quant.TanhPixels(pix, sum, o.Scale)
			return
		}
		x = make([]int8, len(sum))
		for j, s := range sum {
			x[j] = simd.Requantize(s, o.Scale[j%len(o.Scale)], o.Slope, o.Output.Zero)
		}
	}
}

// referenceSums: sum = (x - zero) W + bias.
func referenceSums(o *Op, sum []int32, x []int8) {
	for i := range sum {
		sum[i] = o.Bias[i%len(o.Bias)]
	}
	if o.Geometry.IsDense() {
		for j := range sum {
			for i, v := range x {
				sum[j] += (int32(v) - o.Input.Zero) * int32(o.Weight[i*len(sum)+j])
			}
		}
		return
	}
	g := o.Geometry
	ci, co := g.InC/g.Groups, g.OutC/g.Groups
	eachLink(g, o.Out.H, o.Out.W, func(in, out, tap int) {
		for c := range g.OutC {
			from := in*g.InC + c/co*ci
			for k := range ci {
				sum[out*g.OutC+c] += (int32(x[from+k]) - o.Input.Zero) * int32(o.Weight[(tap*ci+k)*g.OutC+c])
			}
		}
	})
}

// eachLink calls f for every input position and output position that meet, and the tap through which they do.
func eachLink(g conv.Geometry, h, w int, f func(in, out, tap int)) {
	smallH, smallW, largeH, largeW := h, w, g.InH, g.InW
	if g.Transposed {
		smallH, smallW, largeH, largeW = largeH, largeW, smallH, smallW
	}
	for y := range smallH {
		for x := range smallW {
			for ky := range g.KH {
				for kx := range g.KW {
					ly, lx := y*g.StrideH+ky*g.DilationH-g.PadTop, x*g.StrideW+kx*g.DilationW-g.PadLeft
					if ly < 0 || ly >= largeH || lx < 0 || lx >= largeW {
						continue
					}
					small, large := y*smallW+x, ly*largeW+lx
					if g.Transposed {
						f(small, large, ky*g.KW+kx)
					} else {
						f(large, small, ky*g.KW+kx)
					}
				}
			}
		}
	}
}
