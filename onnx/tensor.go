package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/half"
)

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
	varints  []byte            // or as varints
	external map[string]string // or in another file
	outside  bool
	strings  bool
}

// parseTensor reads a TensorProto.
func parseTensor(b []byte, m *meter) (*tensorProto, error) {
	t := &tensorProto{}
	if err := m.take(tensorBytes); err != nil {
		return nil, err
	}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			err = at.varints(func(v uint64) error {
				if v > maxElements || len(t.dims) == maxRank {
					return damaged("tensor %q has a dimension of %d", t.name, v)
				}
				t.dims = append(t.dims, int(v))
				return m.take(2 * 8)
			})
		case 2:
			t.typ = int(min(at.number, 1<<20))
		case 4, 10: // floats, doubles
			err = t.addRaw(at, m)
		case 5, 7, 11:
			err = t.addVarints(at, m)
		case 6:
			t.strings = true
		case 8:
			t.name, err = at.text(m)
		case 9:
			if err = at.want(protowire.BytesType); err == nil {
				t.raw = at.bytes
			}
		case 13:
			if err = at.want(protowire.BytesType); err == nil {
				err = t.addExternal(at.bytes, m)
			}
		case 14:
			t.outside = at.number == 1
		}
		return err
	})
	return t, err
}

// maxRank bounds the number of dimensions.
const maxRank = 16

// addRaw adds a packed list, in place if it is the only one, or one element.
func (t *tensorProto) addRaw(at field, m *meter) error {
	if at.typ == protowire.BytesType && t.raw == nil {
		t.raw = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.take(3 * int64(len(at.bytes)+8)); err != nil {
		return err
	}
	switch at.typ {
	case protowire.BytesType:
		t.raw = append(t.raw, at.bytes...)
	case protowire.Fixed32Type:
		t.raw = binary.LittleEndian.AppendUint32(t.raw, uint32(at.number))
	case protowire.Fixed64Type:
		t.raw = binary.LittleEndian.AppendUint64(t.raw, at.number)
	default:
		return at.want(protowire.BytesType)
	}
	return nil
}

// addVarints adds a packed list of varints, in place if it is the only one, or one of them.
func (t *tensorProto) addVarints(at field, m *meter) error {
	if at.typ == protowire.BytesType && t.varints == nil {
		t.varints = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.take(3 * int64(len(at.bytes)+8)); err != nil {
		return err
	}
	switch at.typ {
	case protowire.BytesType:
		t.varints = append(t.varints, at.bytes...)
	case protowire.VarintType:
		t.varints = protowire.AppendVarint(t.varints, at.number)
	default:
		return at.want(protowire.BytesType)
	}
	return nil
}

func (t *tensorProto) addExternal(b []byte, m *meter) error {
	var key, text string
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			key, err = at.text(m)
		case 2:
			text, err = at.text(m)
		}
		return err
	})
	if err == nil {
		err = m.take(128)
	}
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = text
	return err
}

// array returns the tensor's values. outside finds those of another file.
func (t *tensorProto) array(m *meter, outside func(*tensorProto) ([]byte, error)) (*array, error) {
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
	if raw == nil && t.varints != nil {
		var err error
		if raw, err = t.unpack(n, m); err != nil {
			return nil, err
		}
	}
	if len(raw) != n*size {
		return nil, damaged("tensor %q of %v has %d bytes, want %d", t.name, t.dims, len(raw), n*size)
	}
	if size == 1 {
		m.grant(3 * int64(n))
	}
	return rawArray(t.dims, t.typ, raw), nil
}

// unpack returns varints as raw_data would have them.
func (t *tensorProto) unpack(n int, m *meter) ([]byte, error) {
	size := typeSize[t.typ]
	if n > len(t.varints) {
		return nil, damaged("tensor %q of %v has too few values", t.name, t.dims)
	}
	if err := m.take(int64(n * size)); err != nil {
		return nil, err
	}
	raw := make([]byte, 0, n*size)
	var word [8]byte
	for b := t.varints; len(b) > 0; {
		v, k := protowire.ConsumeVarint(b)
		if k < 0 || len(raw) == n*size {
			return nil, damaged("tensor %q of %v has other values", t.name, t.dims)
		}
		b = b[k:]
		binary.LittleEndian.PutUint64(word[:], v)
		raw = append(raw, word[:size]...)
	}
	return raw, nil
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
