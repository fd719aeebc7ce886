package picture

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
)

// Pixels sets dst[i] = round((x[i]+1) * 127.5), in float32, halves to the even
// number, within 0 ... 255; NaN gives 0. It undoes (v - 127.5) / 127.5 exactly.
// Every picture of gantiny is made by this one rule.
func Pixels(dst []uint8, x []float32) {
	if len(dst) != len(x) {
		panic("picture: Pixels: lengths differ")
	}
	for i, v := range x {
		dst[i] = pixel(v)
	}
}

func pixel(x float32) uint8 {
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

// PixelsSHA256 returns the hash of pixels, image after image, in hex: what
// pixels_sha256 means wherever it is printed.
func PixelsSHA256(pix []uint8) string {
	sum := sha256.Sum256(pix)
	return hex.EncodeToString(sum[:])
}
