package quant

import "math"

// Floats: dst[i] = (p-127.5) / 127.5, the value in [-1, 1] that a pixel stands for.
func Floats(dst []float32, p []uint8) {
	if len(dst) != len(p) {
		panic("quant: Floats: lengths differ")
	}
	for i, v := range p {
		dst[i] = float32(float32(v)-127.5) / 127.5
	}
}

// Pixels sets dst[i] = round((x[i]+1) * 127.5), in float32, halves to the even
// number, within 0 ... 255; NaN gives 0. It undoes Floats exactly.
// Every picture of gantiny is made by this one rule.
func Pixels(dst []uint8, x []float32) {
	if len(dst) != len(x) {
		panic("quant: Pixels: lengths differ")
	}
	for i, v := range x {
		dst[i] = Pixel(v)
	}
}

// Pixel is the pixel of one value.
func Pixel(x float32) uint8 {
	// The conversions keep compilers from fusing the steps into one rounding.
	v := float32(float32(x+1) * 127.5)
	if !(v > 0) { // NaN, too
		return 0
	}
	if v >= 255 {
		return 255
	}
	// At 2^23 a float32 has no fraction left: the addition rounds.
	return uint8(math.Float32bits(v + 1<<23))
}
