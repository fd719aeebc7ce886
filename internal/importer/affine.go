package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	for name, f := range map[string]converter{
		"Add": convertAdd, "Sub": convertSub, "Mul": convertMul, "Div": convertDiv, "Pow": convertPow,
		"Sum": convertSum, "Mean": convertMean, "Max": convertMax, "Min": convertMin,
		"Neg": func(s *step) error { return s.scale(-1, 0) },
	} {
		register(name, f)
	}
}

func register(name string, f converter) {
	if converters == nil {
		converters = map[string]converter{}
	}
	converters[name] = f
}

// scale makes y = a*x + b of input 0.
func (s *step) scale(a, b float64) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	return s.done(s.im.scaled(v, a, b))
}

func (im *importer) scaled(v *value, a, b float64) (*value, error) {
	if a == 1 && b == 0 {
		return v, nil
	}
	n, err := im.affine(v.at, fixed(a), fixed(b))
	if err != nil {
		return nil, err
	}
	return v.like(n), nil
}

// perImage returns a constant without its batch: it must be the same for all images.
func (im *importer) perImage(a *array, k int) (*array, error) {
	if k < 0 || k >= len(a.dims) || a.dims[k] == 1 {
		return a, nil
	}
	if a.dims[k] != im.batch {
		return nil, ir.Refuse("a constant of %v with a batch of %d", a.dims, im.batch)
	}
	list := make([]cut, len(a.dims))
	for i, d := range a.dims {
		list[i] = cut{0, 1, d}
	}
	list[k].n = 1
	first, err := a.cut(im.meter, list)
	if err != nil {
		return nil, err
	}
	all, err := first.broadcast(im.meter, a.dims)
	if err != nil {
		return nil, err
	}
	if err := im.meter.Look(a.n); err != nil {
		return nil, err
	}
	for i := range a.n {
		if a.float(i) != all.float(i) {
			return nil, ir.Refuse("a constant of %v that differs from image to image", a.dims)
		}
	}
	return first, nil
}

// against prepares a value for a constant: it returns the value stretched to the shape that both
// have together, and the constant as a parameter of the channels that the value's node has then.
func (im *importer) against(v *value, a *array) (*value, param, error) {
	if d := len(a.dims) - len(v.dims); d > 0 {
		w := *v
		w.dims = append(make([][]*atom, d), v.dims...)
		if w.batch >= 0 {
			w.batch += d
		}
		v = &w
	}
	off := len(v.dims) - len(a.dims)
	a, err := im.perImage(a, v.batch-off)
	if v.batch < off {
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	if v, err = im.stretch(v, slices.Concat(slices.Repeat([]int{1}, off), a.dims)); err != nil {
		return nil, nil, err
	}
	step := map[*atom]int{}
	for i, s := range strides(a.dims) {
		if a.dims[i] == 1 {
			continue
		}
		list := v.dims[off+i]
		for k := len(list) - 1; k >= 0; k-- {
			step[list[k]] = s
			s *= list[k].size
		}
	}
	from := len(v.order) // of the atoms that the constant tells apart
	for i := len(v.order) - 1; i >= 0; i-- {
		if step[v.order[i]] > 0 {
			from = i
		}
	}
	tail := v.order[from:]
	n := v.at
	if c := size(tail); n.shape().C%c != 0 {
		if n, err = im.reshape(n, model.Shape{H: n.shape().Len() / c, W: 1, C: c}); err != nil {
			return nil, nil, err
		}
		if from == 0 {
			n, err = im.reshape(n, model.Flat(c))
		}
	}
	var dims, steps []int
	for _, t := range tail {
		dims, steps = append(dims, t.size), append(steps, step[t])
	}
	if err == nil {
		err = im.meter.Take(256)
	}
	at, c := indexer(dims, steps, 0), size(tail)
	return v.like(n), func(i int) float64 { return a.float(at(i % c)) }, err
}

// stretch repeats v along the dimensions that are 1 where to is more.
func (im *importer) stretch(v *value, to []int) (*value, error) {
	for i, d := range to {
		have := size(v.dims[i])
		switch {
		case d == have || d == 1 || i == v.batch:
			continue
		case have != 1:
			return nil, ir.Refuse("inputs of %v and %v", v.sizes(im.batch), to)
		}
		if d < 1 || d > ir.MaxElements/max(v.len(), 1) {
			return nil, ir.Refuse("inputs of %v and %v", v.sizes(im.batch), to)
		}
		n, err := im.reshape(v.at, model.Flat(v.at.shape().Len()))
		if err != nil {
			return nil, err
		}
		n, err = im.add(model.Resize{H: d, W: 1, Mode: model.ResizeNearest, Coordinates: model.Asymmetric}, nil, n)
		if err != nil {
			return nil, err
		}
		w := *v
		a := &atom{size: d}
		w.at, w.dims, w.order = n, slices.Clone(v.dims), append([]*atom{a}, v.order...)
		w.dims[i] = []*atom{a}
		v = &w
	}
	return v, nil
}

// operands returns a value and what it meets: a constant, or another value. swapped says that the
// value is input 1.
func (s *step) operands() (v *value, a *array, w *value, swapped bool, err error) {
	s.ignore("broadcast")
	if len(s.in) != 2 {
		return nil, nil, nil, false, ir.Refuse("%d inputs", len(s.in))
	}
	if s.in[0].a != nil {
		v, err = s.dynamic(1)
		return v, s.in[0].a, nil, true, err
	}
	if v, err = s.dynamic(0); err != nil {
		return nil, nil, nil, false, err
	}
	if s.in[1].a != nil {
		return v, s.in[1].a, nil, false, nil
	}
	w, err = s.dynamic(1)
	return v, nil, w, false, err
}

// with makes y = f(x, c), where f gives a factor and a sum for c.
func (im *importer) with(v *value, c *array, f func(c param) (a, b param)) (*value, error) {
	v, p, err := im.against(v, c)
	if err != nil {
		return nil, err
	}
	a, b := f(p)
	n, err := im.affine(v.at, a, b)
	if err != nil {
		return nil, err
	}
	return v.like(n), nil
}

func negated(p param) param { return func(i int) float64 { return -p(i) } }
func minus(int) float64     { return -1 }

func convertAdd(s *step) error {
	v, c, w, _, err := s.operands()
	switch {
	case err != nil:
		return err
	case c != nil:
		return s.done(s.im.with(v, c, func(c param) (a, b param) { return nil, c }))
	}
	return s.done(s.im.pair(model.Add{}, v, w))
}

func convertSub(s *step) error {
	v, c, w, swapped, err := s.operands()
	switch {
	case err != nil:
		return err
	case c != nil && swapped:
		return s.done(s.im.with(v, c, func(c param) (a, b param) { return minus, c }))
	case c != nil:
		return s.done(s.im.with(v, c, func(c param) (a, b param) { return nil, negated(c) }))
	}
	if w, err = s.im.scaled(w, -1, 0); err != nil {
		return err
	}
	return s.done(s.im.pair(model.Add{}, v, w))
}

func convertMul(s *step) error {
	v, c, w, _, err := s.operands()
	switch {
	case err != nil:
		return err
	case c != nil:
		return s.done(s.im.with(v, c, func(c param) (a, b param) { return c, nil }))
	}
	if g := gated(v, w); g != nil {
		n, err := s.im.add(g, nil, v.at)
		return s.done(v.like(n), err)
	}
	if g := gated(w, v); g != nil {
		n, err := s.im.add(g, nil, w.at)
		return s.done(w.like(n), err)
	}
	if to, err := s.im.gelu(v, w); to != nil || err != nil {
		return s.done(to, err)
	}
	return s.done(s.im.pair(model.Mul{}, v, w))
}

func convertDiv(s *step) error {
	v, c, w, swapped, err := s.operands()
	if err != nil {
		return err
	}
	if c != nil && !swapped {
		return s.done(s.im.with(v, c, func(c param) (a, b param) {
			return func(i int) float64 { return 1 / c(i) }, nil
		}))
	}
	under := w
	if swapped {
		under = v
	} else if to, err := s.im.pixelNorm(v, w); to != nil || err != nil {
		return s.done(to, err)
	}
	n, err := s.im.add(model.Elementary{Function: model.Reciprocal}, nil, under.at)
	if err != nil {
		return err
	}
	if swapped {
		return s.done(s.im.with(v.like(n), c, func(c param) (a, b param) { return c, nil }))
	}
	return s.done(s.im.pair(model.Mul{}, v, w.like(n)))
}

// convertPow takes the exponents that other operators can stand for.
func convertPow(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	c, err := s.constant(1)
	if err != nil {
		return err
	}
	if c.n == 0 || !c.uniform(s.im.meter, c.float(0)) {
		return ir.Refuse("exponents of %v that differ", c.dims)
	}
	dims, ok := broadcastDims(v.sizes(s.im.batch), c.dims)
	if !ok || !slices.Equal(dims, v.sizes(s.im.batch)) {
		return ir.Refuse("inputs of %v and %v", v.sizes(s.im.batch), c.dims)
	}
	function := func(v *value, f string) (*value, error) {
		n, err := s.im.add(model.Elementary{Function: f}, nil, v.at)
		if err != nil {
			return nil, err
		}
		return v.like(n), nil
	}
	switch e := c.float(0); e {
	case 0.5, -0.5:
		if v, err = function(v, model.Sqrt); err == nil && e < 0 {
			v, err = function(v, model.Reciprocal)
		}
		return s.done(v, err)
	case 1, 2, 3, 4, 5, 6, 7, 8:
		return s.done(s.im.power(v, int(e)))
	case -1, -2, -3, -4:
		if v, err = s.im.power(v, int(-e)); err != nil {
			return err
		}
		return s.done(function(v, model.Reciprocal))
	default:
		if e == math.Trunc(e) || math.IsInf(e, 0) || math.IsNaN(e) {
			return ir.RefusePlain("an exponent of %v", e)
		}
		if v, err = function(v, model.Log); err == nil {
			v, err = s.im.scaled(v, e, 0)
		}
		if err != nil {
			return err
		}
		return s.done(function(v, model.Exp))
	}
}

// power is v to the e-th power, of a whole number above 0.
func (im *importer) power(v *value, e int) (*value, error) {
	if e == 1 {
		return v, nil
	}
	half, err := im.power(v, e/2)
	if err == nil {
		half, err = im.pair(model.Mul{}, half, half)
	}
	if err != nil || e%2 == 0 {
		return half, err
	}
	return im.pair(model.Mul{}, half, v)
}

func convertSum(s *step) error { return s.sum(1) }

func convertMean(s *step) error { return s.sum(1 / float64(max(len(s.in), 1))) }

// sum makes a times the sum of all inputs.
func (s *step) sum(a float64) error {
	v, err := s.dynamic(0)
	for i := 1; i < len(s.in) && err == nil; i++ {
		if c := s.in[i].a; c != nil {
			v, err = s.im.with(v, c, func(c param) (a, b param) { return nil, c })
			continue
		}
		var w *value
		if w, err = s.dynamic(i); err == nil {
			v, err = s.im.pair(model.Add{}, v, w)
		}
	}
	if err != nil {
		return err
	}
	return s.done(s.im.scaled(v, a, 0))
}

func convertMax(s *step) error {
	return s.limit(1, func(c float64) model.Clip { return model.Clip{Min: float32(c), Max: math.MaxFloat32} })
}

func convertMin(s *step) error {
	return s.limit(-1, func(c float64) model.Clip { return model.Clip{Min: -math.MaxFloat32, Max: float32(c)} })
}

// limit is Max, of sign 1, or Min, of sign -1, of any number of inputs; clip does it with a number.
func (s *step) limit(sign float64, clip func(c float64) model.Clip) error {
	at := slices.IndexFunc(s.in, func(o operand) bool { return o.v != nil })
	v, err := s.dynamic(max(at, 0))
	for i := 0; i < len(s.in) && err == nil; i++ {
		if i == at {
			continue
		}
		if c := s.in[i].a; c != nil && c.n == 1 && len(c.dims) <= len(v.dims) {
			v, err = s.im.chain(v, clip(c.float(0)))
			continue
		}
		v, err = s.extreme(v, i, sign)
	}
	return s.done(v, err)
}

// extreme is the larger one of v and input i, w: v + relu(w-v); or the smaller one: v - relu(v-w).
func (s *step) extreme(v *value, i int, sign float64) (*value, error) {
	var over *value // sign*(w-v)
	opposite, err := s.im.scaled(v, -sign, 0)
	if err != nil {
		return nil, err
	}
	if c := s.in[i].a; c != nil {
		over, err = s.im.with(opposite, c, func(c param) (a, b param) { return nil, func(k int) float64 { return sign * c(k) } })
	} else {
		var w *value
		if w, err = s.dynamic(i); err == nil {
			w, err = s.im.scaled(w, sign, 0)
		}
		if err == nil {
			over, err = s.im.pair(model.Add{}, opposite, w)
		}
	}
	if err == nil {
		over, err = s.im.chain(over, model.ReLU{})
	}
	if err == nil {
		over, err = s.im.scaled(over, sign, 0)
	}
	if err != nil {
		return nil, err
	}
	return s.im.pair(model.Add{}, v, over)
}
