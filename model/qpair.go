package model

import "github.com/gantiny/gantiny/quant"

// qpair is a QAdd or a QMul on layouts.
type qpair struct {
	how broadcast
	to  rounding
	// row sets dst to what x and other make: element j meets other[j*step].
	row func(dst, x, other []int8, step int)
}

// factorsOf returns the factors of two inputs, as whole numbers over 2^shift.
type factorsOf func(in []Spec) (m []int64, shift int, err error)

// inferPair returns bytes of the first input's shape.
func inferPair(in []Spec, out quant.Params, factors factorsOf) (Spec, error) {
	if _, err := int8Pair(in); err != nil {
		return Spec{}, err
	}
	s, err := bytesTo(in[0].Shape, out, in)
	if err == nil {
		_, _, err = factors(in)
	}
	return s, err
}

func newQPair(l *Lowering, out quant.Params, factors factorsOf) (k qpair, m []int64, err error) {
	if k.how, err = int8Pair(l.Specs); err != nil {
		return k, nil, err
	}
	m, shift, err := factors(l.Specs)
	if err == nil {
		k.to = newRounding(shift, out.Zero, l.table())
	}
	return k, m, err
}

// int8Pair returns how the second of two int8 inputs meets the first.
func int8Pair(in []Spec) (broadcast, error) {
	if err := int8Inputs(in, 2); err != nil {
		return 0, err
	}
	return broadcastOf(floatsOf(in))
}

// Forward goes by runs: a row or, where those of all images lie side by side, a position.
func (o *qpair) Forward(_ *Worker, y Tensor, inputs []Tensor, s Share) {
	x, other := inputs[0], inputs[1]
	step, rows, n := 0, s.N1-s.N0, y.C
	if rows <= 0 {
		return
	}
	if o.how == sameShape || o.how == perChannel {
		step = 1
		if y.Row == y.C && x.Row == y.C && other.Row == y.C {
			rows, n = 1, rows*n
		}
	}
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		q := p
		if o.how == perChannel || o.how == perImage {
			q = 0
		}
		for i := range rows {
			image := s.N0 + i
			dst, from := y.Q[p*y.Stride+image*y.Row:][:n], x.Q[p*x.Stride+image*x.Row:][:n]
			o.row(dst, from, other.Q[q*other.Stride+image*other.Row:], step)
		}
	}
}

func (*qpair) overwrites() {}
