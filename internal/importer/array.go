package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// array is a constant tensor. Its values are read where they are wanted, from the file or through
// what was done to them, so that weights are in memory once.
type array struct {
	dims  []int
	typ   int // of the elements
	n     int
	f     func(i int) float64 // of floating-point types
	i     func(i int) int64   // of all others
	depth int                 // of the functions that f or i goes through
}

// deepest is the depth from which on values are computed once and kept.
const deepest = 8

// float returns element i as a number.
func (a *array) float(i int) float64 {
	if a.f != nil {
		return a.f(i)
	}
	return float64(a.i(i))
}

// int returns element i as an integer, towards 0 and within an int64.
func (a *array) int(i int) int64 {
	if a.i != nil {
		return a.i(i)
	}
	return toInt(a.f(i))
}

func toInt(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

// ints returns all elements as integers.
func (a *array) ints(m *ir.Meter) ([]int, error) {
	if err := m.Take(8 * int64(a.n)); err != nil {
		return nil, err
	}
	list := make([]int, a.n)
	for i := range list {
		list[i] = int(a.int(i))
	}
	return list, nil
}

// view returns a with other dimensions, whose element i is a's element at(i).
func (a *array) view(m *ir.Meter, dims []int, at func(i int) int) (*array, error) {
	n, ok := ir.Elements(dims)
	if !ok || n > m.Most {
		return nil, ir.Refuse("a constant of %v is too large", dims)
	}
	b := &array{dims: dims, typ: a.typ, n: n, depth: a.depth + 1}
	if f := a.f; f != nil {
		b.f = func(i int) float64 { return f(at(i)) }
	} else {
		from := a.i
		b.i = func(i int) int64 { return from(at(i)) }
	}
	if b.depth < deepest {
		return b, m.Take(256)
	}
	return b.keep(m)
}

// reshaped returns the same values with other dimensions.
func (a *array) reshaped(dims []int) *array {
	b := *a
	b.dims = dims
	return &b
}

// keep computes all values now.
func (a *array) keep(m *ir.Meter) (*array, error) {
	b := &array{dims: a.dims, typ: a.typ, n: a.n}
	switch {
	case a.f == nil:
		if err := m.Take(8 * int64(a.n)); err != nil {
			return nil, err
		}
		list := make([]int64, a.n)
		for i := range list {
			list[i] = a.i(i)
		}
		b.i = func(i int) int64 { return list[i] }
	case a.typ == ir.TypeDouble:
		if err := m.Take(8 * int64(a.n)); err != nil {
			return nil, err
		}
		list := make([]float64, a.n)
		for i := range list {
			list[i] = a.f(i)
		}
		b.f = func(i int) float64 { return list[i] }
	default:
		if err := m.Take(4 * int64(a.n)); err != nil {
			return nil, err
		}
		list := make([]float32, a.n)
		for i := range list {
			list[i] = float32(a.f(i))
		}
		b.f = func(i int) float64 { return float64(list[i]) }
	}
	return b, nil
}

// intArray returns a vector of integers.
func intArray(values ...int) *array {
	return &array{dims: []int{len(values)}, typ: ir.TypeInt64, n: len(values), i: func(i int) int64 { return int64(values[i]) }}
}

// scalar returns a constant of no dimensions.
func scalar(v float64) *array {
	return &array{typ: ir.TypeFloat, n: 1, f: func(int) float64 { return v }}
}

// strides returns how far apart neighbors of each dimension are.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// indexer returns a function that maps element i of dims to start + Σ index[k]*step[k].
func indexer(dims, step []int, start int) func(i int) int {
	dims, step = slices.Clone(dims), slices.Clone(step)
	return func(i int) int {
		at := start
		for k := len(dims) - 1; k >= 0; k-- {
			at += i % dims[k] * step[k]
			i /= dims[k]
		}
		return at
	}
}

// broadcastDims returns the dimensions that arrays of a and b have together, false for none.
func broadcastDims(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	dims := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch have := dims[off+i]; {
		case have == d || d == 1:
		case have == 1:
			dims[off+i] = d
		default:
			return nil, false
		}
	}
	return dims, true
}

// broadcast returns a stretched to dims.
func (a *array) broadcast(m *ir.Meter, dims []int) (*array, error) {
	if slices.Equal(a.dims, dims) {
		return a, nil
	}
	off := len(dims) - len(a.dims)
	if off < 0 {
		return nil, ir.Refuse("a constant of %v does not stretch to %v", a.dims, dims)
	}
	step := make([]int, len(dims))
	for i, s := range strides(a.dims) {
		switch a.dims[i] {
		case dims[off+i]:
			step[off+i] = s
		case 1:
		default:
			return nil, ir.Refuse("a constant of %v does not stretch to %v", a.dims, dims)
		}
	}
	return a.view(m, dims, indexer(dims, step, 0))
}

// uniform tells whether all elements are v.
func (a *array) uniform(m *ir.Meter, v float64) bool {
	if m.Look(a.n) != nil {
		return false
	}
	for i := range a.n {
		if a.float(i) != v {
			return false
		}
	}
	return true
}
