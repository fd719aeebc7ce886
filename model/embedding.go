package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Embedding turns a class into a vector of its own: y = weight[class].
// Parameter: weight (classes, Dim).
type Embedding struct {
	Dim int `json:"dim"`
}

func init() { Register[Embedding]() }

// Kind returns "embedding".
func (Embedding) Kind() string { return "embedding" }

// Infer returns a vector of Dim features; the input must be a class.
func (l Embedding) Infer(in []Spec) (Spec, error) {
	if len(in) != 1 || in[0].Type.Kind != Class {
		return Spec{}, fmt.Errorf("%w: inputs %v, want one class", ErrShape, in)
	}
	return Floats(Flat(l.Dim)), nil
}

// Params lists weight.
func (l Embedding) Params(in []Spec) []Param {
	n := in[0].Type.Classes
	return []Param{{Name: "weight", Shape: []int{n, l.Dim}, Trainable: true, FanIn: n, FanOut: l.Dim}}
}

// Reference: y = weight[class].
func (l Embedding) Reference(y []float64, x, p [][]float64, _ []Spec) {
	copy(y, p[0][int(x[0][0])*l.Dim:])
}

// keeps: Backward reads the classes only.
func (Embedding) keeps() (limit, output need) { return never, nothing }

// Lower: see embedding.
func (Embedding) Lower(at *Lowering) (Kernel, error) { return &embedding{at.Params[0]}, nil }

// LowerTraining: see embedding.
func (Embedding) LowerTraining(at *Lowering) (TrainKernel, error) {
	return &embedding{at.Params[0]}, nil
}

// quantize: see QEmbedding.
func (l Embedding) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	v := q.graph.add(n.Name, QEmbedding{Dim: l.Dim, Output: out}, q.of(n.In[0]))
	if q.graph.err == nil {
		rows := make([]int8, n.Params[0].Len())
		out.Quantize(rows, n.Params[0].Data)
		v.Node.Params[0].Int8 = rows
	}
	return v, nil
}

// embedding is an Embedding on layouts.
type embedding struct{ weight *Param }

// Forward: y = weight[class].
func (o *embedding) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	if p0, p1 := s.Of(1); p0 == p1 { // another share has the one position
		return
	}
	for n := s.N0; n < s.N1; n++ {
		copy(y.At(0, n), o.weight.Data[int(x[0].Class[n])*y.C:])
	}
}

// Backward has nothing to do: a class has no gradient.
func (*embedding) Backward(*Worker, []Tensor, Tensor, []Tensor, Tensor, Share) {}

// ParamGrad: dweight[class] += dy, image by image.
func (o *embedding) ParamGrad(_ *Worker, dp [][]float32, dy Tensor, x []Tensor, _ Tensor, s Share) {
	lo, hi := s.Of(len(dp[0]))
	for n := range dy.N {
		first := int(x[0].Class[n]) * dy.C
		row := dy.At(0, n)
		for i := max(lo, first); i < min(hi, first+dy.C); i++ {
			dp[0][i] += row[i-first]
		}
	}
}
