package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// This file recognizes activations that files write as products of a value and a function of it.

// gelu returns a GELU in place of k*x * (c + c*erf(x/sqrt(2))), or of the same the other way round,
// or with tanh(sqrt(2/pi) * (x + 0.044715*x*x*x)) in place of erf, and nil for anything else.
func (im *importer) gelu(v, w *value) (*value, error) {
	if !slices.Equal(v.order, w.order) {
		return nil, nil
	}
	for _, p := range [][2]*value{{v, w}, {w, v}} {
		x, gate := p[0].at, p[1].at
		c, shift, ok := uniform(gate)
		if !ok || c != shift {
			continue
		}
		of, op := geluOf(gate.in[0])
		if of == nil {
			continue
		}
		k := 1.0
		if f, zero, ok := uniform(x); ok && zero == 0 && x.in[0] == of {
			x, k = x.in[0], f
		}
		if x != of {
			continue
		}
		n, err := im.add(op, nil, x)
		if err != nil {
			return nil, err
		}
		return im.scaled(p[0].like(n), 2*c*k, 0)
	}
	return nil, nil
}

// geluOf returns x of erf(x/sqrt(2)), or of the tanh that approximates it; nil for anything else.
func geluOf(n *node) (*node, model.GELU) {
	near := func(n *node, f float64) bool {
		a, b, ok := uniform(n)
		return ok && b == 0 && math.Abs(a/f-1) <= 1e-5
	}
	if len(n.in) != 1 {
		return nil, model.GELU{}
	}
	inner := n.in[0]
	switch e := n.op.(type) {
	case model.Elementary:
		if e.Function == model.Erf && near(inner, 1/math.Sqrt2) {
			return inner.in[0], model.GELU{}
		}
	case model.Tanh:
		if !near(inner, math.Sqrt(2/math.Pi)) {
			break
		}
		sum := inner.in[0]
		if _, ok := sum.op.(model.Add); !ok {
			break
		}
		for i, x := range sum.in {
			if other := sum.in[1-i]; near(other, 0.044715) && isCube(other.in[0], x) {
				return x, model.GELU{Tanh: true}
			}
		}
	}
	return nil, model.GELU{}
}

// isCube tells whether n is x*x*x.
func isCube(n, x *node) bool {
	isMul := func(n *node) bool { _, ok := n.op.(model.Mul); return ok }
	if !isMul(n) {
		return false
	}
	for i, v := range n.in {
		if v == x && isMul(n.in[1-i]) && n.in[1-i].in[0] == x && n.in[1-i].in[1] == x {
			return true
		}
	}
	return false
}

// uniform returns a and b if n is a*x + b alike for all channels.
func uniform(n *node) (a, b float64, ok bool) {
	if !isAffine(n) {
		return 0, 0, false
	}
	a, b = n.params[0](0), n.params[1](0)
	for c := range n.shape().C {
		if n.params[0](c) != a || n.params[1](c) != b {
			return 0, 0, false
		}
	}
	return a, b, true
}

// gated returns the activation that is x times gate, a function of x; nil for none.
func gated(x, gate *value) model.Op {
	if !slices.Equal(x.order, gate.order) || len(gate.at.in) != 1 {
		return nil
	}
	in := gate.at.in[0]
	switch gate.at.op.(type) {
	case model.Sigmoid:
		if in == x.at {
			return model.SiLU{}
		}
	case model.HardSigmoid:
		if in == x.at {
			return model.HardSwish{}
		}
	case model.Tanh:
		if _, ok := in.op.(model.Softplus); ok && in.in[0] == x.at {
			return model.Mish{}
		}
	}
	return nil
}
