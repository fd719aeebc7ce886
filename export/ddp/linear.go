package ddp

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/export/internal/geometry"
	"github.com/gantiny/gantiny/model"
)

var linearRules = map[string]rule{
	"dense": func(l *layer) string {
		o := l.Op.(model.Dense)
		return fmt.Sprintf("%s(%s)", l.module("nn.Linear(%d, %d, bias=%s)", l.in[0].Shape.C, o.Units, truth(o.Bias)), l.x())
	},
	"embedding": func(l *layer) string {
		return fmt.Sprintf("%s(%s)", l.module("nn.Embedding(%d, %d)", l.in[0].Type.Classes, l.Out.Shape.C), l.x())
	},
	"conv2d":          convolution,
	"convtranspose2d": transposed,
}

// convolution: PyTorch pads alike on both sides, so what is not alike is padded first.
func convolution(l *layer) string {
	g := geometry.Of(l.Op, l.in[0].Shape)
	x, padding := l.in[0].image(), ""
	if g.PadTop == g.PadBottom && g.PadLeft == g.PadRight {
		if g.PadTop+g.PadLeft > 0 {
			padding = ", padding=" + pair(g.PadTop, g.PadLeft)
		}
	} else {
		x = padded(x, [4]int{g.PadTop, g.PadBottom, g.PadLeft, g.PadRight}, "")
	}
	return l.fromImage(fmt.Sprintf("%s(%s)", l.module("nn.Conv2d(%s%s)", kernel(g, len(l.Params) > 1), padding), x))
}

// kernel is what the constructors of both convolutions have in common.
func kernel(g conv.Geometry, bias bool) string {
	s := fmt.Sprintf("%d, %d, %s", g.InC, g.OutC, pair(g.KH, g.KW))
	if g.StrideH != 1 || g.StrideW != 1 {
		s += ", stride=" + pair(g.StrideH, g.StrideW)
	}
	if g.DilationH != 1 || g.DilationW != 1 {
		s += ", dilation=" + pair(g.DilationH, g.DilationW)
	}
	if g.Groups != 1 {
		s += fmt.Sprintf(", groups=%d", g.Groups)
	}
	return s + ", bias=" + truth(bias)
}

// transposed: PyTorch crops alike on both sides, and adds less than a stride below.
func transposed(l *layer) string {
	g, out := geometry.Of(l.Op, l.in[0].Shape), l.Out.Shape
	h := crop(g.PadTop, g.PadBottom, g.OutPadH, g.StrideH, g.DilationH)
	w := crop(g.PadLeft, g.PadRight, g.OutPadW, g.StrideW, g.DilationW)
	more := ""
	if h.padding+w.padding > 0 {
		more += ", padding=" + pair(h.padding, w.padding)
	}
	if h.output+w.output > 0 {
		more += ", output_padding=" + pair(h.output, w.output)
	}
	y := fmt.Sprintf("%s(%s)", l.module("nn.ConvTranspose2d(%s%s)", kernel(g, len(l.Params) > 1), more), l.in[0].image())
	if h.cuts || w.cuts {
		y += fmt.Sprintf("[:, :, %d:%d, %d:%d]", h.from, h.from+out.H, w.from, w.from+out.W)
	}
	return l.fromImage(y)
}

// cropped is one dimension of a transposed convolution in PyTorch's terms.
type cropped struct {
	padding, output int // cropped on both sides; added at the end
	from            int // where the result begins in what that gives
	cuts            bool
}

// crop is of a dimension that is cropped by before and after, and to whose end outPad is added,
// which is less than the stride or the dilation, as PyTorch wants it.
func crop(before, after, outPad, stride, dilation int) cropped {
	output := before - after + outPad
	switch {
	case output < 0: // crop the rest at the end
		return cropped{padding: before, cuts: true}
	case output < max(stride, dilation):
		return cropped{padding: before, output: output}
	}
	return cropped{output: max(outPad-after, 0), from: before, cuts: true}
}
