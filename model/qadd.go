package model

import (
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QAdd is an Add of bytes in steps of their own:
//
//	y = clamp(round(((x0-zero0)*m0 + (x1-zero1)*m1) / 2^shift) + Output.Zero)
//
// where mi / 2^shift are scalei / Output.Scale as quant.Fixed(21) writes them, and halves are
// rounded up. The second input has one of the shapes that Add takes.
type QAdd struct {
	Output quant.Params `json:"output"`
}

func init() { Register[QAdd]() }

// Kind returns "qadd".
func (QAdd) Kind() string { return "qadd" }

// Infer returns bytes of the first input's shape.
func (o QAdd) Infer(in []Spec) (Spec, error) { return inferPair(in, o.Output, o.factors) }

// Params returns none.
func (QAdd) Params([]Spec) []Param { return nil }

func (o QAdd) factors(in []Spec) (m []int64, shift int, err error) {
	out := float64(o.Output.Scale)
	return quant.Fixed(21, float64(in[0].Type.Scale)/out, float64(in[1].Type.Scale)/out)
}

func (o QAdd) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	how, _ := int8Pair(in)
	m, shift, _ := o.factors(in)
	how.reference(in[0].Shape, func(i, j int) {
		sum := (int64(x[0].q[i])-int64(in[0].Type.Zero))*m[0] + (int64(x[1].q[j])-int64(in[1].Type.Zero))*m[1]
		y.q[i] = quant.Saturate(quant.Shift(sum, shift) + int64(o.Output.Zero))
	})
}

// qadder is a QAdd on layouts.
type qadder struct {
	qpair
	sum simd.ByteSum
}

func (QAdd) rounds() {}

// Lower finds the factors.
func (o QAdd) Lower(l *Lowering) (Kernel, error) {
	pair, m, shift, err := newQPair(l, o.factors)
	if err != nil {
		return nil, err
	}
	a, b := int32(m[0]), int32(m[1])
	return &qadder{pair, simd.ByteSum{
		A: a, B: b, C: -l.Specs[0].Type.Zero*a - l.Specs[1].Type.Zero*b, // products are below 2^29
		Shift: int32(shift), Zero: o.Output.Zero,
	}}, nil
}

// Forward: y = round((x0-zero0)*m0 + (x1-zero1)*m1 / 2^shift) + Output.Zero.
func (k *qadder) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	k.runs(w, y, x, s, func(dst, x, other []int8) {
		w.Kernels.Bytes.Add(dst, x, other, &k.sum)
		k.look(w, dst)
	})
}
