package importer

import (
	"encoding/binary"
	"math"

	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/internal/importer/ir"
)

// array returns the tensor's values. outside finds those of another file.
func tensorArray(t *ir.Tensor, m *ir.Meter, outside func(*ir.Tensor) ([]byte, error)) (*array, error) {
	n, ok := ir.Elements(t.Dims)
	size := ir.TypeSize[t.Type]
	switch {
	case !ok:
		return nil, ir.Damaged("tensor %q of %v", t.Name, t.Dims)
	case t.Strings || t.Type == ir.TypeString:
		return nil, ir.Refuse("tensor %q holds texts", t.Name)
	case size == 0:
		return nil, ir.Refuse("tensor %q has elements of type %d", t.Name, t.Type)
	}
	raw := t.Raw
	if t.Outside {
		var err error
		if raw, err = outside(t); err != nil {
			return nil, err
		}
	}
	if len(raw) != n*size {
		return nil, ir.Damaged("tensor %q of %v has %d bytes, want %d", t.Name, t.Dims, len(raw), n*size)
	}
	return rawArray(t.Dims, t.Type, raw), nil
}

// rawArray returns values in little-endian order, which stay where they are.
func rawArray(dims []int, typ int, raw []byte) *array {
	n, _ := ir.Elements(dims)
	a := &array{dims: dims, typ: typ, n: n}
	if ir.IsFloat(typ) {
		a.f = rawFloats(typ, raw)
	} else {
		a.i = rawInts(typ, raw)
	}
	return a
}

func rawFloats(typ int, raw []byte) func(i int) float64 {
	switch typ {
	case ir.TypeFloat16:
		return func(i int) float64 { return float64(half.Widen(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case ir.TypeBfloat16:
		return func(i int) float64 {
			return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16))
		}
	case ir.TypeDouble:
		return func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))) }
}

func rawInts(typ int, raw []byte) func(i int) int64 {
	switch typ {
	case ir.TypeInt8:
		return func(i int) int64 { return int64(int8(raw[i])) }
	case ir.TypeUint16:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint16(raw[2*i:])) }
	case ir.TypeInt16:
		return func(i int) int64 { return int64(int16(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case ir.TypeInt32:
		return func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(raw[4*i:]))) }
	case ir.TypeUint32:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint32(raw[4*i:])) }
	case ir.TypeInt64, ir.TypeUint64:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) int64 { return int64(raw[i]) } // uint8, bool
}
