package model

import "github.com/gantiny/gantiny/quant"

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
	zeros  [2]int32 // of the inputs
	factor int64
}

func (QMul) rounds() {}

// Lower finds the factor.
func (o QMul) Lower(l *Lowering) (Kernel, error) {
	pair, m, err := newQPair(l, o.Output, o.factor)
	if err != nil {
		return nil, err
	}
	k := &qmultiplier{pair, [2]int32{l.Specs[0].Type.Zero, l.Specs[1].Type.Zero}, m[0]}
	k.row = k.multiply
	return k, nil
}

// multiply: y = round((x0-zero0)*(x1-zero1)*m / 2^shift) + Output.Zero.
func (k *qmultiplier) multiply(dst, x, other []int8, step int) {
	to, dst := k.to, dst[:len(x)]
	if step == 0 {
		factor := int64(int32(other[0])-k.zeros[1]) * k.factor
		for j, v := range x {
			dst[j] = to.byte(int64(int32(v)-k.zeros[0]) * factor)
		}
		return
	}
	other = other[:len(x)]
	for j, v := range x {
		product := (int32(v) - k.zeros[0]) * (int32(other[j]) - k.zeros[1])
		dst[j] = to.byte(int64(product) * k.factor)
	}
}
