package model

import (
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QMul is a Mul of bytes in steps of their own:
//
//	y = clamp(round((x0-zero0)*(x1-zero1)*m / 2^shift) + Output.Zero)
//
// where m / 2^shift is scale0*scale1 / Output.Scale as quant.Fixed(30) writes it, and halves are
// rounded up. The second input has one of the shapes that Mul takes.
type QMul struct {
	Output quant.Params `json:"output"`
}

func init() { Register[QMul]() }

// Kind returns "qmul".
func (QMul) Kind() string { return "qmul" }

// Infer returns bytes of the first input's shape.
func (o QMul) Infer(in []Spec) (Spec, error) { return inferPair(in, o.Output, o.factor) }

// Params returns none.
func (QMul) Params([]Spec) []Param { return nil }

// factor: the product of two float32 scales is exact in float64.
func (o QMul) factor(in []Spec) (m []int64, shift int, err error) {
	return quant.Fixed(30, float64(in[0].Type.Scale)*float64(in[1].Type.Scale)/float64(o.Output.Scale))
}

func (o QMul) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	how, _ := int8Pair(in)
	m, shift, _ := o.factor(in)
	how.reference(in[0].Shape, func(i, j int) {
		product := (int64(x[0].q[i]) - int64(in[0].Type.Zero)) * (int64(x[1].q[j]) - int64(in[1].Type.Zero))
		y.q[i] = quant.Saturate(quant.Shift(product*m[0], shift) + int64(o.Output.Zero))
	})
}

// qmultiplier is a QMul on layouts.
type qmultiplier struct {
	qpair
	product *simd.ByteProduct
}

func (QMul) rounds() {}

// Lower finds the factor.
func (o QMul) Lower(l *Lowering) (Kernel, error) {
	pair, m, shift, err := newQPair(l, o.factor)
	if err != nil {
		return nil, err
	}
	return &qmultiplier{pair, simd.NewByteProduct(l.Specs[0].Type.Zero, l.Specs[1].Type.Zero, m[0], shift, o.Output.Zero)}, nil
}

// Forward: y = round((x0-zero0)*(x1-zero1)*m / 2^shift) + Output.Zero.
func (k *qmultiplier) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	k.runs(w, y, x, s, func(dst, x, other []int8) {
		w.Kernels.Bytes.Mul(dst, x, other, k.product)
		k.look(w, dst)
	})
}
