package weights

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// tensor is an array of numbers under a name. Its values stay in the file.
type tensor struct {
	name  string
	shape []int
	n     int
	at    func(i int) float64 // element i in row-major order
	whole bool                // of integers
}

// newTensor returns a tensor of n elements of a type, as package ir numbers them, in row-major
// order.
func newTensor(name string, shape []int, typ int, raw []byte) (*tensor, error) {
	n, ok := ir.Elements(shape)
	size := ir.TypeSize[typ]
	switch {
	case size == 0:
		return nil, ir.Damaged("tensor %q has elements of type %d", name, typ)
	case !ok || len(raw) != n*size:
		return nil, ir.Damaged("tensor %q of %v has %d bytes", name, shape, len(raw))
	}
	t := &tensor{name: name, shape: shape, n: n, whole: !ir.IsFloat(typ)}
	t.at = numbers(typ, raw)
	return t, nil
}

// numbers reads elements of any type.
func numbers(typ int, raw []byte) func(i int) float64 {
	if ir.IsFloat(typ) {
		return ir.Floats(typ, raw)
	}
	ints := ir.Ints(typ, raw)
	return func(i int) float64 { return float64(ints(i)) }
}

// strided returns the elements of raw that strides name, from one on.
func strided(name string, shape, stride []int, from, typ int, raw []byte) (*tensor, error) {
	n, ok := ir.Elements(shape)
	size := ir.TypeSize[typ]
	if !ok || len(stride) != len(shape) || from < 0 || size == 0 {
		return nil, ir.Damaged("tensor %q of %v, strides %v", name, shape, stride)
	}
	last := int64(from)
	for i, d := range shape {
		if stride[i] < 0 || d > 0 && int64(stride[i]) > (1<<40)/int64(d) {
			return nil, ir.Damaged("tensor %q of %v, strides %v", name, shape, stride)
		}
		last += int64(max(d-1, 0)) * int64(stride[i])
	}
	if n > 0 && last >= int64(len(raw)/size) {
		return nil, ir.Damaged("tensor %q of %v from %d on is larger than its storage of %d", name, shape, from, len(raw)/size)
	}
	at := numbers(typ, raw)
	t := &tensor{name: name, shape: shape, n: n, whole: !ir.IsFloat(typ)}
	t.at = func(i int) float64 {
		p := from
		for k := len(shape) - 1; k >= 0; k-- {
			p += i % shape[k] * stride[k]
			i /= shape[k]
		}
		return at(p)
	}
	if dense(shape, stride) {
		t.at = func(i int) float64 { return at(from + i) }
	}
	return t, nil
}

// dense tells whether elements follow each other in row-major order.
func dense(shape, stride []int) bool {
	n := 1
	for i, d := range slices.Backward(shape) {
		if d > 1 && stride[i] != n {
			return false
		}
		n *= d
	}
	return true
}
