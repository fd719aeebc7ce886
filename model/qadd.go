package model

import "github.com/gantiny/gantiny/quant"

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

// qadder is a QAdd on layouts: the terms come from tables.
type qadder struct {
	qpair
	first, second [256]int64 // (x-zero) * m
}

func (QAdd) rounds() {}

// Lower makes the tables.
func (o QAdd) Lower(l *Lowering) (Kernel, error) {
	pair, m, err := newQPair(l, o.Output, o.factors)
	if err != nil {
		return nil, err
	}
	k := &qadder{qpair: pair}
	for i := range 256 {
		k.first[i] = (int64(i-128) - int64(l.Specs[0].Type.Zero)) * m[0]
		k.second[i] = (int64(i-128) - int64(l.Specs[1].Type.Zero)) * m[1]
	}
	k.row = k.add
	return k, nil
}

// add: y = round((first[x0] + second[x1]) / 2^shift) + Output.Zero.
func (k *qadder) add(dst, x, other []int8, step int) {
	to, dst := k.to, dst[:len(x)]
	if step == 0 {
		second := k.second[int(other[0])+128]
		for j, v := range x {
			dst[j] = to.byte(k.first[int(v)+128] + second)
		}
		return
	}
	other = other[:len(x)]
	for j, v := range x {
		dst[j] = to.byte(k.first[int(v)+128] + k.second[int(other[j])+128])
	}
}
