package module

import (
	"encoding/binary"
	"math"
)

// Vector is an instruction on vectors without operands of its own.
type Vector int

// Instructions on vectors, named nearly as in the specification: I16x8 is eight integers of 16 bits.
const (
	LtF32x4      Vector = 67
	BitSelect    Vector = 82  // of three vectors: bits of the first where the third has ones, else of the second
	NarrowI16x8  Vector = 101 // two vectors to int8, with saturation
	NarrowI32x4  Vector = 133 // two vectors to int16, with saturation
	AddI32x4     Vector = 174
	SubI32x4     Vector = 177
	DotI16x8     Vector = 186 // the sums of products of pairs
	AddF32x4     Vector = 228
	MulF32x4     Vector = 230
	PMinF32x4    Vector = 234 // b < a ? b : a
	PMaxF32x4    Vector = 235 // a < b ? b : a
	ConvertI32x4 Vector = 250 // to F32x4
)

// Vector adds such instructions.
func (f *Func) Vector(ops ...Vector) {
	for _, o := range ops {
		f.op(append([]byte{0xfd}, number(int(o))...)...)
	}
}

// VectorMemory is an instruction that reads or writes memory.
type VectorMemory int

// Instructions that move vectors.
const (
	LoadV128    VectorMemory = 0
	LoadWiden8  VectorMemory = 1 // eight int8 to int16
	LoadSplat32 VectorMemory = 9 // one in all lanes
	StoreV128   VectorMemory = 11
)

// VectorMemory adds such an instruction.
func (f *Func) VectorMemory(o VectorMemory, offset int) {
	f.op(append([]byte{0xfd, byte(o), 0}, number(offset)...)...)
}

// StoreLow64 stores the low half of a vector.
func (f *Func) StoreLow64(offset int) {
	f.op(append(append([]byte{0xfd, 91, 0}, number(offset)...), 0)...)
}

// Ints pushes a vector of four times n.
func (f *Func) Ints(n int32) {
	f.op(0xfd, 12)
	for range 4 {
		f.op(binary.LittleEndian.AppendUint32(nil, uint32(n))...)
	}
}

// Floats pushes a vector of four times x.
func (f *Func) Floats(x float32) { f.Ints(int32(math.Float32bits(x))) }
