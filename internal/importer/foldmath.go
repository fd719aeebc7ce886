package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/fmath"
	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the constants' operators that compute.

// unaryFolds are y = f(x), of floating-point numbers but for those that have an integer form too.
var unaryFolds = map[string]func(float64) float64{
	"Neg": func(x float64) float64 { return -x }, "Abs": math.Abs, "Sqrt": math.Sqrt, "Exp": fmath.Exp, "Log": fmath.Log,
	"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven, "Reciprocal": func(x float64) float64 { return 1 / x },
	"Erf": fmath.Erf, "Tanh": fmath.Tanh, "Sigmoid": fmath.Sigmoid, "Softplus": fmath.Softplus,
	"Relu": func(x float64) float64 { return max(x, 0) }, "Not": func(x float64) float64 { return float64(truth(x == 0)) },
	"Sign": func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	},
}

func foldUnary(s *step, f func(float64) float64) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	b := &array{dims: a.dims, typ: a.typ, n: a.n}
	if a.f != nil {
		b.f = func(i int) float64 { return f(a.f(i)) }
	} else {
		b.i = func(i int) int64 { return toInt(f(float64(a.i(i)))) }
	}
	return one(b.keep(s.im.meter))
}

// binaryFold is y = f(a, b) of floating-point numbers and of integers.
type binaryFold struct {
	f     func(a, b float64) float64
	i     func(a, b int64) int64
	truth bool // whether the result is true or false
}

func compares(f func(a, b float64) bool, i func(a, b int64) bool) binaryFold {
	return binaryFold{
		func(a, b float64) float64 { return float64(truth(f(a, b))) },
		func(a, b int64) int64 { return truth(i(a, b)) }, true,
	}
}

var binaryFolds = map[string]binaryFold{
	"Add": {f: func(a, b float64) float64 { return a + b }, i: func(a, b int64) int64 { return a + b }},
	"Sub": {f: func(a, b float64) float64 { return a - b }, i: func(a, b int64) int64 { return a - b }},
	"Mul": {f: func(a, b float64) float64 { return a * b }, i: func(a, b int64) int64 { return a * b }},
	"Div": {f: func(a, b float64) float64 { return a / b }, i: func(a, b int64) int64 {
		if b == 0 {
			return 0
		}
		return a / b
	}},
	"Mod": {f: math.Mod, i: func(a, b int64) int64 {
		if b == 0 {
			return 0
		}
		if r := a % b; r != 0 && (r < 0) != (b < 0) {
			return r + b
		}
		return a % b
	}},
	"Pow":            {f: math.Pow, i: func(a, b int64) int64 { return toInt(math.Pow(float64(a), float64(b))) }},
	"Max":            {f: func(a, b float64) float64 { return max(a, b) }, i: func(a, b int64) int64 { return max(a, b) }},
	"Min":            {f: func(a, b float64) float64 { return min(a, b) }, i: func(a, b int64) int64 { return min(a, b) }},
	"Equal":          compares(func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b }),
	"Less":           compares(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }),
	"Greater":        compares(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }),
	"LessOrEqual":    compares(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b }),
	"GreaterOrEqual": compares(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }),
	"And":            compares(func(a, b float64) bool { return a != 0 && b != 0 }, func(a, b int64) bool { return a != 0 && b != 0 }),
	"Or":             compares(func(a, b float64) bool { return a != 0 || b != 0 }, func(a, b int64) bool { return a != 0 || b != 0 }),
}

// foldBinary takes any number of inputs, as Max and Min do.
func foldBinary(s *step, f binaryFold) ([]*array, error) {
	s.ignore("broadcast", "axis")
	if s.intAttr("fmod", 0) != 0 {
		f.i = func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			return a % b
		}
	}
	at, err := s.constant(0)
	for i := 1; i < len(s.in) && err == nil; i++ {
		var b *array
		if b, err = s.constant(i); err == nil {
			at, err = combine(s.im.meter, at, b, f)
		}
	}
	return one(at, err)
}

func combine(m *ir.Meter, a, b *array, f binaryFold) (*array, error) {
	dims, ok := broadcastDims(a.dims, b.dims)
	if !ok {
		return nil, ir.Refuse("inputs of %v and %v", a.dims, b.dims)
	}
	x, err := a.broadcast(m, dims)
	if err != nil {
		return nil, err
	}
	y, err := b.broadcast(m, dims)
	if err != nil {
		return nil, err
	}
	out := &array{dims: dims, typ: x.typ, n: x.n}
	floats := x.f != nil || y.f != nil
	switch {
	case f.truth && floats:
		out.typ, out.i = ir.TypeBool, func(i int) int64 { return int64(f.f(x.float(i), y.float(i))) }
	case f.truth:
		out.typ, out.i = ir.TypeBool, func(i int) int64 { return f.i(x.i(i), y.i(i)) }
	case x.f != nil:
		out.f = func(i int) float64 { return f.f(x.f(i), y.float(i)) }
	case floats:
		out.typ, out.f = y.typ, func(i int) float64 { return f.f(x.float(i), y.float(i)) }
	default:
		out.i = func(i int) int64 { return f.i(x.i(i), y.i(i)) }
	}
	return out.keep(m)
}

func foldWhere(s *step) ([]*array, error) {
	var in [3]*array
	var dims []int
	for i := range in {
		var err error
		if in[i], err = s.constant(i); err != nil {
			return nil, err
		}
		both, ok := broadcastDims(dims, in[i].dims)
		if !ok {
			return nil, ir.Refuse("inputs of %v and %v", dims, in[i].dims)
		}
		dims = both
	}
	for i, a := range in {
		var err error
		if in[i], err = a.broadcast(s.im.meter, dims); err != nil {
			return nil, err
		}
	}
	out := &array{dims: dims, typ: in[1].typ, n: in[0].n}
	pick := func(i int) *array { return in[2-truth(in[0].float(i) != 0)] }
	if in[1].f != nil {
		out.f = func(i int) float64 { return pick(i).float(i) }
	} else {
		out.i = func(i int) int64 { return pick(i).int(i) }
	}
	return one(out.keep(s.im.meter))
}

// reduceFolds fold the elements that become one, and then the result.
var reduceFolds = map[string]reduceFold{
	"ReduceSum":       {f: func(a, b float64) float64 { return a + b }},
	"ReduceMean":      {f: func(a, b float64) float64 { return a + b }, mean: true},
	"ReduceProd":      {start: 1, f: func(a, b float64) float64 { return a * b }},
	"ReduceMax":       {start: math.Inf(-1), f: func(a, b float64) float64 { return max(a, b) }},
	"ReduceMin":       {start: math.Inf(1), f: func(a, b float64) float64 { return min(a, b) }},
	"ReduceL1":        {f: func(a, b float64) float64 { return a + math.Abs(b) }},
	"ReduceL2":        {f: func(a, b float64) float64 { return a + float64(b*b) }, after: math.Sqrt},
	"ReduceSumSquare": {f: func(a, b float64) float64 { return a + float64(b*b) }},
	"ReduceLogSum":    {f: func(a, b float64) float64 { return a + b }, after: fmath.Log},
	"ReduceLogSumExp": {f: func(a, b float64) float64 { return a + fmath.Exp(b) }, after: fmath.Log},
}

type reduceFold struct {
	start float64
	f     func(sum, x float64) float64
	mean  bool
	after func(float64) float64 // nil for nothing
}

// reduced returns the axes that a reduction takes away, and whether they stay with a size of 1.
func reduced(s *step, rank int) (list []int, keep bool, err error) {
	keep = s.intAttr("keepdims", 1) != 0
	if list, err = s.list("axes", 1); err != nil {
		return nil, false, err
	}
	if len(list) == 0 && s.intAttr("noop_with_empty_axes", 0) == 0 {
		for i := range rank {
			list = append(list, i)
		}
	}
	list, err = axes(list, rank)
	return list, keep, err
}

func foldReduce(s *step, f reduceFold) ([]*array, error) {
	a, err := s.constant(0)
	if err != nil {
		return nil, err
	}
	list, keep, err := reduced(s, len(a.dims))
	if err != nil {
		return nil, err
	}
	full := slices.Clone(a.dims)
	var dims []int
	step := make([]int, len(full))
	for i, d := range full {
		switch {
		case !slices.Contains(list, i):
			dims = append(dims, d)
		case keep:
			dims = append(dims, 1)
		}
		if slices.Contains(list, i) {
			full[i] = 1
		}
	}
	for i, st := range strides(full) {
		if full[i] != 1 {
			step[i] = st
		}
	}
	n, _ := ir.Elements(dims)
	if err := s.im.meter.Take(16 * int64(n)); err != nil {
		return nil, err
	}
	if err := s.im.meter.Look(a.n); err != nil {
		return nil, err
	}
	sums, at := slices.Repeat([]float64{f.start}, n), indexer(a.dims, step, 0)
	for i := range a.n {
		sums[at(i)] = f.f(sums[at(i)], a.float(i))
	}
	if f.mean && n > 0 {
		for i := range sums {
			sums[i] /= float64(a.n / n)
		}
	}
	if f.after != nil {
		for i, v := range sums {
			sums[i] = f.after(v)
		}
	}
	out := &array{dims: dims, typ: a.typ, n: n}
	if a.f != nil {
		out.f = func(i int) float64 { return sums[i] }
	} else {
		out.i = func(i int) int64 { return toInt(sums[i]) }
	}
	return one(out, nil)
}
