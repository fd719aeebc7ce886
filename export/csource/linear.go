package csource

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
)

var linearRules = map[string]rule{
	"qlatents":   {write: func(s *step) { s.Program.step, s.input = s.Op.(model.QLatents).Step, s.out.at() }},
	"qlinear":    {write: linear},
	"qembedding": {write: embedding},
	"qreshape":   {view: true},
}

func embedding(s *step) {
	table := constant(s.Program, s.params[0].Int8)
	n := s.Op.(model.QEmbedding).Dim
	s.call(nil, "memcpy(%s, %s + (size_t)%d * (size_t)class, %d)", s.out.at(), table, n, n)
}

// linear writes a QLinear. A fully connected one is a convolution of one position whose channels
// are all features.
func linear(s *step) {
	o := s.Op.(model.QLinear)
	g := o.Geometry
	outH, outW, err := g.Out()
	if err != nil {
		s.refuse("%v", err)
		return
	}
	if g.IsDense() {
		g = conv.Geometry{
			InH: 1, InW: 1, InC: g.InH * g.InW * g.InC, OutC: g.DenseH * g.DenseW * g.OutC,
			KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
		}
		outH, outW = 1, 1
	}
	for _, reach := range [][4]int{{outH, g.StrideH, g.KH, g.DilationH}, {outW, g.StrideW, g.KW, g.DilationW}} {
		if int64(reach[0])*int64(reach[1])+int64(reach[2])*int64(reach[3]) > maxFeatures || max(g.PadTop, g.PadLeft) > maxFeatures {
			s.refuse("its strides and dilations are too large")
			return
		}
	}
	s.taps = max(s.taps, g.KH*g.KW)
	weight, bias, scale := constant(s.Program, filterMajor(s.params[0].Int8, g)), constant(s.Program, s.params[1].Int32), constant(s.Program, s.params[2].Data)
	transposed := 0
	if g.Transposed {
		transposed = 1
	}
	const bytes = 3*4 + 19*4
	l := s.structure("linear", bytes, weight, bias, scale, o.Slope, s.in[0].Type.Zero, o.Output.Zero,
		g.InH, g.InW, g.InC, outH, outW, g.OutC, g.KH, g.KW, g.Groups, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.PadTop, g.PadLeft, transposed)
	if o.Tanh {
		s.call([]string{"nearest", "tanh", "linear", "linear_pixels"}, "linear_pixels(pixels, %s, &%s)", s.in[0].at(), l)
		return
	}
	s.call([]string{"nearest", "requantize", "linear", "linear_bytes"}, "linear_bytes(%s, %s, &%s)", s.out.at(), s.in[0].at(), l)
}

// filterMajor returns weights (tap, channel, filter) as (filter, tap, channel): the sums of a
// filter read them one after another.
func filterMajor(w []int8, g conv.Geometry) []int8 {
	rows := g.KH * g.KW * g.InC / g.Groups
	to := make([]int8, len(w))
	for f := range g.OutC {
		for r := range rows {
			to[f*rows+r] = w[r*g.OutC+f]
		}
	}
	return to
}
