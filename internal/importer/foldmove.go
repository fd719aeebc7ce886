package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the constants' operators that move elements.

// target returns the dimensions that Reshape gives dims.
func reshapeTarget(s *step, dims []int) ([]int, error) {
	to := s.intsAttr("shape") // until opset 4
	if to == nil {
		a, err := s.constant(1)
		if err != nil {
			return nil, err
		}
		if to, err = a.ints(s.im.meter); err != nil {
			return nil, err
		}
	}
	total, _ := ir.Elements(dims)
	zero := s.intAttr("allowzero", 0) != 0
	rest, at := 1, -1
	to = slices.Clone(to)
	if len(to) > ir.MaxRank {
		return nil, ir.Refuse("%d dimensions", len(to))
	}
	for i, d := range to {
		switch {
		case d == -1 && at < 0:
			at = i
			continue
		case d == 0 && !zero && i < len(dims):
			to[i] = dims[i]
		case d < 0 || d > ir.MaxElements:
			return nil, ir.Refuse("shape %v", to)
		}
		if rest *= to[i]; rest > ir.MaxElements {
			return nil, ir.Refuse("shape %v", to)
		}
	}
	if at >= 0 && rest > 0 {
		to[at] = total / rest
		rest *= to[at]
	}
	if rest != total || at >= 0 && to[at] < 0 {
		return nil, ir.Refuse("shape %v of an input of %v", to, dims)
	}
	return to, nil
}

func foldReshape(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	to, err := reshapeTarget(s, a.dims)
	if err != nil {
		return nil, err
	}
	return one(a.reshaped(to), nil)
}

func flattenTarget(s *step, dims []int) ([]int, error) {
	k := s.intAttr("axis", 1)
	if k < 0 {
		k += len(dims)
	}
	if k < 0 || k > len(dims) {
		return nil, ir.Refuse("axis %d of %d dimensions", k, len(dims))
	}
	a, _ := ir.Elements(dims[:k])
	b, _ := ir.Elements(dims[k:])
	return []int{a, b}, nil
}

func foldFlatten(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	to, err := flattenTarget(s, a.dims)
	if err != nil {
		return nil, err
	}
	return one(a.reshaped(to), nil)
}

func squeezeTarget(s *step, dims []int) ([]int, error) {
	list, err := s.list("axes", 1)
	if err != nil {
		return nil, err
	}
	if list, err = axes(list, len(dims)); err != nil {
		return nil, err
	}
	var to []int
	for i, d := range dims {
		switch {
		case slices.Contains(list, i) && d != 1:
			return nil, ir.Refuse("axis %d of an input of %v", i, dims)
		case slices.Contains(list, i) || len(list) == 0 && d == 1:
		default:
			to = append(to, d)
		}
	}
	return to, nil
}

func foldSqueeze(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	to, err := squeezeTarget(s, a.dims)
	if err != nil {
		return nil, err
	}
	return one(a.reshaped(to), nil)
}

// unsqueezeAxes returns the axes of the result that are new, in order.
func unsqueezeAxes(s *step, rank int) ([]int, error) {
	list, err := s.list("axes", 1)
	if err != nil {
		return nil, err
	}
	if rank+len(list) > ir.MaxRank {
		return nil, ir.Refuse("%d dimensions", rank+len(list))
	}
	if list, err = axes(list, rank+len(list)); err != nil {
		return nil, err
	}
	slices.Sort(list)
	return list, nil
}

func foldUnsqueeze(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	list, err := unsqueezeAxes(s, len(a.dims))
	if err != nil {
		return nil, err
	}
	to := slices.Clone(a.dims)
	for _, k := range list {
		to = slices.Insert(to, k, 1)
	}
	return one(a.reshaped(to), nil)
}

// permutation returns the attribute perm, in reverse if it is unset.
func permutation(s *step, rank int) ([]int, error) {
	perm := s.intsAttr("perm")
	if perm == nil {
		for i := rank - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	if len(perm) != rank {
		return nil, ir.Refuse("perm %v of %d dimensions", perm, rank)
	}
	return axes(perm, rank)
}

func foldTranspose(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	perm, err := permutation(s, len(a.dims))
	if err != nil {
		return nil, err
	}
	return one(a.transposed(s.im.meter, perm))
}

func (a *array) transposed(m *ir.Meter, perm []int) (*array, error) {
	dims, step := make([]int, len(perm)), make([]int, len(perm))
	from := strides(a.dims)
	for i, k := range perm {
		dims[i], step[i] = a.dims[k], from[k]
	}
	return a.view(m, dims, indexer(dims, step, 0))
}

func foldConcat(s *step) ([]*array, error) {
	var list []*array
	for i := range s.in {
		a, err := s.constant(i)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, ir.Refuse("no inputs")
	}
	k, err := axis(s.intAttr("axis", 1), len(list[0].dims))
	if err != nil {
		return nil, err
	}
	return one(joined(s.im.meter, list, k))
}

// joined concatenates arrays along an axis.
func joined(m *ir.Meter, list []*array, k int) (*array, error) {
	dims := slices.Clone(list[0].dims)
	dims[k] = 0
	for _, a := range list {
		same := len(a.dims) == len(dims)
		for i := range dims {
			same = same && (i == k || a.dims[i] == dims[i])
		}
		if !same {
			return nil, ir.Refuse("inputs of %v and %v", list[0].dims, a.dims)
		}
		dims[k] += a.dims[k]
	}
	n, ok := ir.Elements(dims)
	if !ok {
		return nil, ir.Refuse("a constant of %v", dims)
	}
	inner, _ := ir.Elements(dims[k+1:])
	if err := m.Take(8 * int64(len(list)+1)); err != nil {
		return nil, err
	}
	// find returns the array that element i is of, and its place there.
	find := func(i int) (*array, int) {
		row, at := i/(dims[k]*inner), i%(dims[k]*inner)
		for _, a := range list {
			if at < a.dims[k]*inner {
				return a, row*a.dims[k]*inner + at
			}
			at -= a.dims[k] * inner
		}
		panic("onnx: joined: an element of no input")
	}
	b := &array{dims: dims, typ: list[0].typ, n: n}
	if list[0].f != nil {
		b.f = func(i int) float64 { a, at := find(i); return a.float(at) }
	} else {
		b.i = func(i int) int64 { a, at := find(i); return a.int(at) }
	}
	return b.keep(m)
}

// cut is a range of one axis: n elements from start on, each step further.
type cut struct{ start, step, n int }

// cuts returns what Slice takes of each axis.
func cuts(s *step, dims []int) ([]cut, error) {
	starts, err := s.list("starts", 1)
	if err != nil {
		return nil, err
	}
	ends, err := s.list("ends", 2)
	if err != nil {
		return nil, err
	}
	list, err := s.list("axes", 3)
	if err != nil {
		return nil, err
	}
	steps, err := s.list("\x00", 4)
	if err != nil {
		return nil, err
	}
	if list == nil {
		for i := range starts {
			list = append(list, i)
		}
	}
	if list, err = axes(list, len(dims)); err != nil {
		return nil, err
	}
	if len(starts) != len(ends) || len(list) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, ir.Refuse("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(list), len(steps))
	}
	out := make([]cut, len(dims))
	for i, d := range dims {
		out[i] = cut{0, 1, d}
	}
	for i, k := range list {
		step := 1
		if steps != nil {
			step = steps[i]
		}
		if out[k], err = cutOf(starts[i], ends[i], step, dims[k]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func cutOf(start, end, step, n int) (cut, error) {
	if step == 0 || step > ir.MaxElements || step < -ir.MaxElements {
		return cut{}, ir.Refuse("a step of %d", step)
	}
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	clip := func(k int) int {
		if k < 0 {
			k = max(k, -n-1) + n
		}
		return min(max(k, low), high)
	}
	start, end = clip(start), clip(end)
	count := 0
	if step > 0 && end > start {
		count = (end - start + step - 1) / step
	} else if step < 0 && start > end {
		count = (start - end - step - 1) / -step
	}
	return cut{start, step, count}, nil
}

func foldSlice(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	list, err := cuts(s, a.dims)
	if err != nil {
		return nil, err
	}
	return one(a.cut(s.im.meter, list))
}

func (a *array) cut(m *ir.Meter, list []cut) (*array, error) {
	dims, step, start := make([]int, len(list)), make([]int, len(list)), 0
	for k, s := range strides(a.dims) {
		dims[k], step[k] = list[k].n, s*list[k].step
		start += s * list[k].start
	}
	return a.view(m, dims, indexer(dims, step, start))
}

// parts returns the sizes of what Split makes of n elements.
func parts(s *step, n int) ([]int, error) {
	sizes, err := s.list("split", 1)
	if err != nil {
		return nil, err
	}
	if sizes == nil {
		count := s.intAttr("num_outputs", len(s.Out))
		if count != len(s.Out) || count == 0 {
			return nil, ir.Refuse("num_outputs %d of %d outputs", count, len(s.Out))
		}
		each := (n + count - 1) / count
		for i := range count {
			sizes = append(sizes, min(each, n-i*each))
		}
	}
	sum := 0
	for _, v := range sizes {
		if v < 0 || v > n {
			return nil, ir.Refuse("parts of %v", sizes)
		}
		sum += v
	}
	if sum != n || len(sizes) != len(s.Out) {
		return nil, ir.Refuse("parts of %v for %d outputs", sizes, len(s.Out))
	}
	return sizes, nil
}

func foldSplit(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	k, err := axis(s.intAttr("axis", 0), len(a.dims))
	if err != nil {
		return nil, err
	}
	sizes, err := parts(s, a.dims[k])
	if err != nil {
		return nil, err
	}
	var out []*array
	at := 0
	for _, n := range sizes {
		list := make([]cut, len(a.dims))
		for i, d := range a.dims {
			list[i] = cut{0, 1, d}
		}
		list[k] = cut{at, 1, n}
		at += n
		part, err := a.cut(s.im.meter, list)
		if err != nil {
			return nil, err
		}
		out = append(out, part)
	}
	return out, nil
}
