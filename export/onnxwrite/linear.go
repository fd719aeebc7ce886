package onnxwrite

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/export/internal/geometry"
)

var linearRules = map[string]rule{
	"dense":           dense,
	"conv2d":          convolution,
	"convtranspose2d": convolution,
	"embedding":       embedding,
}

// dense: Gemm on (in, units).
func dense(s *step) string {
	in := []string{s.in[0].name, s.vector(0)}
	if len(s.Params) > 1 {
		in = append(in, s.vector(1))
	}
	return s.add("Gemm", in)
}

func embedding(s *step) string {
	return s.add("Gather", []string{s.vector(0), s.in[0].name}, attr{"axis", 0})
}

func convolution(s *step) string {
	g := geometry.Of(s.Op, s.in[0].Shape)
	p := s.param(0)
	to, order := kernelOrder(g)
	in := []string{s.image(s.in[0]), s.floats(s.paramName(0), to, reordered(p.Data, order)...)}
	if len(s.Params) > 1 {
		in = append(in, s.vector(1))
	}
	return s.fromImage(s.conv(g, in), s.Out.Shape)
}

// conv adds a Conv or ConvTranspose of images.
func (s *step) conv(g conv.Geometry, in []string) string {
	attrs := []attr{
		{"kernel_shape", []int{g.KH, g.KW}}, {"strides", []int{g.StrideH, g.StrideW}},
		{"dilations", []int{g.DilationH, g.DilationW}}, {"group", g.Groups},
	}
	if !g.Transposed {
		return s.add("Conv", in, append(attrs, attr{"pads", []int{g.PadTop, g.PadLeft, g.PadBottom, g.PadRight}})...)
	}
	// What is cropped at the end and what is added there make one number.
	endH, endW := g.PadBottom-g.OutPadH, g.PadRight-g.OutPadW
	attrs = append(attrs, attr{"pads", []int{g.PadTop, g.PadLeft, max(endH, 0), max(endW, 0)}})
	if endH < 0 || endW < 0 {
		attrs = append(attrs, attr{"output_padding", []int{max(-endH, 0), max(-endW, 0)}})
	}
	return s.add("ConvTranspose", in, attrs...)
}

// kernelOrder returns ONNX's shape of weights and, for each of its elements, where gantiny has it
// among (KH, KW, Ci/Groups, Filters): (Filters, Ci/Groups, KH, KW) of a convolution and (Ci,
// Filters/Groups, KH, KW) of a transposed one.
func kernelOrder(g conv.Geometry) (shape, from []int) {
	ci, co, taps := g.InC/g.Groups, g.OutC/g.Groups, g.KH*g.KW
	from = make([]int, 0, taps*ci*g.OutC)
	if !g.Transposed {
		for o := range g.OutC {
			for i := range ci {
				for t := range taps {
					from = append(from, (t*ci+i)*g.OutC+o)
				}
			}
		}
		return []int{g.OutC, ci, g.KH, g.KW}, from
	}
	for i := range g.InC {
		for o := range co {
			for t := range taps {
				from = append(from, (t*ci+i%ci)*g.OutC+i/ci*co+o)
			}
		}
	}
	return []int{g.InC, co, g.KH, g.KW}, from
}

func reordered[T any](x []T, from []int) []T {
	y := make([]T, len(from))
	for i, k := range from {
		y[i] = x[k]
	}
	return y
}
