package ir

import (
	"encoding/binary"
	"math"

	"github.com/gantiny/gantiny/internal/half"
)

// Floats returns a function that reads elements of a floating-point type, in little-endian order.
func Floats(typ int, raw []byte) func(i int) float64 {
	switch typ {
	case TypeFloat16:
		return func(i int) float64 { return float64(half.Widen(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case TypeBfloat16:
		return func(i int) float64 {
			return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16))
		}
	case TypeDouble:
		return func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))) }
}

// Ints returns a function that reads elements of an integer type, in little-endian order.
func Ints(typ int, raw []byte) func(i int) int64 {
	switch typ {
	case TypeInt8:
		return func(i int) int64 { return int64(int8(raw[i])) }
	case TypeUint16:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint16(raw[2*i:])) }
	case TypeInt16:
		return func(i int) int64 { return int64(int16(binary.LittleEndian.Uint16(raw[2*i:]))) }
	case TypeInt32:
		return func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(raw[4*i:]))) }
	case TypeUint32:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint32(raw[4*i:])) }
	case TypeInt64, TypeUint64:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint64(raw[8*i:])) }
	}
	return func(i int) int64 { return int64(raw[i]) } // uint8, bool
}
