package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("Gemm", convertGemm)
	register("MatMul", convertMatMul)
	register("OneHot", convertOneHot)
}

// product multiplies v's last dimension, of k elements, by a matrix of (k, n): a dense operator or,
// of a value with further dimensions, a convolution of single positions.
func (im *importer) product(v *value, k, n int, weight param, bias param) (*value, error) {
	last := len(v.dims) - 1
	if last < 0 || last == v.batch || size(v.dims[last]) != k {
		return nil, ir.Refuse("an input of %v and a matrix of %d rows", v.sizes(im.batch), k)
	}
	at, rest, err := im.last(v, v.dims[last])
	if err != nil {
		return nil, err
	}
	params := []param{weight}
	if bias != nil {
		params = append(params, bias)
	}
	if len(rest) == 0 {
		at, err = im.add(model.Dense{Units: n, Bias: bias != nil}, params, at)
	} else {
		one := [2]int{1, 1}
		at, err = im.add(model.Conv2D{Filters: n, Kernel: one, Stride: one, Dilation: one, Groups: 1, Bias: bias != nil}, params, at)
	}
	if err != nil {
		return nil, err
	}
	w := *v
	w.at, w.dims = at, slices.Clone(v.dims)
	w.dims[last] = atomsOf(n)
	w.order = append(rest, w.dims[last]...)
	return &w, nil
}

// convertGemm: y = alpha * A B + beta * C.
func convertGemm(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	b, err := s.constant(1)
	if err != nil {
		return err
	}
	if len(v.dims) != 2 || len(b.dims) != 2 || b.n == 0 {
		return ir.Refuse("inputs of %v and %v", v.sizes(s.im.batch), b.dims)
	}
	alpha, beta := s.floatAttr("alpha", 1), s.floatAttr("beta", 1)
	if s.intAttr("transA", 0) != 0 {
		w := *v
		w.dims = [][]*atom{v.dims[1], v.dims[0]}
		if v.batch >= 0 {
			w.batch = 1 - v.batch
		}
		v = &w
	}
	k, n := b.dims[0], b.dims[1]
	weight := func(i int) float64 { return alpha * b.float(i) }
	if s.intAttr("transB", 0) != 0 {
		k, n = n, k
		weight = func(i int) float64 { return alpha * b.float(i%n*k+i/n) }
	}
	if s.get(2).none() || beta == 0 {
		return s.done(s.im.product(v, k, n, weight, nil))
	}
	c := s.get(2).a
	if c == nil {
		return ir.RefusePlain("C is no constant")
	}
	if len(c.dims) <= 1 && (c.n == n || c.n == 1) || len(c.dims) == 2 && c.dims[0] == 1 && c.dims[1] == n {
		return s.done(s.im.product(v, k, n, weight, func(i int) float64 { return beta * c.float(i%c.n) }))
	}
	if v, err = s.im.product(v, k, n, weight, nil); err != nil {
		return err
	}
	return s.done(s.im.with(v, c, func(c param) (a, b param) {
		return nil, func(i int) float64 { return beta * c(i) }
	}))
}

func convertMatMul(s *step) error {
	if s.get(0).a != nil && s.get(1).v != nil {
		return matMulLeft(s)
	}
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	b, err := s.constant(1)
	if err != nil {
		return err
	}
	if b.n == 0 || len(b.dims) == 0 {
		return ir.Refuse("a matrix of %v", b.dims)
	}
	if len(b.dims) == 1 {
		if v, err = s.im.product(v, b.n, 1, b.float, nil); err != nil {
			return err
		}
		last := len(v.dims) - 1
		v.dims = v.dims[:last]
		return s.done(v, nil)
	}
	k, n := b.dims[len(b.dims)-2], b.dims[len(b.dims)-1]
	if b.n != k*n {
		return ir.Refuse("matrices of %v", b.dims)
	}
	if v, err = s.im.product(v, k, n, b.float, nil); err != nil {
		return err
	}
	return s.done(v.ranked(max(len(v.dims), len(b.dims))), nil)
}

// matMulLeft multiplies by a constant from the left: A x = (x' A')'.
func matMulLeft(s *step) error {
	a := s.in[0].a
	v, err := s.dynamic(1)
	if err != nil {
		return err
	}
	if len(a.dims) != 2 || len(v.dims) != 2 || v.batch >= 0 || a.n == 0 {
		return ir.Refuse("inputs of %v and %v", a.dims, v.sizes(s.im.batch))
	}
	m, k := a.dims[0], a.dims[1]
	w := *v
	w.dims = [][]*atom{v.dims[1], v.dims[0]}
	to, err := s.im.product(&w, k, m, func(i int) float64 { return a.float(i%m*k + i/m) }, nil)
	if err != nil {
		return err
	}
	to.dims = [][]*atom{to.dims[1], to.dims[0]}
	return s.done(to, nil)
}

// convertEmbedding is Gather of a constant by an input of classes.
func convertEmbedding(s *step) error {
	table, err := s.constant(0)
	if err != nil {
		return err
	}
	if k := s.intAttr("axis", 0); k != 0 || len(table.dims) == 0 || table.n == 0 || table.f == nil {
		return ir.Refuse("axis %d of a constant of %v", k, table.dims)
	}
	class := s.in[1].v
	row := table.n / table.dims[0]
	n, err := s.im.embed(class.at, table.dims[0], row, table.float)
	if err != nil {
		return err
	}
	return s.done(embedded(n, class, len(class.dims), table.dims[1:]), nil)
}

// embedded is the value of a class's vector, whose dimensions come behind the first k of the class.
func embedded(n *node, class *value, k int, dims []int) *value {
	order := make([]int, len(dims))
	for i := range order {
		order[i] = i
	}
	v := made(n, false, dims, order...)
	v.dims = slices.Concat(make([][]*atom, k), v.dims, make([][]*atom, len(class.dims)-k))
	v.batch = class.batch
	if v.batch >= k {
		v.batch += len(dims)
	}
	return v
}

// convertOneHot takes classes.
func convertOneHot(s *step) error {
	o := s.get(0)
	if o.v == nil || !o.v.class {
		return ir.Refuse("indices that are no input of classes")
	}
	depth, err := s.constant(1)
	if err != nil {
		return err
	}
	values, err := s.constant(2)
	if err != nil {
		return err
	}
	if depth.n != 1 || values.n != 2 || depth.int(0) < 1 || depth.int(0) > 1<<20 {
		return ir.Refuse("depth of %v, values of %v", depth.dims, values.dims)
	}
	k, err := axis(s.intAttr("axis", -1), len(o.v.dims)+1)
	if err != nil {
		return err
	}
	d := int(depth.int(0))
	n, err := s.im.embed(o.v.at, d, d, func(i int) float64 { return values.float(int(truth(i/d == i%d))) })
	if err != nil {
		return err
	}
	return s.done(embedded(n, o.v, k, []int{d}), nil)
}
