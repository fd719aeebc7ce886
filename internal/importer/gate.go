package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// This file recognizes activations that files write as products of a value and a function of it.

// gelu returns a GELU in place of k*x * (c + c*erf(x/sqrt(2))), or of the same the other way round,
// and nil for anything else.
func (im *importer) gelu(v, w *value) (*value, error) {
	if !slices.Equal(v.order, w.order) {
		return nil, nil
	}
	for _, p := range [][2]*value{{v, w}, {w, v}} {
		x, gate := p[0].at, p[1].at
		c, shift, ok := uniform(gate)
		if !ok || c != shift || !isErf(gate.in[0]) {
			continue
		}
		inner := gate.in[0].in[0]
		s, zero, ok := uniform(inner)
		if !ok || zero != 0 || math.Abs(s*math.Sqrt2-1) > 1e-5 {
			continue
		}
		k := 1.0
		if f, zero, ok := uniform(x); ok && zero == 0 && x.in[0] == inner.in[0] {
			x, k = x.in[0], f
		}
		if x != inner.in[0] {
			continue
		}
		n, err := im.add(model.GELU{}, nil, x)
		if err != nil {
			return nil, err
		}
		return im.scaled(p[0].like(n), 2*c*k, 0)
	}
	return nil, nil
}

func isErf(n *node) bool {
	e, ok := n.op.(model.Elementary)
	return ok && e.Function == model.Erf
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
