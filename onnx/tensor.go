package onnx

import (
	"encoding/binary"
	"math"

	"github.com/gantiny/gantiny/internal/half"
)

// array returns the tensor's values. outside finds those of another file.
func tensorArray(t *tensorProto, m *meter, outside func(*tensorProto) ([]byte, error)) (*array, error) {
	n, ok := elements(t.dims)
	size := typeSize[t.typ]
	switch {
	case !ok:
		return nil, damaged("tensor %q of %v", t.name, t.dims)
	case t.strings || t.typ == typeString:
		return nil, refuse("tensor %q holds texts", t.name)
	case size == 0:
		return nil, refuse("tensor %q has elements of type %d", t.name, t.typ)
	}
	raw := t.raw
	if t.outside {
		var err error
		if raw, err = outside(t); err != nil {
			return nil, err
		}
	}
	if len(raw) != n*size {
		return nil, damaged("tensor %q of %v has %d bytes, want %d", t.name, t.dims, len(raw), n*size)
	}
	return rawArray(t.dims, t.typ, raw), nil
}

// rawArray returns values in little-endian order, which stay where they are.
func rawArray(dims []int, typ int, raw []byte) *array {
	n, _ := elements(dims)
	a := &array{dims: dims, typ: typ, n: n}
	if isFloat(typ) {
		a.f = rawFloats(typ, raw)
	} else {
		a.i = rawInts(typ, raw)
	}
	return a
}

func rawFloats(typ int, raw []byte) func(i int) float64 {
	switch typ {
	case typeFloat16:
		return func(i int) float64 { return float64(half.Widen(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case typeBfloat16:
		return func(i int) float64 {
			return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16))
		}
	case typeDouble:
		return func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))) }
}

func rawInts(typ int, raw []byte) func(i int) int64 {
	switch typ {
	case typeInt8:
		return func(i int) int64 { return int64(int8(raw[i])) }
	case typeUint16:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint16(raw[2*i:])) }
	case typeInt16:
		return func(i int) int64 { return int64(int16(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case typeInt32:
		return func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(raw[4*i:]))) }
	case typeUint32:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint32(raw[4*i:])) }
	case typeInt64, typeUint64:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) int64 { return int64(raw[i]) } // uint8, bool
}
