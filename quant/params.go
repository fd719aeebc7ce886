package quant

import "math"

// Params maps the bytes of one tensor to real values: x = Scale * (q - Zero).
type Params struct {
	Scale float32 `json:"scale"`
	Zero  int32   `json:"zero"` // -128 ... 127
}

// minScale keeps the scale of a tensor that is always zero, and the quotients made of it, away from
// zero and infinity.
const minScale = 1e-12

// Range returns the Params that map [lo, hi], widened to include 0, to the 256 bytes.
func Range(lo, hi float64) Params {
	lo, hi = math.Min(lo, 0), math.Max(hi, 0)
	scale := math.Max((hi-lo)/255, minScale)
	zero := math.RoundToEven(-128 - lo/scale)
	return Params{Scale: float32(scale), Zero: int32(math.Max(-128, math.Min(127, zero)))}
}

// Quantize: dst[i] = x[i]/Scale + Zero, rounded to the nearest whole number, ties to even, and
// saturated. NaN becomes -128.
func (p Params) Quantize(dst []int8, x []float32) {
	if len(dst) != len(x) {
		panic("quant: Quantize: lengths differ")
	}
	for i, v := range x {
		dst[i] = p.quantize(v)
	}
}

func (p Params) quantize(x float32) int8 {
	v := float32(x / p.Scale)
	if !(v > float32(-128-p.Zero)) {
		return -128
	}
	if v >= float32(127-p.Zero) {
		return 127
	}
	return int8(nearest(v) + p.Zero)
}

// Round sets each value to the nearest that a byte stands for: quantized and back.
func (p Params) Round(x []float32) {
	for i, v := range x {
		x[i] = float32(p.Scale * float32(int32(p.quantize(v))-p.Zero))
	}
}

// nearest rounds v, |v| < 2^22, to the nearest whole number, ties to even.
func nearest(v float32) int32 {
	const magic = 3 << 22 // the sum has no bits left for a fraction
	return int32(math.Float32bits(float32(v+magic))) - 0x4b400000
}
