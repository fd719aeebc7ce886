package model

// rounding is how kernels make bytes of sums: quant.Shift, a zero point and quant.Saturate, with
// what does not depend on the sum found beforehand.
type rounding struct {
	half  int64
	shift uint
	zero  int64
}

func newRounding(shift int, zero int32) rounding {
	return rounding{half: 1 << (shift - 1), shift: uint(shift), zero: int64(zero)}
}

// byte returns clamp(round(v / 2^shift) + zero), halves rounded up.
func (r rounding) byte(v int64) int8 {
	return int8(max(-128, min(127, (v+r.half)>>(r.shift&63)+r.zero)))
}
