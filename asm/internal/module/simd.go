package module

import (
	"encoding/binary"
	"math"
)

// Vector is an instruction on vectors without operands of its own.
type Vector int

// Instructions on vectors, by the specification's names: I16x8 is eight integers of 16 bits.
const (
	SplatI16x8     Vector = 16
	SplatI32x4     Vector = 17
	SplatF32x4     Vector = 19
	NarrowI16x8    Vector = 101 // two vectors to int8, with saturation
	NarrowI32x4    Vector = 133 // two vectors to int16, with saturation
	WidenLowI8x16  Vector = 135
	WidenHighI8x16 Vector = 136
	AddI16x8       Vector = 142
	MulI16x8       Vector = 149
	ShrSI32x4      Vector = 172
	AddI32x4       Vector = 174
	SubI32x4       Vector = 177
	MulI32x4       Vector = 181
	DotI16x8       Vector = 186 // the sums of products of pairs
	AddF32x4       Vector = 228
	SubF32x4       Vector = 229
	MulF32x4       Vector = 230
	DivF32x4       Vector = 231
	PMinF32x4      Vector = 234 // b < a ? b : a
	PMaxF32x4      Vector = 235 // a < b ? b : a
	ConvertI32x4   Vector = 250 // to F32x4
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
	LoadSplat16 VectorMemory = 8
	StoreV128   VectorMemory = 11
)

// VectorMemory adds such an instruction.
func (f *Func) VectorMemory(o VectorMemory, offset int) {
	f.op(append([]byte{0xfd, byte(o), 0}, number(offset)...)...)
}

// StoreLow stores the low 32 or 64 bits of a vector.
func (f *Func) StoreLow(bits, offset int) {
	code := map[int]byte{32: 90, 64: 91}[bits]
	f.op(append(append([]byte{0xfd, code, 0}, number(offset)...), 0)...)
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
