package model

// qpair is a QAdd or a QMul on layouts.
type qpair struct{ how broadcast }

// int8Pair returns how the second of two int8 inputs meets the first.
func int8Pair(in []Spec) (broadcast, error) {
	if err := int8Inputs(in, 2); err != nil {
		return 0, err
	}
	return broadcastOf(floatsOf(in))
}

// each calls f for runs of y with those of the inputs: element j meets other[j*step]. A run is a row
// or, where those of all images lie side by side, a position.
func (o qpair) each(y, x, other Tensor, s Share, f func(dst, x, other []int8, step int)) {
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
			f(dst, from, other.Q[q*other.Stride+image*other.Row:], step)
		}
	}
}
