package half

import "math"

// Widen returns the float32 that the binary16 number h stands for, exactly.
func Widen(h uint16) float32 {
	sign, exp, frac := uint32(h)>>15<<31, uint32(h)>>10&31, uint32(h)&1023
	switch exp {
	case 31: // infinity, NaN
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	case 0: // zero and subnormal numbers: frac * 2^-24
		return math.Float32frombits(math.Float32bits(float32(frac)*0x1p-24) | sign)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// Narrow rounds f to the nearest binary16 number, ties to even.
func Narrow(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 31 << 15)
	b &= 1<<31 - 1
	switch {
	case b > 255<<23: // NaN, kept one
		return sign | 31<<10 | 1<<9
	case b >= (127+16)<<23: // 2^16 and more, infinity among them
		return sign | 31<<10
	case b < (127-14)<<23:
		// Below 2^-14 the result counts in steps of 2^-24: adding 1/2, whose own
		// last bit is worth that, rounds there. A carry into 2^-14 is right as well.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	// 13 bits go. The carry may run into the exponent, and from there to infinity.
	b += 1<<12 - 1 + b>>13&1
	return sign | uint16(b>>13-(127-15)<<10)
}

// Exact reports whether half precision holds all of v. It says no to NaN.
func Exact(v []float32) bool {
	for _, f := range v {
		b := math.Float32bits(f)
		if e := b >> 23 & 255; b&(1<<13-1) == 0 && e >= 127-14 && e < 127+16 {
			continue // a normal number, of few enough bits
		}
		if Widen(Narrow(f)) != f {
			return false
		}
	}
	return true
}
