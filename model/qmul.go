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
func (o QMul) Infer(in []Spec) (Spec, error) {
	if _, err := int8Pair(in); err != nil {
		return Spec{}, err
	}
	s, err := bytesTo(in[0].Shape, o.Output, in)
	if err == nil {
		_, _, err = o.factor(in)
	}
	return s, err
}

// Params returns none.
func (QMul) Params([]Spec) []Param { return nil }

// factor: the product of two float32 scales is exact in float64.
func (o QMul) factor(in []Spec) (m int64, shift int, err error) {
	list, shift, err := quant.Fixed(30, float64(in[0].Type.Scale)*float64(in[1].Type.Scale)/float64(o.Output.Scale))
	if err != nil {
		return 0, 0, err
	}
	return list[0], shift, nil
}

func (o QMul) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	how, _ := int8Pair(in)
	m, shift, _ := o.factor(in)
	how.reference(in[0].Shape, func(i, j int) {
		product := (int64(x[0].q[i]) - int64(in[0].Type.Zero)) * (int64(x[1].q[j]) - int64(in[1].Type.Zero))
		y.q[i] = quant.Saturate(quant.Shift(product*m, shift) + int64(o.Output.Zero))
	})
}

// qmultiplier is a QMul on layouts.
type qmultiplier struct {
	qpair
	zeros  [2]int32 // of the inputs
	factor int64
	to     rounding
	row    func(dst, x, other []int8, step int)
}

// Lower finds the factor.
func (o QMul) Lower(l *Lowering) (Kernel, error) {
	how, err := int8Pair(l.Specs)
	if err != nil {
		return nil, err
	}
	m, shift, err := o.factor(l.Specs)
	if err != nil {
		return nil, err
	}
	k := &qmultiplier{
		qpair: qpair{how}, zeros: [2]int32{l.Specs[0].Type.Zero, l.Specs[1].Type.Zero}, factor: m, to: newRounding(shift, o.Output.Zero),
	}
	k.row = k.multiply
	return k, nil
}

// Forward: y = round((x0-zero0)*(x1-zero1)*m / 2^shift) + Output.Zero.
func (k *qmultiplier) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	k.each(y, x[0], x[1], s, k.row)
}

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

func (*qmultiplier) overwrites() {}
