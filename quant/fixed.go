package quant

import (
	"fmt"
	"math"
)

// Fixed writes factors as whole numbers over one power of two: factor i is m[i] / 2^shift, rounded
// to the nearest whole number, ties to even, and |m[i]| is at most 2^bits. shift is the largest of
// 1 to 62 for which that holds. The error wraps ErrRange: a factor is not finite or beyond
// 2^(bits-1).
//
// The steps are single operations of float64, so that every machine finds the same numbers.
func Fixed(bits int, factors ...float64) (m []int64, shift int, err error) {
	most := 0.0
	for i, f := range factors {
		if !(math.Abs(f) <= math.Ldexp(1, bits-1)) {
			return nil, 0, fmt.Errorf("quant: factor %d is %g, want at most 2^%d: %w", i, f, bits-1, ErrRange)
		}
		most = math.Max(most, math.Abs(f))
	}
	shift = 62
	if most > 0 {
		_, e := math.Frexp(most) // most < 2^e
		shift = min(shift, bits-e)
	}
	shift = max(shift, 1)
	m = make([]int64, len(factors))
	for i, f := range factors {
		m[i] = int64(math.RoundToEven(math.Ldexp(f, shift)))
	}
	return m, shift, nil
}

// Shift returns v / 2^shift for a shift of 1 to 62, rounded to the nearest whole number, halves up.
func Shift(v int64, shift int) int64 { return (v + 1<<(shift-1)) >> shift }

// Saturate returns v within -128 ... 127.
func Saturate(v int64) int8 { return int8(max(-128, min(127, v))) }

// Check returns an error unless the zero point is a byte and the scale from 2^-100 to 2^100, so
// that quotients of scales are finite.
func (p Params) Check() error {
	if p.Zero < -128 || p.Zero > 127 {
		return fmt.Errorf("zero point %d, want -128 to 127", p.Zero)
	}
	if s := float64(p.Scale); !(s >= math.Ldexp(1, -100) && s <= math.Ldexp(1, 100)) {
		return fmt.Errorf("scale %v, want 2^-100 to 2^100", p.Scale)
	}
	return nil
}

// Rescale returns the bytes in steps of out that stand for what bytes in steps of p do: entry b+128
// is (b-Zero) * Scale / out.Scale, rounded to the nearest whole number, ties to even, plus
// out.Zero, saturated. The product is exact in float64, and the quotient is one operation: the
// table is the same on every machine.
func (p Params) Rescale(out Params) (table [256]int8) {
	for i := range table {
		v := float64(int32(i-128)-p.Zero) * float64(p.Scale) / float64(out.Scale)
		v = math.RoundToEven(math.Max(-512, math.Min(512, v)))
		table[i] = Saturate(int64(v) + int64(out.Zero))
	}
	return table
}

// Byte is the byte of one value, see Quantize.
func (p Params) Byte(x float32) int8 { return p.quantize(x) }
