package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the products of constant matrices, which weights that were normalized are made
// by.

func foldMatMul(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	b, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	return one(s.im.multiply(a, b))
}

// multiply is a matrix product as numpy.matmul defines it.
func (im *importer) multiply(a, b *array) (*array, error) {
	x, y := a.dims, b.dims
	if len(x) == 1 {
		x = []int{1, x[0]}
	}
	if len(y) == 1 {
		y = []int{y[0], 1}
	}
	if len(x) < 2 || len(y) < 2 || x[len(x)-1] != y[len(y)-2] {
		return nil, ir.Refuse("matrices of %v and %v", a.dims, b.dims)
	}
	m, k, n := x[len(x)-2], x[len(x)-1], y[len(y)-1]
	outer, ok := broadcastDims(x[:len(x)-2], y[:len(y)-2])
	if !ok {
		return nil, ir.Refuse("matrices of %v and %v", a.dims, b.dims)
	}
	left, err := a.reshaped(x).broadcast(im.meter, slices.Concat(outer, []int{m, k}))
	if err != nil {
		return nil, err
	}
	right, err := b.reshaped(y).broadcast(im.meter, slices.Concat(outer, []int{k, n}))
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(outer)
	if len(a.dims) > 1 {
		dims = append(dims, m)
	}
	if len(b.dims) > 1 {
		dims = append(dims, n)
	}
	count, ok := ir.Elements(dims)
	if !ok || k > 0 && count > ir.MaxElements/k {
		return nil, ir.Refuse("matrices of %v and %v", a.dims, b.dims)
	}
	if err := im.meter.Look(count * k); err != nil {
		return nil, err
	}
	out := &array{dims: dims, typ: a.typ, n: count}
	if a.f == nil {
		out.i = func(i int) (sum int64) {
			for j := range k {
				sum += left.i(i/n*k+j) * right.int(i/(m*n)*k*n+j*n+i%n)
			}
			return sum
		}
	} else {
		out.f = func(i int) (sum float64) {
			for j := range k {
				sum += float64(left.f(i/n*k+j) * right.float(i/(m*n)*k*n+j*n+i%n))
			}
			return sum
		}
	}
	return out.keep(im.meter)
}

// foldGemm: y = alpha * A B + beta * C.
func foldGemm(s *step) ([]*array, error) {
	var ab [2]*array
	for i, name := range []string{"transA", "transB"} {
		a, err := s.constant(i)
		if err != nil {
			return nil, err
		}
		if len(a.dims) != 2 {
			return nil, ir.Refuse("a matrix of %v", a.dims)
		}
		if s.intAttr(name, 0) != 0 {
			if a, err = a.transposed(s.im.meter, []int{1, 0}); err != nil {
				return nil, err
			}
		}
		ab[i] = a
	}
	alpha, beta := s.floatAttr("alpha", 1), s.floatAttr("beta", 1)
	y, err := s.im.multiply(ab[0], ab[1])
	if err != nil {
		return nil, err
	}
	c := scalar(0)
	if !s.get(2).none() {
		if c, err = s.constant(2); err != nil {
			return nil, err
		}
	}
	return one(combine(s.im.meter, y, c, binaryFold{
		f: func(y, c float64) float64 { return float64(alpha*y) + float64(beta*c) },
		i: func(y, c int64) int64 { return toInt(alpha*float64(y)) + toInt(beta*float64(c)) },
	}))
}
