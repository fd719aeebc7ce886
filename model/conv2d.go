package model

import (
	"errors"
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// Conv2D is a convolution. Parameters: weight (KH, KW, Ci/Groups, Filters),
// bias (Filters).
type Conv2D struct {
	Filters  int    `json:"filters"`
	Kernel   [2]int `json:"kernel"`         // rows, columns
	Stride   [2]int `json:"stride"`         // rows, columns; 1 if unset
	Dilation [2]int `json:"dilation"`       // rows, columns; 1 if unset
	Groups   int    `json:"groups"`         // 1 if unset
	Same     bool   `json:"same,omitempty"` // TensorFlow's SAME padding in place of Pad
	Pad      [4]int `json:"pad,omitzero"`   // zeros above, below, left, right of the input
	Bias     bool   `json:"bias"`
}

// Kind returns "conv2d".
func (Conv2D) Kind() string { return "conv2d" }

// Output returns the shape of the feature maps.
func (l Conv2D) Output(in Shape) (Shape, error) {
	return kernelOutput(in, l.Filters, l.Same, l.Pad, l.base(in))
}

func (l Conv2D) params(in Shape) []Param {
	return kernelParams(l.Kernel, in.C/l.Groups, l.Filters, l.Bias)
}

func (l Conv2D) withDefaults() Layer {
	setOnes(&l.Stride[0], &l.Stride[1], &l.Dilation[0], &l.Dilation[1], &l.Groups)
	return l
}

func (l Conv2D) geometry(in, _ Shape) (conv.Geometry, error) {
	return padded(l.base(in), l.Same, l.Pad)
}

// base is the geometry without padding.
func (l Conv2D) base(in Shape) conv.Geometry {
	return conv.Geometry{
		InH: in.H, InW: in.W, InC: in.C, OutC: l.Filters,
		KH: l.Kernel[0], KW: l.Kernel[1], StrideH: l.Stride[0], StrideW: l.Stride[1],
		DilationH: l.Dilation[0], DilationW: l.Dilation[1], Groups: l.Groups,
	}
}

// padded adds the padding of a layer to its geometry.
func padded(g conv.Geometry, same bool, pad [4]int) (conv.Geometry, error) {
	if !same {
		g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = pad[0], pad[1], pad[2], pad[3]
		return g, nil
	}
	if pad != [4]int{} || g.OutPadH != 0 || g.OutPadW != 0 {
		return g, errors.New("SAME and explicit padding exclude one another")
	}
	return g.SamePads(), nil
}

// kernelOutput is Output of both kinds of convolution.
func kernelOutput(in Shape, filters int, same bool, pad [4]int, base conv.Geometry) (Shape, error) {
	g, err := padded(base, same, pad)
	if err != nil {
		return Shape{}, fmt.Errorf("%w: %w", ErrShape, err)
	}
	h, w, err := g.Out()
	if err != nil {
		return Shape{}, fmt.Errorf("%w: input %v: %w", ErrShape, in, err)
	}
	return Shape{h, w, filters}, nil
}

// kernelParams lists the parameters of both kinds of convolution.
func kernelParams(kernel [2]int, ci, co int, bias bool) []Param {
	taps := kernel[0] * kernel[1]
	p := []Param{{
		Name: "weight", Shape: []int{kernel[0], kernel[1], ci, co}, Trainable: true,
		fan: [2]int{taps * ci, taps * co},
	}}
	if bias {
		p = append(p, vector("bias", co, zero, true))
	}
	return p
}

// setOnes replaces zeros by 1.
func setOnes(fields ...*int) {
	for _, f := range fields {
		if *f == 0 {
			*f = 1
		}
	}
}
