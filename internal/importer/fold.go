package importer

import (
	"math"

	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/internal/importer/ir"
)

// folder computes a node whose inputs are constants.
type folder func(s *step) ([]*array, error)

// folders are the operators that can be computed while a file is read: what shape arithmetic and
// prepared weights need.
var folders map[string]folder

func init() {
	folders = map[string]folder{
		"Constant": foldConstant, "ConstantOfShape": foldConstantOfShape, "Range": foldRange,
		"Identity": foldSame, "Cast": foldCast, "CastLike": foldCastLike,
		"Shape": foldShape, "Size": foldSize,
		"Reshape": foldReshape, "Flatten": foldFlatten, "Squeeze": foldSqueeze, "Unsqueeze": foldUnsqueeze,
		"Transpose": foldTranspose, "Concat": foldConcat, "Slice": foldSlice, "Split": foldSplit,
		"Gather": foldGather, "Expand": foldExpand, "Tile": foldTile, "Where": foldWhere,
		"MatMul": foldMatMul, "Gemm": foldGemm,
		"OneHot": foldOneHot, "DequantizeLinear": foldDequantize, "QuantizeLinear": foldQuantize,
	}
	for name, f := range unaryFolds {
		folders[name] = func(s *step) ([]*array, error) { return foldUnary(s, f) }
	}
	for name, f := range binaryFolds {
		folders[name] = func(s *step) ([]*array, error) { return foldBinary(s, f) }
	}
	for name, f := range reduceFolds {
		folders[name] = func(s *step) ([]*array, error) { return foldReduce(s, f) }
	}
}

func one(a *array, err error) ([]*array, error) { return []*array{a}, err }

func foldConstant(s *step) ([]*array, error) {
	m := s.im.meter
	if a := s.attribute("value"); a != nil && a.T != nil {
		return one(tensorArray(a.T, m, s.im.outside))
	}
	if a := s.attribute("value_int"); a != nil {
		v := a.I
		return one(&array{typ: ir.TypeInt64, n: 1, i: func(int) int64 { return v }}, nil)
	}
	if a := s.attribute("value_ints"); a != nil {
		v := a.Ints
		return one(&array{dims: []int{len(v)}, typ: ir.TypeInt64, n: len(v), i: func(i int) int64 { return v[i] }}, nil)
	}
	if a := s.attribute("value_float"); a != nil {
		return one(scalar(float64(a.F)), nil)
	}
	if a := s.attribute("value_floats"); a != nil {
		v := a.Floats
		return one(&array{dims: []int{len(v)}, typ: ir.TypeFloat, n: len(v), f: func(i int) float64 { return float64(v[i]) }}, nil)
	}
	return nil, ir.Refuse("no value of numbers")
}

func foldConstantOfShape(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := a.ints(s.im.meter)
	if err != nil {
		return nil, err
	}
	v := scalar(0)
	if at := s.attribute("value"); at != nil && at.T != nil {
		if v, err = tensorArray(at.T, s.im.meter, s.im.outside); err != nil {
			return nil, err
		}
	}
	if v.n != 1 {
		return nil, ir.Refuse("a value of %v", v.dims)
	}
	return one(v.view(s.im.meter, dims, func(int) int { return 0 }))
}

func foldRange(s *step) ([]*array, error) {
	var v [3]*array
	for i := range v {
		var err error
		if v[i], err = s.constant(i); err != nil {
			return nil, err
		}
		if v[i].n != 1 {
			return nil, ir.Refuse("input %d of %v", i, v[i].dims)
		}
	}
	start, delta := v[0].float(0), v[2].float(0)
	count := (v[1].float(0) - start) / delta
	if !(count <= float64(s.im.meter.Most)) {
		return nil, ir.Refuse("a range of %v values", count)
	}
	n := max(int(count), 0)
	if float64(n) < count {
		n++
	}
	a := &array{dims: []int{n}, typ: v[0].typ, n: n}
	if ir.IsFloat(a.typ) {
		a.f = func(i int) float64 { return start + float64(float64(i)*delta) }
	} else {
		from, by := v[0].int(0), v[2].int(0)
		a.i = func(i int) int64 { return from + int64(i)*by }
	}
	return one(a, nil)
}

func foldSame(s *step) ([]*array, error) {
	s.ignore("ratio", "seed", "is_test", "saturate")
	return one(s.constant(0))
}

func foldCast(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	s.ignore("saturate", "round_mode")
	return one(a.cast(s.intAttr("to", ir.TypeFloat)))
}

func foldCastLike(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	s.ignore("saturate", "round_mode")
	like, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	return one(a.cast(like.typ))
}

// cast returns a's elements in another type.
func (a *array) cast(to int) (*array, error) {
	if ir.TypeSize[to] == 0 {
		return nil, ir.Refuse("a constant of type %d", to)
	}
	b := &array{dims: a.dims, typ: to, n: a.n, depth: a.depth + 1}
	switch {
	case to == ir.TypeFloat16:
		b.f = func(i int) float64 { return float64(half.Widen(half.Narrow(float32(a.float(i))))) }
	case to == ir.TypeBfloat16:
		return nil, ir.Refuse("a constant of type %d", to)
	case ir.IsFloat(to):
		b.f = a.float
		if to != ir.TypeDouble {
			b.f = func(i int) float64 { return float64(float32(a.float(i))) }
		}
	case to == ir.TypeBool:
		b.i = func(i int) int64 { return truth(a.float(i) != 0) }
	default:
		b.i = a.int
	}
	return b, nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func foldShape(s *step) ([]*array, error) {
	var dims []int
	switch o := s.get(0); {
	case o.a != nil:
		dims = o.a.dims
	case o.v != nil:
		dims = o.v.sizes(s.im.batch)
	default:
		return nil, ir.Refuse("no input")
	}
	from, to := s.intAttr("start", 0), s.intAttr("end", len(dims))
	clip := func(k int) int {
		if k < 0 {
			k += len(dims)
		}
		return min(max(k, 0), len(dims))
	}
	from, to = clip(from), clip(to)
	return one(intArray(dims[from:max(from, to)]...), nil)
}

func foldSize(s *step) ([]*array, error) {
	n := 1
	switch o := s.get(0); {
	case o.a != nil:
		n = o.a.n
	case o.v != nil:
		n, _ = ir.Elements(o.v.sizes(s.im.batch))
	default:
		return nil, ir.Refuse("no input")
	}
	a := intArray(n)
	a.dims = nil
	return one(a, nil)
}

// foldQuantize: q = clamp(round(x/scale) + zero).
func foldQuantize(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	scale, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	zero := &array{typ: ir.TypeUint8, n: 1, i: func(int) int64 { return 0 }}
	if !s.get(2).none() {
		if zero, err = s.constant(2); err != nil {
			return nil, err
		}
	}
	s.ignore("saturate", "precision")
	at, off, err := s.alongAxis(a, scale, zero)
	if err != nil {
		return nil, err
	}
	limits := map[int][2]float64{ir.TypeUint8: {0, 255}, ir.TypeInt8: {-128, 127}, ir.TypeInt32: {math.MinInt32, math.MaxInt32}}
	limit, ok := limits[zero.typ]
	if !ok || a.f == nil {
		return nil, ir.Refuse("to type %d", zero.typ)
	}
	b := &array{dims: a.dims, typ: zero.typ, n: a.n, i: func(i int) int64 {
		v := math.RoundToEven(float64(float32(a.float(i))/float32(scale.float(at(i))))) + zero.float(off(i))
		return toInt(max(limit[0], min(limit[1], v)))
	}}
	return one(b.keep(s.im.meter))
}

func foldDequantize(s *step) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	scale, err := s.constant(1)
	if err != nil {
		return nil, err
	}
	zero := scalar(0)
	if !s.get(2).none() {
		if zero, err = s.constant(2); err != nil {
			return nil, err
		}
	}
	if a.i == nil {
		return nil, ir.Refuse("of what are no integers")
	}
	at, off, err := s.alongAxis(a, scale, zero)
	if err != nil {
		return nil, err
	}
	if err := s.im.meter.Take(256); err != nil {
		return nil, err
	}
	return one(&array{dims: a.dims, typ: ir.TypeFloat, n: a.n, depth: a.depth + 1, f: func(i int) float64 {
		return float64(float32(a.int(i)-zero.int(off(i))) * float32(scale.float(at(i))))
	}}, nil)
}

// alongAxis returns which scale and which zero point belong to an element: the only ones, or those
// of its place along an axis.
func (s *step) alongAxis(a, scale, zero *array) (at, off func(i int) int, err error) {
	only := func(int) int { return 0 }
	k := s.intAttr("axis", 1)
	if s.intAttr("block_size", 0) != 0 {
		return nil, nil, ir.Refuse("scales of blocks")
	}
	if scale.n == 1 && zero.n == 1 {
		return only, only, nil
	}
	if k, err = axis(k, len(a.dims)); err != nil {
		return nil, nil, err
	}
	stride, n := strides(a.dims)[k], a.dims[k]
	if scale.n != n || zero.n != n && zero.n != 1 {
		return nil, nil, ir.Refuse("scales of %v and zero points of %v", scale.dims, zero.dims)
	}
	at = func(i int) int { return i / stride % n }
	if off = at; zero.n == 1 {
		off = only
	}
	return at, off, nil
}
