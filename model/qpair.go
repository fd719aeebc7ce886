package model

import "github.com/gantiny/gantiny/quant"

// qpair is a QAdd or a QMul on layouts.
type qpair struct {
	how broadcast
	lookup
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

func newQPair(l *Lowering, factors factorsOf) (k qpair, m []int64, shift int, err error) {
	if k.how, err = int8Pair(l.Specs); err != nil {
		return k, nil, 0, err
	}
	k.lookup = l.lookup()
	m, shift, err = factors(l.Specs)
	return k, m, shift, err
}

// int8Pair returns how the second of two int8 inputs meets the first.
func int8Pair(in []Spec) (broadcast, error) {
	if err := int8Inputs(in, 2); err != nil {
		return 0, err
	}
	return broadcastOf(floatsOf(in))
}

// runs calls f for runs of the share, of up to runBytes bytes. other is as long as dst and x.
func (o *qpair) runs(w *Worker, y Tensor, inputs []Tensor, s Share, f func(dst, x, other []int8)) {
	x, other := inputs[0], inputs[1]
	rows, n := s.N1-s.N0, y.C
	each := o.how == sameShape || o.how == perChannel // element has its own in other
	if each {
		rows, n = byteRows(s, &y, &x, &other)
	}
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		q := p
		if o.how == perChannel || o.how == perImage {
			q = 0
		}
		for i := range rows {
			image := s.N0 + i
			to, from := y.Q[p*y.Stride+image*y.Row:][:n], x.Q[p*x.Stride+image*x.Row:][:n]
			with := other.Q[q*other.Stride+image*other.Row:]
			if !each {
				repeated := w.bytes.repeated[:min(n, runBytes)]
				for j := range repeated {
					repeated[j] = with[0]
				}
			}
			for lo := 0; lo < n; lo += runBytes {
				hi := min(lo+runBytes, n)
				part := w.bytes.repeated[:hi-lo]
				if each {
					part = with[lo:hi]
				}
				f(to[lo:hi], from[lo:hi], part)
			}
		}
	}
}

func (*qpair) overwrites() {}
