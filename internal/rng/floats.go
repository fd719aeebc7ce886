package rng

import "math/bits"

//go:generate go run ./gen -o normal_table.go

// Uniform maps a random word to [0, 1): its upper 24 bits, exactly.
func Uniform(u uint32) float32 { return float32(u>>8) * (1.0 / (1 << 24)) }

// The normal transform's fixed-point formats. The table has one row of segments
// for every number of leading zeros of the tail probability, so that its
// relative resolution is the same at any distance from the middle.
const (
	segmentBits = 5                // segments an octave: 1 << segmentBits
	fracBits    = 31 - segmentBits // position within a segment
	coefBits    = 28               // binary places of the coefficients
	normalBits  = 21               // binary places of the result
	roundShift  = coefBits - normalBits
)

// Normal maps a random word to a standard normal number: the inverse of its
// distribution function at p = (u + 1/2) / 2^32. It rises with u, its absolute
// error is below 5e-7, Normal(^u) == -Normal(u), and no value is beyond 6.34.
//
// The inverse is a quadratic on each segment of a table, evaluated in integers.
// The result is a multiple of 2^-21 below 8, which a float32 holds exactly.
func Normal(u uint32) float32 {
	v := u
	if u>>31 != 0 {
		v = ^u
	}
	w := 2*v + 1 // the tail's probability is w / 2^33
	zeros := bits.LeadingZeros32(w)
	w <<= zeros
	q := &normalTable[zeros<<segmentBits|int(w>>fracBits)&(1<<segmentBits-1)]
	f := int64(w & (1<<fracBits - 1))
	z := int64(q[0]) + (int64(q[1])+int64(q[2])*f>>fracBits)*f>>fracBits
	n := int32((z + 1<<(roundShift-1)) >> roundShift)
	if u>>31 == 0 {
		n = -n
	}
	return float32(n) * (1.0 / (1 << normalBits))
}

// NormalTable returns the coefficients of Normal's segments, three after another, for those who
// write it in another language.
func NormalTable() []int32 {
	list := make([]int32, 0, 3*len(normalTable))
	for _, q := range normalTable {
		list = append(list, q[0], q[1], q[2])
	}
	return list
}

// FillNormal writes item number index of key k: dst[j] is Normal of word j%4 of
// the block at counter (j/4, index). A longer dst only adds numbers at its end.
func FillNormal(dst []float32, k Key, index uint64) {
	fill(dst, k, index, Normal)
}

// FillUniform is FillNormal with Uniform.
func FillUniform(dst []float32, k Key, index uint64) {
	fill(dst, k, index, Uniform)
}

func fill(dst []float32, k Key, index uint64, f func(uint32) float32) {
	for j := 0; j < len(dst); j += 4 {
		b := Block(k, [4]uint32{uint32(j / 4), uint32(index), uint32(index >> 32)})
		for i := range min(4, len(dst)-j) {
			dst[j+i] = f(b[i])
		}
	}
}
