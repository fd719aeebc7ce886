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

// each calls f for each row of y with those of the inputs: element j meets other[j*step].
func (o qpair) each(y, x, other Tensor, s Share, f func(dst, x, other []int8, step int)) {
	step := 0
	if o.how == sameShape || o.how == perChannel {
		step = 1
	}
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		q := p
		if o.how == perChannel || o.how == perImage {
			q = 0
		}
		for n := s.N0; n < s.N1; n++ {
			f(y.row(p, n), x.row(p, n), other.row(q, n), step)
		}
	}
}
