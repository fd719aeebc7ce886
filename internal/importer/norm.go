package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("BatchNormalization", convertBatchNorm)
	register("InstanceNormalization", convertInstanceNorm)
	register("GroupNormalization", convertGroupNorm)
	register("LayerNormalization", convertLayerNorm)
}

// vector returns input i as a parameter of n values.
func (s *step) vector(i, n int) (param, error) {
	a, err := s.constant(i)
	if err != nil {
		return nil, err
	}
	if a.n != n {
		return nil, ir.Refuse("input %d of %v for %d channels", i, a.dims, n)
	}
	return a.float, nil
}

// channels returns input 0 with dimension 1 as its channels.
func (s *step) channels() (v *value, n *node, c int, err error) {
	if v, err = s.dynamic(0); err != nil {
		return nil, nil, 0, err
	}
	k := 1
	if v.batch < 0 && len(v.dims) == 1 {
		k = 0
	}
	if len(v.dims) <= k || v.batch > 0 || k == 1 && len(v.dims[0]) > 0 {
		return nil, nil, 0, ir.Refuse("an input of %v, want (N, C, ...)", v.sizes(s.im.batch))
	}
	d := v.dims[k]
	if len(v.dims) == 4 {
		n, err = s.im.arrange(v, v.dims[2], v.dims[3], d)
		v = v.like(n)
		v.order = slices.Concat(v.dims[2], v.dims[3], d)
		return v, n, size(d), err
	}
	n, rest, err := s.im.last(v, d)
	v = v.like(n)
	v.order = append(rest, d...)
	return v, n, size(d), err
}

// convertBatchNorm takes the moving statistics, in training mode too: what an image is must not
// depend on its neighbors.
func convertBatchNorm(s *step) error {
	v, n, c, err := s.channels()
	if err != nil {
		return err
	}
	s.ignore("momentum", "training_mode", "is_test", "consumed_inputs")
	epsilon := s.floatAttr("epsilon", 1e-5)
	if s.intAttr("spatial", 1) != 1 {
		return ir.Refuse("spatial 0")
	}
	var params []param
	for i := 1; i <= 4; i++ {
		p, err := s.vector(i, c)
		if err != nil {
			return err
		}
		params = append(params, p)
	}
	if epsilon == unit && !isOne(params[2], params[3], c) {
		epsilon = math.Nextafter(unit, 1) // for unit stands for an affine, see isAffine
	}
	if epsilon <= 0 { // which package model wants above 0
		variance := params[3]
		const least = 1e-30
		epsilon, params[3] = least, func(i int) float64 { return max(variance(i), least) }
	}
	n, err = s.im.add(model.BatchNorm{Epsilon: epsilon, Momentum: 0.99}, params, n)
	if err != nil {
		return err
	}
	return s.done(v.like(n), nil)
}

// isOne tells whether statistics with an epsilon of unit change nothing.
func isOne(mean, variance param, c int) bool {
	for i := range c {
		if mean(i) != 0 || variance(i) != unit {
			return false
		}
	}
	return true
}

// convertInstanceNorm normalizes dimension 1's elements each over all others. Where others are
// behind it in memory, which is how exporters write a group normalization, it is one of groups.
func convertInstanceNorm(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	if len(v.dims) < 2 || v.batch > 0 || len(v.dims[0]) > 0 {
		return ir.Refuse("an input of %v, want (N, C, ...)", v.sizes(s.im.batch))
	}
	p, err := s.im.around(v, 1)
	if err != nil {
		return err
	}
	groups := size(v.dims[1])
	var params []param
	for i := 1; i <= 2; i++ {
		f, err := s.vector(i, groups)
		if err != nil {
			return err
		}
		params = append(params, func(i int) float64 { return f(i / p.channels) })
	}
	n := p.n
	if at := v.at.shape(); at.C == groups*p.channels && at.Len() == n.shape().Len() && slices.Equal(v.order, slices.Concat(p.outer, v.dims[1], p.inner)) {
		n = v.at
	} else if n, err = s.im.reshape(n, model.Shape{H: p.rows, W: 1, C: groups * p.channels}); err != nil {
		return err
	}
	epsilon := s.floatAttr("epsilon", 1e-5)
	if p.channels == 1 {
		n, err = s.im.add(model.InstanceNorm{Epsilon: epsilon}, params, n)
	} else {
		n, err = s.im.add(model.GroupNorm{Groups: groups, Epsilon: epsilon}, params, n)
	}
	if err != nil {
		return err
	}
	w := v.like(n)
	w.order = slices.Concat(p.outer, v.dims[1], p.inner)
	return s.done(w, nil)
}

// convertGroupNorm takes scales of groups, as opset 18 has them, and of channels, as opset 21.
func convertGroupNorm(s *step) error {
	v, n, c, err := s.channels()
	if err != nil {
		return err
	}
	groups := s.intAttr("num_groups", 0)
	s.ignore("stash_type")
	if groups < 1 || c%groups != 0 {
		return ir.Refuse("num_groups %d of %d channels", groups, c)
	}
	var params []param
	for i := 1; i <= 2; i++ {
		a, err := s.constant(i)
		switch {
		case err != nil:
			return err
		case a.n == c:
			params = append(params, a.float)
		case a.n == groups:
			params = append(params, func(k int) float64 { return a.float(k / (c / groups)) })
		default:
			return ir.Refuse("input %d of %v for %d channels", i, a.dims, c)
		}
	}
	n, err = s.im.add(model.GroupNorm{Groups: groups, Epsilon: s.floatAttr("epsilon", 1e-5)}, params, n)
	if err != nil {
		return err
	}
	return s.done(v.like(n), nil)
}

// convertLayerNorm normalizes all of an image, or the channels of single positions as groups of
// one.
func convertLayerNorm(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	k, err := axis(s.intAttr("axis", -1), len(v.dims))
	if err != nil {
		return err
	}
	s.ignore("stash_type")
	if k <= v.batch {
		return ir.Refuse("axis %d, which is the images'", k)
	}
	inner := slices.Concat(v.dims[k:]...)
	if len(without(v.atoms(), inner)) > 0 || len(s.Out) > 1 {
		return s.layerNormByHand(v, k)
	}
	n, err := s.im.arrange(v, nil, nil, inner)
	if err != nil {
		return err
	}
	var params []param
	for i := 1; i <= 2; i++ {
		switch {
		case s.get(i).none() && i == 2:
			params = append(params, value0)
		default:
			p, err := s.vector(i, size(inner))
			if err != nil {
				return err
			}
			params = append(params, p)
		}
	}
	if n, err = s.im.add(model.LayerNorm{Epsilon: s.floatAttr("epsilon", 1e-5)}, params, n); err != nil {
		return err
	}
	w := v.like(n)
	w.order = inner
	return s.done(w, nil)
}

// layerNormByHand: ((x-mean) / sqrt(variance+epsilon)) * scale + bias, over dimensions from k on;
// the mean and 1/sqrt(variance+epsilon) are outputs too.
func (s *step) layerNormByHand(v *value, k int) error {
	im := s.im
	w, mean, inverse, err := im.standard(v, k, s.floatAttr("epsilon", 1e-5))
	if err != nil {
		return err
	}
	s.set(1, operand{v: mean})
	s.set(2, operand{v: inverse})
	scale, err := s.constant(1)
	if err != nil {
		return err
	}
	if w, err = im.with(w, scale, func(c param) (a, b param) { return c, nil }); err != nil {
		return err
	}
	if !s.get(2).none() {
		bias, err := s.constant(2)
		if err != nil {
			return err
		}
		if w, err = im.with(w, bias, func(c param) (a, b param) { return nil, c }); err != nil {
			return err
		}
	}
	return s.done(w, nil)
}

// standard returns (x-mean) / sqrt(variance+epsilon) over dimensions from k on, the mean, and the
// factor.
func (im *importer) standard(v *value, k int, epsilon float64) (w, mean, inverse *value, err error) {
	var list []int
	for i := k; i < len(v.dims); i++ {
		list = append(list, i)
	}
	if mean, err = im.mean(v, list, true); err != nil {
		return nil, nil, nil, err
	}
	negative, err := im.scaled(mean, -1, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	centered, err := im.pair(model.Add{}, v, negative)
	if err != nil {
		return nil, nil, nil, err
	}
	square, err := im.pair(model.Mul{}, centered, centered)
	if err != nil {
		return nil, nil, nil, err
	}
	variance, err := im.mean(square, list, true)
	if err == nil {
		variance, err = im.scaled(variance, 1, max(epsilon, math.SmallestNonzeroFloat32))
	}
	if err != nil {
		return nil, nil, nil, err
	}
	inverse, err = im.chain(variance, model.Elementary{Function: model.Sqrt}, model.Elementary{Function: model.Reciprocal})
	if err != nil {
		return nil, nil, nil, err
	}
	w, err = im.pair(model.Mul{}, centered, inverse)
	return w, mean, inverse, err
}
