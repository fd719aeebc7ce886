package view

import (
	"encoding/binary"
	"unsafe"
)

// Float32s returns b as little-endian float32 values in place: they are the same memory, must not
// be written to unless b may be, and keep it alive. It returns nil, and the caller copies, where
// that cannot be: if b is empty, is no whole number of values, does not start at a multiple of 4
// bytes, or the machine orders bytes the other way.
func Float32s(b []byte) []float32 {
	const size = unsafe.Sizeof(float32(0))
	first := unsafe.Pointer(unsafe.SliceData(b))
	if len(b) == 0 || uintptr(len(b))%size != 0 || uintptr(first)%unsafe.Alignof(float32(0)) != 0 || !littleEndian {
		return nil
	}
	return unsafe.Slice((*float32)(first), uintptr(len(b))/size)
}

// Int8s returns b as signed bytes in place, nil if b is empty.
func Int8s(b []byte) []int8 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

// Bytes returns the bytes of s in place: nothing may write to them.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// littleEndian tells whether this machine puts the lowest byte first.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
