package arena

import "unsafe"

const (
	page = 2 << 20  // of the huge kind
	line = 64       // of a cache
	big  = 4 * page // from here on a buffer starts with a huge page, which takes one more
)

// Floats returns n zeros that start on a cache line.
func Floats(n int) []float32 {
	if n == 0 {
		return nil
	}
	slack := line
	if n >= big/4 {
		slack = page
	}
	raw := make([]float32, n+slack/4)
	v := raw[before(raw, slack)/4:][:n:n]
	if at := before(v, page); n*4 >= at+page {
		advise(unsafe.Slice((*byte)(unsafe.Pointer(&v[at/4])), (n*4-at)/page*page))
	}
	return v
}

// before is how many bytes of v lie before the first multiple of size.
func before(v []float32, size int) int {
	return int(-uintptr(unsafe.Pointer(unsafe.SliceData(v))) % uintptr(size))
}

// Halves is Floats for half precision: n zeros of 16 bits.
func Halves(n int) []uint16 {
	v := Floats((n + 1) / 2)
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(v))), 2*len(v))[:n:n]
}

// Shorts is Floats for int16.
func Shorts(n int) []int16 {
	v := Halves(n)
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(v))), n)
}

// Ints is Floats for int32.
func Ints(n int) []int32 {
	v := Floats(n)
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(v))), n)
}
