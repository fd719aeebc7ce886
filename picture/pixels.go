package picture

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/gantiny/gantiny/quant"
)

// Pixels sets dst[i] = round((x[i]+1) * 127.5), in float32, halves to the even
// number, within 0 ... 255; NaN gives 0. It undoes (v - 127.5) / 127.5 exactly.
// Every picture of gantiny is made by this one rule.
func Pixels(dst []uint8, x []float32) { quant.Pixels(dst, x) }

// PixelsSHA256 returns the hash of pixels, image after image, in hex: what
// pixels_sha256 means wherever it is printed.
func PixelsSHA256(pix []uint8) string {
	sum := sha256.Sum256(pix)
	return hex.EncodeToString(sum[:])
}
