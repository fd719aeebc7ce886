package onnx

// The types of a tensor's elements, as ONNX numbers them.
const (
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeUint16   = 4
	typeInt16    = 5
	typeInt32    = 6
	typeInt64    = 7
	typeString   = 8
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeUint32   = 12
	typeUint64   = 13
	typeBfloat16 = 16
)

// typeSize is the number of bytes that an element has in raw_data, 0 of a type that is not read.
var typeSize = map[int]int{
	typeFloat: 4, typeUint8: 1, typeInt8: 1, typeUint16: 2, typeInt16: 2, typeInt32: 4, typeInt64: 8, typeBool: 1,
	typeFloat16: 2, typeDouble: 8, typeUint32: 4, typeUint64: 8, typeBfloat16: 2,
}

// isFloat tells whether elements of a type are floating-point numbers.
func isFloat(typ int) bool {
	return typ == typeFloat || typ == typeFloat16 || typ == typeDouble || typ == typeBfloat16
}

// maxElements bounds a tensor, as package model bounds a parameter.
const maxElements = 1 << 28

// tensorProto is a TensorProto, whose values stay in the file.
type tensorProto struct {
	name     string
	dims     []int
	typ      int
	raw      []byte            // elements in little-endian order
	external map[string]string // or in another file
	outside  bool
	strings  bool
}

// maxRank bounds the number of dimensions.
const maxRank = 16

// elements is the product of dimensions, false if it is out of bounds.
func elements(dims []int) (int, bool) {
	n := 1
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxElements/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
