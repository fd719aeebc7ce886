package model

import "github.com/gantiny/gantiny/conv"

// ConvTranspose2D is a transposed convolution: every input value spreads over
// the output positions that a convolution of the same kernel would have read.
// Parameters: weight (KH, KW, Ci/Groups, Filters), bias (Filters).
type ConvTranspose2D struct {
	Filters  int    `json:"filters"`
	Kernel   [2]int `json:"kernel"`          // rows, columns
	Stride   [2]int `json:"stride"`          // rows, columns; 1 if unset
	Dilation [2]int `json:"dilation"`        // rows, columns; 1 if unset
	Groups   int    `json:"groups"`          // 1 if unset
	Same     bool   `json:"same,omitempty"`  // TensorFlow's SAME: output = input * stride
	Pad      [4]int `json:"pad,omitzero"`    // cropped above, below, left, right of the output
	OutPad   [2]int `json:"outpad,omitzero"` // added below and right of the output
	Bias     bool   `json:"bias"`
}

func init() { Register[ConvTranspose2D]() }

// Kind returns "convtranspose2d".
func (ConvTranspose2D) Kind() string { return "convtranspose2d" }

// Infer returns the shape of the feature maps.
func (l ConvTranspose2D) Infer(in []Spec) (Spec, error) { return inferKernel(l, in) }

// Params lists weight and bias.
func (l ConvTranspose2D) Params(in []Spec) []Param {
	return kernelParams(l.Kernel, in[0].Shape.C/l.Groups, l.Filters, l.Bias)
}

// Reference: see conv.DirectForward.
func (l ConvTranspose2D) Reference(y []float64, x, p [][]float64, in []Spec) {
	referenceKernel(l, y, x[0], p, in[0].Shape)
}

func (l ConvTranspose2D) withDefaults() Op {
	setOnes(&l.Stride[0], &l.Stride[1], &l.Dilation[0], &l.Dilation[1], &l.Groups)
	return l
}

func (l ConvTranspose2D) geometry(in, _ Shape) (conv.Geometry, error) {
	return padded(conv.Geometry{
		InH: in.H, InW: in.W, InC: in.C, OutC: l.Filters,
		KH: l.Kernel[0], KW: l.Kernel[1], StrideH: l.Stride[0], StrideW: l.Stride[1],
		DilationH: l.Dilation[0], DilationW: l.Dilation[1], Groups: l.Groups,
		OutPadH: l.OutPad[0], OutPadW: l.OutPad[1], Transposed: true,
	}, l.Same, l.Pad)
}

func (l ConvTranspose2D) biased() linear {
	l.Bias = true
	return l
}
