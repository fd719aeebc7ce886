package simd

import "math/bits"

// Bytes holds the functions of one instruction set that work on int8 elements one by one. All rows
// give the same bytes: each function is one of whole numbers, and what it computes on the way fits
// the type that it is computed in. byte(v, zero) stands for v+zero within -128 ... 127, and
// round(v / 2^s) for v / 2^s rounded to the nearest whole number, halves up; s is from 1 to 62.
//
// Where a function has dst and x of one length, dst may be x.
type Bytes struct {
	// Table: dst[i] = the entry of t for x[i].
	Table func(dst, x []int8, t *ByteTable)
	// Add: dst[i] = byte(round((A*x[i] + B*y[i] + C) / 2^Shift), Zero).
	Add func(dst, x, y []int8, s *ByteSum)
	// Mul: dst[i] = byte(round((x[i]-X)*(y[i]-Y)*M / 2^Shift), Zero).
	Mul func(dst, x, y []int8, p *ByteProduct)
	// Affine: with v = x[r*xs+c]*Weight[c] + Bias[c] for r < rows, c < len(Weight), dst[r*ds+c] =
	// byte(round(leaky(v) / 2^Shift[c]), Zero); v < 0 becomes v*Slope[c] / 2^16, rounded down.
	Affine func(dst []int8, ds int, x []int8, xs, rows int, a ByteAffine)
	// Moments: sum[c] = Σ x[r*xs+c] and squares[c] = Σ x[r*xs+c]^2 over r < rows, at most
	// MaxMoments, for c < len(sum) = len(squares).
	Moments func(sum, squares []int32, x []int8, xs, rows int)
	// Mean: with v = Start + Σ t.Weight*src[t.From*stride+i] over the terms, dst[i] = byte(round(v*M
	// / 2^Shift), Zero). dst and src do not overlap.
	Mean func(dst, src []int8, stride int, m *ByteMean)
}

// ByteTable is a function of a byte.
type ByteTable struct {
	entry [256]int8 // of x at x+128
	// steps are what entries differ by, bit by bit, from those 16 places before, each half by
	// itself: all of them up to an entry's add up to it.
	steps [256]int8
}

// NewByteTable has entry[x+128] for the byte x.
func NewByteTable(entry *[256]int8) *ByteTable {
	t := &ByteTable{entry: *entry, steps: *entry}
	for i := range 256 {
		if i%128 >= 16 {
			t.steps[i] ^= entry[i-16]
		}
	}
	return t
}

// ByteSum holds what Add needs. A*x + B*y + C is an int32 for all bytes x and y.
type ByteSum struct{ A, B, C, Shift, Zero int32 }

// ByteProduct holds what Mul needs, see NewByteProduct.
type ByteProduct struct {
	X, Y int32 // zero points: bytes
	scale
}

// NewByteProduct is for a factor of m / 2^shift, where |m| is at most 2^30 and, for shifts below 16,
// at least 2^29 or 0: products other than 0 are then beyond all bytes.
func NewByteProduct(x, y int32, m int64, shift int, zero int32) *ByteProduct {
	const least = 16
	if shift < least && m != 0 {
		m, shift = m/max(m, -m)<<29, least
	}
	return &ByteProduct{x, y, newScale(m, shift, zero, 255*255)}
}

// scale turns whole numbers into bytes: v becomes byte(round(v*m / 2^shift), zero).
type scale struct {
	m           int64
	shift, zero int32

	// fits says that v*m / 2^shift is an int32 and m one too. Then round(v*m / 2^shift) + zero = (v*m
	// + base) >> shift + end, in unsigned numbers of 64 bits cut to 32: base is half of what the
	// shift drops and a multiple of 2^shift with which no sum is negative.
	fits bool
	base uint64
	end  int32
}

// newScale is for v that are at most most, which is below 2^31.
func newScale(m int64, shift int, zero int32, most int64) scale {
	s := scale{m: m, shift: int32(shift), zero: zero}
	size := 64
	if m >= -1<<30 && m <= 1<<30 {
		size = bits.Len64(uint64(max(m, -m) * most))
	}
	if size > 61 || size > shift+30 {
		return s
	}
	base := uint64(1) << max(size, shift)
	s.fits, s.base, s.end = true, base+1<<(shift-1), zero-int32(base>>shift)
	return s
}

// round is what the scale is for.
func (s *scale) round(v int64) int8 {
	return int8(max(-128, min(127, (v*s.m+1<<(s.shift-1))>>(s.shift&63)+int64(s.zero))))
}

// ByteAffine holds what Affine needs for each column. x*Weight + Bias is an int32 for all bytes x.
// Slope is nil for slopes of 1, that is 2^16, and else from 0 to 2^16; Shift is from 1 to 62.
type ByteAffine struct {
	Weight, Bias, Slope, Shift []int32
	Zero                       int32
}

// check panics unless the slices fit.
func (a *ByteAffine) check(dst []int8, ds int, x []int8, xs, rows int) {
	n := len(a.Weight)
	sameLen(n, len(a.Bias))
	sameLen(n, len(a.Shift))
	if a.Slope != nil {
		sameLen(n, len(a.Slope))
	}
	checkRows(dst, ds, rows, n)
	checkRows(x, xs, rows, n)
}

// MaxMoments is the most rows of Bytes.Moments: squares add up to less than 2^31.
const MaxMoments = 1<<17 - 1

// ByteTerm is a part of a mean: the elements From rows into the source, and their weight.
type ByteTerm struct{ From, Weight int32 }

// ByteMean holds what Mean needs, see NewByteMean.
type ByteMean struct {
	terms []ByteTerm
	rows  int // how many the source must have
	start int64
	scale
}

// NewByteMean is for weighted sums of distances from a zero point, and a factor of m / 2^shift. It
// keeps terms.
func NewByteMean(terms []ByteTerm, in int32, m int64, shift int, zero int32) *ByteMean {
	b := &ByteMean{terms: terms}
	size, narrow := int64(0), true
	for _, t := range terms {
		if t.From < 0 {
			panic("simd: ByteMean: negative row")
		}
		w := int64(t.Weight)
		b.start -= int64(in) * w
		size += max(w, -w)
		narrow = narrow && w == int64(int16(w))
		b.rows = max(b.rows, int(t.From)+1)
	}
	b.scale = newScale(m, shift, zero, min(255*size, 1<<31-1))
	b.fits = b.fits && 255*size < 1<<31 && narrow
	return b
}

// check panics unless the source has all rows.
func (m *ByteMean) check(dst, src []int8, stride int) {
	if n := len(dst); n > 0 && m.rows > 0 && (stride < 0 || (m.rows-1)*stride+n > len(src)) {
		panic("simd: Mean: src too short")
	}
}
