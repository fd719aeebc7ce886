package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the constants' operators that look elements up, or repeat them.

func foldGather(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	index, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	k, err := axis(s.intAttr("axis", 0), len(a.dims))
	if err != nil {
		return nil, err
	}
	list, err := index.ints(s.im.meter)
	if err != nil {
		return nil, err
	}
	for i, v := range list {
		if v < -a.dims[k] || v >= a.dims[k] {
			return nil, ir.Refuse("index %d of %d elements", v, a.dims[k])
		}
		if v < 0 {
			list[i] += a.dims[k]
		}
	}
	dims := slices.Concat(a.dims[:k], index.dims, a.dims[k+1:])
	inner, _ := ir.Elements(a.dims[k+1:])
	n := a.dims[k]
	return one(a.view(s.im.meter, dims, func(i int) int {
		outer, j := i/(len(list)*inner), i/inner%len(list)
		return (outer*n+list[j])*inner + i%inner
	}))
}

func foldExpand(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	to, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	dims, err := to.ints(s.im.meter)
	if err != nil {
		return nil, err
	}
	dims, ok := broadcastDims(a.dims, dims)
	if !ok {
		return nil, ir.Refuse("a constant of %v does not stretch to it", a.dims)
	}
	return one(a.broadcast(s.im.meter, dims))
}

func foldTile(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	by, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	times, err := by.ints(s.im.meter)
	if err != nil {
		return nil, err
	}
	if len(times) != len(a.dims) {
		return nil, ir.Refuse("%d repeats of %d dimensions", len(times), len(a.dims))
	}
	dims := make([]int, len(times))
	for i, d := range a.dims {
		if times[i] < 0 || times[i] > ir.MaxElements {
			return nil, ir.Refuse("repeats %v", times)
		}
		dims[i] = d * times[i]
	}
	from := strides(a.dims)
	return one(a.view(s.im.meter, dims, func(i int) int {
		at := 0
		for k := len(dims) - 1; k >= 0; k-- {
			at += i % dims[k] % a.dims[k] * from[k]
			i /= dims[k]
		}
		return at
	}))
}

func foldOneHot(s *step) ([]*array, error) {
	var in [3]*array
	for i := range in {
		var err error
		if in[i], err = s.constant(i); err != nil {
			return nil, err
		}
	}
	if in[1].n != 1 || in[2].n != 2 {
		return nil, ir.Refuse("depth of %v, values of %v", in[1].dims, in[2].dims)
	}
	depth := int(min(max(in[1].int(0), 0), ir.MaxElements))
	k, err := axis(s.intAttr("axis", -1), len(in[0].dims)+1)
	if err != nil {
		return nil, err
	}
	dims := slices.Insert(slices.Clone(in[0].dims), k, depth)
	inner, _ := ir.Elements(dims[k+1:])
	return one(in[2].view(s.im.meter, dims, func(i int) int {
		outer, class := i/inner/depth, i/inner%depth
		v := in[0].int(outer*inner + i%inner)
		if v < 0 {
			v += int64(depth)
		}
		return int(truth(v == int64(class)))
	}))
}
