package geometry

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
)

// Of is that of a Conv2D or ConvTranspose2D that reads images of shape in.
func Of(o model.Op, in model.Shape) conv.Geometry {
	g := conv.Geometry{InH: in.H, InW: in.W, InC: in.C}
	same, pad := false, [4]int{}
	switch o := o.(type) {
	case model.Conv2D:
		g.OutC, g.KH, g.KW, g.StrideH, g.StrideW = o.Filters, o.Kernel[0], o.Kernel[1], o.Stride[0], o.Stride[1]
		g.DilationH, g.DilationW, g.Groups = o.Dilation[0], o.Dilation[1], o.Groups
		same, pad = o.Same, o.Pad
	case model.ConvTranspose2D:
		g.OutC, g.KH, g.KW, g.StrideH, g.StrideW = o.Filters, o.Kernel[0], o.Kernel[1], o.Stride[0], o.Stride[1]
		g.DilationH, g.DilationW, g.Groups, g.Transposed = o.Dilation[0], o.Dilation[1], o.Groups, true
		g.OutPadH, g.OutPadW = o.OutPad[0], o.OutPad[1]
		same, pad = o.Same, o.Pad
	}
	if same {
		return g.SamePads()
	}
	g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = pad[0], pad[1], pad[2], pad[3]
	return g
}
