package arena

import "unsafe"

const (
	page = 2 << 20  // of the huge kind
	line = 64       // of a cache
	big  = 4 * page // from here on huge pages are asked for
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
	at := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%uintptr(slack)) / 4
	v := raw[at:][:n:n]
	if slack == page {
		advise(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), n*4/page*page))
	}
	return v
}

// Halves is Floats for half precision: n zeros of 16 bits.
func Halves(n int) []uint16 {
	v := Floats((n + 1) / 2)
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(v))), 2*len(v))[:n:n]
}
