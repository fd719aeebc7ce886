package model

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// QEmbedding turns a class into a vector of bytes of its own: y = weight[class].
// Parameter: weight (int8, (classes, Dim)).
type QEmbedding struct {
	Dim    int          `json:"dim"`
	Output quant.Params `json:"output"`
}

func init() { Register[QEmbedding]() }

// Kind returns "qembedding".
func (QEmbedding) Kind() string { return "qembedding" }

// Infer returns a vector of Dim bytes; the input must be a class.
func (o QEmbedding) Infer(in []Spec) (Spec, error) {
	if len(in) != 1 || in[0].Type.Kind != Class {
		return Spec{}, fmt.Errorf("%w: inputs %v, want one class", ErrShape, in)
	}
	return bytesTo(Flat(o.Dim), o.Output, nil)
}

// Params lists weight.
func (o QEmbedding) Params(in []Spec) []Param {
	return []Param{{Name: "weight", Shape: []int{in[0].Type.Classes, o.Dim}, array: int8s}}
}

func (o QEmbedding) exact(y *bytesOf, x []*bytesOf, _ []Spec, p []*Param) {
	copy(y.q, p[0].Int8[int(x[0].class)*o.Dim:])
}

// qembedding is a QEmbedding on layouts.
type qembedding struct{ weight []int8 }

// Lower copies the rows.
func (QEmbedding) Lower(l *Lowering) (Kernel, error) {
	return &qembedding{slices.Clone(l.Params[0].Int8)}, nil
}

// Forward: y = weight[class].
func (k *qembedding) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	if p0, p1 := s.Of(1); p0 == p1 { // another share has the one position
		return
	}
	for n := s.N0; n < s.N1; n++ {
		copy(y.row(0, n), k.weight[int(x[0].Class[n])*y.C:])
	}
}
