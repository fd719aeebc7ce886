package ir

// The types of a tensor's elements, as ONNX numbers them.
const (
	TypeFloat    = 1
	TypeUint8    = 2
	TypeInt8     = 3
	TypeUint16   = 4
	TypeInt16    = 5
	TypeInt32    = 6
	TypeInt64    = 7
	TypeString   = 8
	TypeBool     = 9
	TypeFloat16  = 10
	TypeDouble   = 11
	TypeUint32   = 12
	TypeUint64   = 13
	TypeBfloat16 = 16
)

// TypeSize is the number of bytes that an element has in raw_data, 0 of a type that is not read.
var TypeSize = map[int]int{
	TypeFloat: 4, TypeUint8: 1, TypeInt8: 1, TypeUint16: 2, TypeInt16: 2, TypeInt32: 4, TypeInt64: 8, TypeBool: 1,
	TypeFloat16: 2, TypeDouble: 8, TypeUint32: 4, TypeUint64: 8, TypeBfloat16: 2,
}

// IsFloat tells whether elements of a type are floating-point numbers.
func IsFloat(typ int) bool {
	return typ == TypeFloat || typ == TypeFloat16 || typ == TypeDouble || typ == TypeBfloat16
}

// MaxElements bounds a tensor, as package model bounds a parameter.
const MaxElements = 1 << 28

// Tensor is a constant, whose values stay in the file.
type Tensor struct {
	Name     string
	Dims     []int
	Type     int
	Raw      []byte            // elements in little-endian order
	External map[string]string // or in another file
	Outside  bool              // whether that is so
	Strings  bool              // whether its elements are texts
}

// MaxRank bounds the number of dimensions.
const MaxRank = 16

// Elements is the product of dimensions, false if it is out of bounds.
func Elements(dims []int) (int, bool) {
	n := 1
	for _, d := range dims {
		if d < 0 || d > 0 && n > MaxElements/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
