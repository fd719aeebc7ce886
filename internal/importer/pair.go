package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// This file holds operators of two values of the graph, which broadcast.

// pair makes y = o(a, b), where o is an Add or a Mul.
func (im *importer) pair(o model.Op, a, b *value) (*value, error) {
	a, b, err := im.meet(a, b)
	if err != nil {
		return nil, err
	}
	if a, b, err = im.larger(a, b); err != nil {
		return nil, err
	}
	// to gives each of b's atoms the one of a that it meets.
	to, from := map[*atom]*atom{}, map[*atom]*atom{}
	for i, list := range b.dims {
		for k, t := range list {
			to[t], from[a.dims[i][k]] = a.dims[i][k], t
		}
	}
	shared := func(t *atom) bool { return from[t] != nil }
	pick := func(list []*atom) (both, rest []*atom) {
		for _, t := range list {
			if shared(t) {
				both = append(both, t)
			} else {
				rest = append(rest, t)
			}
		}
		return both, rest
	}
	both, rest := pick(a.order)
	k := len(rest)
	leading := slices.Equal(a.order[:len(both)], both)
	if !leading && !slices.Equal(a.order[k:], both) { // the shared ones last
		n, err := im.permuted(a.at, a.order, slices.Concat(rest, both))
		if err != nil {
			return nil, err
		}
		a = a.like(n)
		a.order = slices.Concat(rest, both)
	}
	second := make([]*atom, len(both))
	for i, t := range both {
		second[i] = from[t]
	}
	small, err := im.permuted(b.at, b.order, second)
	if err != nil {
		return nil, err
	}
	n, small, err := im.shapes(a.at, small, size(both), leading && k > 0)
	if err != nil {
		return nil, err
	}
	if n, err = im.add(o, nil, n, small); err != nil {
		return nil, err
	}
	return a.like(n), nil
}

// shapes gives a pair's nodes shapes that package model takes: as large; or the second one has the
// channels of the first; or, with leading, its positions.
func (im *importer) shapes(a, b *node, n int, leading bool) (*node, *node, error) {
	s := a.shape()
	whole := s.Len()
	var small model.Shape
	switch {
	case n == whole:
		small = s
	case n == 1:
		small = model.Flat(1)
	case leading:
		if s.H*s.W != n {
			s = model.Shape{H: n, W: 1, C: whole / n}
		}
		small = model.Shape{H: s.H, W: s.W, C: 1}
	default:
		if s.C != n {
			s = model.Shape{H: whole / n, W: 1, C: n}
		}
		small = model.Flat(n)
	}
	a, err := im.reshape(a, s)
	if err != nil {
		return nil, nil, err
	}
	b, err = im.reshape(b, small)
	return a, b, err
}

// meet gives both values the same number of dimensions, and atoms of the same sizes in dimensions
// that are as large.
func (im *importer) meet(a, b *value) (*value, *value, error) {
	rank := max(len(a.dims), len(b.dims))
	a, b = a.ranked(rank), b.ranked(rank)
	if a.batch >= 0 && b.batch >= 0 && a.batch != b.batch && im.batch > 1 {
		return nil, nil, ir.Refuse("inputs of %v and %v whose batches do not meet", a.sizes(im.batch), b.sizes(im.batch))
	}
	x, y := a.sizes(im.batch), b.sizes(im.batch)
	groupsOf := func(v *value, other *value) ([]int, bool) {
		var groups []int
		for i, list := range v.dims {
			n, m := size(list), size(other.dims[i])
			if n != m && n != 1 && m != 1 {
				return nil, false
			}
			g := sizesOf(list)
			if n == m {
				var ok bool
				if g, ok = refined(g, sizesOf(other.dims[i])); !ok {
					g = []int{n}
				}
			}
			groups = append(groups, g...)
		}
		return groups, true
	}
	ga, ok := groupsOf(a, b)
	gb, also := groupsOf(b, a)
	if !ok || !also {
		return nil, nil, ir.Refuse("inputs of %v and %v", x, y)
	}
	a, err := im.regroup(a, ga)
	if err != nil {
		return nil, nil, err
	}
	b, err = im.regroup(b, gb)
	return a, b, err
}

// ranked returns v with dimensions of 1 before its own.
func (v *value) ranked(rank int) *value {
	d := rank - len(v.dims)
	if d == 0 {
		return v
	}
	w := *v
	w.dims = append(make([][]*atom, d), v.dims...)
	if w.batch >= 0 {
		w.batch += d
	}
	return &w
}

func sizesOf(list []*atom) []int {
	out := make([]int, len(list))
	for i, a := range list {
		out[i] = a.size
	}
	return out
}

// refined returns the sizes that both lists, of the same product, can be cut to; false if they
// cross.
func refined(a, b []int) (out []int, ok bool) {
	a, b = slices.Clone(a), slices.Clone(b)
	for len(a) > 0 && len(b) > 0 {
		n := min(a[0], b[0])
		if a[0]%n != 0 || b[0]%n != 0 {
			return nil, false
		}
		out = append(out, n)
		if a[0] /= n; a[0] == 1 {
			a = a[1:]
		}
		if b[0] /= n; b[0] == 1 {
			b = b[1:]
		}
	}
	return out, true
}

// regroup cuts v's atoms to the given sizes, within its dimensions.
func (im *importer) regroup(v *value, groups []int) (*value, error) {
	w, atoms, ok := v.split(groups)
	if !ok || slices.ContainsFunc(atoms, func(g []*atom) bool { return len(g) != 1 }) {
		sizes, batch := v.sizes(1), v.batch
		c, err := im.contiguous(v)
		if err != nil {
			return nil, err
		}
		if w, atoms, ok = c.split(groups); !ok {
			return nil, ir.Refuse("a shape of %v", sizes)
		}
		w.batch = batch
	}
	dims := make([][]*atom, len(v.dims))
	for i, list := range v.dims {
		for n := size(list); n > 1; atoms = atoms[1:] {
			dims[i] = append(dims[i], atoms[0]...)
			n /= size(atoms[0])
		}
	}
	w.dims = dims
	return w, nil
}

// larger returns the values so that the first has all dimensions of the second.
func (im *importer) larger(a, b *value) (*value, *value, error) {
	if b.len() > a.len() {
		a, b = b, a
	}
	for i, list := range b.dims {
		if len(list) == 0 || len(a.dims[i]) > 0 {
			continue
		}
		to := slices.Repeat([]int{1}, len(a.dims))
		to[i] = size(list)
		var err error
		if a, err = im.stretch(a, to); err != nil {
			return nil, nil, err
		}
		if len(list) > 1 { // as many atoms as there
			if a, b, err = im.meet(a, b); err != nil {
				return nil, nil, err
			}
		}
	}
	for i, list := range b.dims {
		if len(list) > 0 && len(list) != len(a.dims[i]) { // where images of a batch would be repeated
			return nil, nil, ir.Refuse("inputs of %v and %v", a.sizes(im.batch), b.sizes(im.batch))
		}
	}
	w := *a
	if w.batch < 0 {
		w.batch = b.batch
	}
	return &w, b, nil
}
