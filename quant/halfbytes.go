package quant

import (
	"errors"
	"fmt"
	"math"
)

// Weights of 4 bits are bytes that are products: of a number from -8 to 7 for each weight and a
// factor from 1 to 15 for each group of 32 rows of a column. So they are bytes of one scale a
// column as others are, which every kernel takes, and 4.125 bits of each are information.
const (
	halfLeast  = -8
	halfMost   = 7
	factorMost = 15
	groupRows  = 32
)

// LeastHalfBytes is how many weights a layer has at least whose weights get 4 bits.
const LeastHalfBytes = 4096

// ErrHalfBytes is wrapped by the error about bytes that PackHalfBytes has not made.
var ErrHalfBytes = errors.New("not weights of 4 bits")

// roundGroups is round of weights of 4 bits.
func (q Weights) roundGroups(w []float32) {
	n := len(q.Scale)
	rows := len(w) / n
	var group [groupRows]float64 // a group's weights, in steps of the column
	for from := 0; from < rows; from += groupRows {
		for c, scale := range q.Scale {
			g := group[:min(groupRows, rows-from)]
			for k := range g {
				g[k] = float64(w[(from+k)*n+c]) / float64(scale)
			}
			f := groupFactor(g)
			for k, v := range g {
				q.Q[(from+k)*n+c] = int8(f * halfByte(v/f))
			}
		}
	}
}

// halfByte rounds to a number of 4 bits.
func halfByte(v float64) float64 {
	return math.Max(halfLeast, math.Min(halfMost, math.RoundToEven(v)))
}

// groupFactor returns the factor with which the group has the least squared error: among the one
// that clips nothing and those of at least half of it.
func groupFactor(g []float64) float64 {
	most := 0.0
	for _, v := range g {
		most = math.Max(most, math.Abs(v))
	}
	whole := math.Max(1, math.Min(factorMost, math.Ceil(most/halfMost)))
	best, least := whole, math.Inf(1)
	for f := whole; f >= whole/2; f-- {
		sum := 0.0
		for _, v := range g {
			d := v - float64(f*halfByte(v/f))
			sum += float64(d * d)
		}
		if sum < least {
			best, least = f, sum
		}
	}
	return best
}

// HalfBytesLen is the length of what PackHalfBytes makes of weights (rows, n).
func HalfBytesLen(rows, n int) int { return (rows*n+1)/2 + (groups(rows)*n+1)/2 }

func groups(rows int) int { return (rows + groupRows - 1) / groupRows }

// PackHalfBytes stores weights q, (rows, n), in 4 bits each if nothing is lost by it, as
// QuantizeWeights makes them: if ok, the weights of each group of 32 rows of a column (the last
// group may have fewer) are a number from -8 to 7 times the group's factor, from 1 to 15. The bytes
// are these numbers, in q's order and two's complement, and then the factors, (groups, n). Two
// stand in a byte, the first in its lower half; a half that is left over is 0.
func PackHalfBytes(q []int8, n int) (packed []byte, ok bool) {
	if n < 1 || len(q) == 0 || len(q)%n != 0 {
		return nil, false
	}
	rows := len(q) / n
	packed = make([]byte, HalfBytesLen(rows, n))
	numbers, factors := packed[:(rows*n+1)/2], packed[(rows*n+1)/2:]
	for g := range groups(rows) {
		from, to := g*groupRows, min((g+1)*groupRows, rows)
		for c := range n {
			f := commonFactor(q, from, to, c, n)
			if f == 0 {
				return nil, false
			}
			putHalf(factors, g*n+c, byte(f))
			for k := from; k < to; k++ {
				putHalf(numbers, k*n+c, byte(int(q[k*n+c])/f)&15)
			}
		}
	}
	return packed, true
}

// commonFactor returns the least factor of rows [from, to) of column c, 0 for none.
func commonFactor(q []int8, from, to, c, n int) int {
	divisor, least, most := 0, 0, 0
	for k := from; k < to; k++ {
		v := int(q[k*n+c])
		least, most = min(least, v), max(most, v)
		for a, b := divisor, max(v, -v); ; a, b = b, a%b {
			if b == 0 {
				divisor = a
				break
			}
		}
	}
	for f := 1; f <= factorMost; f++ {
		if divisor%f == 0 && most <= halfMost*f && least >= halfLeast*f {
			return f
		}
	}
	return 0
}

func putHalf(b []byte, i int, v byte) { b[i/2] |= v << (i % 2 * 4) }

func half(b []byte, i int) byte { return b[i/2] >> (i % 2 * 4) & 15 }

// UnpackHalfBytes sets q, (rows, n), to the weights that PackHalfBytes has stored. The error wraps
// ErrHalfBytes: q is no whole rows, packed has another length, a factor is 0, or a half that is left
// over is not.
func UnpackHalfBytes(q []int8, n int, packed []byte) error {
	if n < 1 || len(q)%n != 0 {
		return fmt.Errorf("quant: %w: %d weights in %d columns", ErrHalfBytes, len(q), n)
	}
	rows := len(q) / n
	if len(packed) != HalfBytesLen(rows, n) {
		return fmt.Errorf("quant: %w: %d bytes for %d weights in %d columns, want %d", ErrHalfBytes, len(packed), len(q), n, HalfBytesLen(rows, n))
	}
	numbers, factors := packed[:(rows*n+1)/2], packed[(rows*n+1)/2:]
	for _, b := range []struct {
		bytes []byte
		used  int
	}{{numbers, rows * n}, {factors, groups(rows) * n}} {
		if b.used%2 == 1 && half(b.bytes, b.used) != 0 {
			return fmt.Errorf("quant: %w: the half byte after the last one is not 0", ErrHalfBytes)
		}
	}
	for i := range groups(rows) * n {
		if half(factors, i) == 0 {
			return fmt.Errorf("quant: %w: the factor of group %d of column %d is 0", ErrHalfBytes, i/n, i%n)
		}
	}
	for i := range q {
		number := int8(half(numbers, i)<<4) >> 4
		q[i] = number * int8(half(factors, i/n/groupRows*n+i%n))
	}
	return nil
}
