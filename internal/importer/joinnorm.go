package importer

import (
	"github.com/gantiny/gantiny/model"
)

// This file recognizes normalizations that files write as several nodes.

// joinNorm makes a factor and a sum of each channel part of the normalization before them:
// exporters write a group normalization as one without either, between two Reshapes.
func joinNorm(im *importer, n *node) (*node, error) {
	if !isAffine(n) {
		return n, nil
	}
	norm := n.in[0]
	if norm = withoutReshapes(norm); norm == nil || !norm.alone() || norm.shape().C != n.shape().C {
		return n, nil
	}
	switch norm.op.(type) {
	case model.GroupNorm, model.InstanceNorm:
	default:
		return n, nil
	}
	a, b, gamma, beta := n.params[0], n.params[1], norm.params[0], norm.params[1]
	to, err := im.add(norm.op, []param{
		func(i int) float64 { return gamma(i) * a(i) },
		func(i int) float64 { return beta(i)*a(i) + b(i) },
	}, norm.in[0])
	if err != nil {
		return nil, err
	}
	return im.reshape(to, n.shape())
}

// withoutReshapes returns what n reshapes, nil if something else reads one of the Reshapes.
func withoutReshapes(n *node) *node {
	for {
		if _, ok := n.op.(model.Reshape); !ok {
			return n
		}
		if !n.alone() {
			return nil
		}
		n = n.in[0]
	}
}

// joinConditional makes a ConditionalBatchNorm, whose statistics do nothing, of x * a[class] +
// b[class].
func joinConditional(im *importer, n *node) (*node, error) {
	if _, ok := n.op.(model.Add); !ok {
		return n, nil
	}
	product, sum := n.in[0], rowOf(n.in[1])
	if _, ok := product.op.(model.Mul); !ok || !product.alone() || sum == nil {
		return n, nil
	}
	factor := rowOf(product.in[1])
	flat := model.Flat(n.shape().C)
	if factor == nil || factor.in[0] != sum.in[0] || product.in[1].shape() != flat || n.in[1].shape() != flat {
		return n, nil
	}
	return im.add(model.ConditionalBatchNorm{Classes: sum.in[0].spec.Type.Classes, Epsilon: unit, Momentum: 0.99},
		[]param{factor.params[0], sum.params[0], value0, valueHalf}, product.in[0], sum.in[0])
}

// rowOf returns the Embedding that n is, perhaps reshaped; nil for anything else.
func rowOf(n *node) *node {
	for {
		switch n.op.(type) {
		case model.Embedding:
			return n
		case model.Reshape:
			n = n.in[0]
			continue
		}
		return nil
	}
}

// pixelNorm returns a PixelNorm in place of v / sqrt(mean(v*v) + epsilon) where the mean is over
// one dimension, and nil for anything else.
func (im *importer) pixelNorm(v, w *value) (*value, error) {
	root := w.at
	if e, ok := root.op.(model.Elementary); !ok || e.Function != model.Sqrt {
		return nil, nil
	}
	a, epsilon, ok := uniform(root.in[0])
	if !ok || a != 1 || !(epsilon > 0) {
		return nil, nil
	}
	mean := withoutMoves(root.in[0].in[0])
	if _, ok := mean.op.(model.GlobalAvgPool); !ok {
		return nil, nil
	}
	square := withoutMoves(mean.in[0])
	if _, ok := square.op.(model.Mul); !ok || square.in[0] != v.at || square.in[1] != v.at || len(v.dims) != len(w.dims) {
		return nil, nil
	}
	k := -1
	for i, d := range v.dims {
		switch n := size(w.dims[i]); {
		case n == size(d):
		case n == 1 && k < 0:
			k = i
		default:
			return nil, nil
		}
	}
	if k < 0 {
		return nil, nil
	}
	n, rest, err := im.last(v, v.dims[k])
	if err == nil {
		n, err = im.add(model.PixelNorm{Epsilon: decimal(float32(epsilon))}, nil, n)
	}
	if err != nil {
		return nil, err
	}
	to := v.like(n)
	to.order = append(rest, v.dims[k]...)
	return to, nil
}

// withoutMoves returns what n reshapes or transposes.
func withoutMoves(n *node) *node {
	for {
		switch n.op.(type) {
		case model.Reshape, model.Transpose:
			n = n.in[0]
			continue
		}
		return n
	}
}
