package safetensors

import (
	"errors"
	"fmt"
	"math"
)

// ErrFormat is what the error of every malformed file wraps.
var ErrFormat = errors.New("not a valid safetensors file")

// ErrMissing is wrapped by the error for a tensor that the file does not hold.
var ErrMissing = errors.New("no such tensor")

// DType is the type of a tensor's elements, by its name in the header.
type DType string

// The element types that this package reads and writes.
const (
	F32 DType = "F32"
	F16 DType = "F16" // IEEE 754 binary16
	I64 DType = "I64"
	I32 DType = "I32"
	I8  DType = "I8"
	U8  DType = "U8"
)

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case I64:
		return 8
	case F32, I32:
		return 4
	case F16:
		return 2
	case I8, U8:
		return 1
	}
	return 0
}

// Tensor is a tensor to write. Its values, in row-major order, stand in Floats
// (of an F32 tensor, or of an F16 one, to which they are rounded) or, as
// little-endian bytes, in Raw.
type Tensor struct {
	Name   string
	DType  DType
	Shape  []int
	Floats []float32
	Raw    []byte
}

// Info describes a tensor of a file.
type Info struct {
	Name     string
	DType    DType
	Shape    []int
	offset   int64 // from the start of the file
	size     int64 // bytes
	checksum uint32
	checked  bool // whether the file gives a checksum
}

// Len is the number of elements.
func (i Info) Len() int { return int(i.size / int64(i.DType.Size())) }

// length is the product of a shape's dimensions; ok is false if one is negative
// or the tensor would not fit an int's worth of bytes.
func length(shape []int, elem int) (n int, ok bool) {
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/elem/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// bytes returns the tensor's size in the file after checking that it is whole.
func (t *Tensor) bytes() (int, error) {
	elem := t.DType.Size()
	if elem == 0 {
		return 0, fmt.Errorf("safetensors: tensor %q: unknown type %q", t.Name, t.DType)
	}
	n, ok := length(t.Shape, elem)
	if !ok {
		return 0, fmt.Errorf("safetensors: tensor %q: bad shape %v", t.Name, t.Shape)
	}
	if t.Raw != nil && t.Floats != nil || t.Floats != nil && t.DType != F32 && t.DType != F16 {
		return 0, fmt.Errorf("safetensors: tensor %q: values do not go with type %s", t.Name, t.DType)
	}
	have := len(t.Raw)
	if t.Floats != nil {
		have = len(t.Floats) * elem
	}
	if have != n*elem {
		return 0, fmt.Errorf("safetensors: tensor %q: %d bytes of values, want %d for %s %v", t.Name, have, n*elem, t.DType, t.Shape)
	}
	return have, nil
}
