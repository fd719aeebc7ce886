package quant

import (
	"errors"
	"fmt"
	"math"
)

// ErrRange is wrapped by errors about values that int8 arithmetic cannot hold.
var ErrRange = errors.New("values do not fit int8 arithmetic")

// Weights is a layer's weights as bytes: real weight (k, c) is Q[k*C+c] * Scale[c], C = len(Scale).
// The last axis is the output channel, of convolutions (tap, Ci, Co) and transposed ones alike, and
// the output feature of fully connected layers.
type Weights struct {
	Q     []int8
	Scale []float32

	most float64 // that a byte may be
	half bool    // whether the bytes are those of PackHalfBytes
}

// CheckWeightBits returns an error that wraps ErrRange unless QuantizeWeights knows weights of so
// many bits: 8, for which 0 stands too, 7 or 4.
func CheckWeightBits(bits int) error {
	switch bits {
	case 0, 4, 7, 8:
		return nil
	}
	return fmt.Errorf("quant: weights of %d bits: %w, want 8, 7 or 4", bits, ErrRange)
}

// QuantizeWeights spreads each of the n columns of w, (rows, n), over [-127, 127] or, with 7 bits,
// over [-63, 63]. A column of whole multiples of its largest value divided by a whole number up to
// that bound, as other programs quantize them, gets exactly these multiples.
//
// With 4 bits the bytes are those of PackHalfBytes, and each group's factor is the one of the least
// squared error. Layers of less than 4096 weights stay in 8 bits: they would save little.
//
// The error wraps ErrRange and names the first value that is not finite, or the bits.
func QuantizeWeights(w []float32, n, bits int) (Weights, error) {
	if err := CheckWeightBits(bits); err != nil {
		return Weights{}, err
	}
	q := Weights{Q: make([]int8, len(w)), Scale: make([]float32, n), most: 127}
	if bits == 7 {
		q.most = 63
	}
	q.half = bits == 4 && len(w) >= LeastHalfBytes
	most := make([]float64, n)
	for i, v := range w {
		a := math.Abs(float64(v))
		if !(a <= math.MaxFloat32) {
			return q, fmt.Errorf("quant: weight %d is %v: %w", i, v, ErrRange)
		}
		most[i%n] = math.Max(most[i%n], a)
	}
	for c := range most {
		steps := float64(halfMost * factorMost)
		if !q.half {
			steps = multiples(w, c, n, most[c], q.most)
		}
		q.Scale[c] = float32(math.Max(most[c]/steps, minScale))
	}
	q.round(w)
	return q, nil
}

// round sets the bytes to those nearest to w.
func (q Weights) round(w []float32) {
	if q.half {
		q.roundGroups(w)
		return
	}
	n := len(q.Scale)
	for i, v := range w {
		q.Q[i] = int8(math.Max(-q.most, math.Min(q.most, math.RoundToEven(float64(v)/float64(q.Scale[i%n])))))
	}
}

// multiples returns the largest k up to bound for which the weights of column c of n are whole
// multiples of most/k, or else bound.
func multiples(w []float32, c, n int, most, bound float64) float64 {
	const near = 1e-4 // of one of them
	unit := 1 / most
	for k := bound; k >= 1 && most > minScale; k-- {
		whole := true
		for i := c; whole && i < len(w); i += n {
			v := float64(float64(w[i]) * (k * unit))
			whole = math.Abs(v-math.RoundToEven(v)) < near
		}
		if whole {
			return k
		}
	}
	return bound
}

// Floats returns the real weights that the bytes stand for.
func (q Weights) Floats() []float32 {
	w := make([]float32, len(q.Q))
	for i, v := range q.Q {
		w[i] = float32(float32(v) * q.Scale[i%len(q.Scale)])
	}
	return w
}

// maxBias leaves the sums of products ample room below 2^31.
const maxBias = 1 << 30

// Bias returns a layer's bias in units of its sums: round(b[c] / (in*scale[c])), in being the step
// of the layer's input and scale those of its weights. The error wraps ErrRange and names the first
// channel whose bias is beyond 2^30 of them.
func Bias(b []float32, in float32, scale []float32) ([]int32, error) {
	q := make([]int32, len(b))
	for c, v := range b {
		r := math.RoundToEven(float64(v) / (float64(in) * float64(scale[c])))
		if !(math.Abs(r) <= maxBias) {
			return nil, fmt.Errorf("quant: bias %d is %v, %g of the products' steps: %w", c, v, r, ErrRange)
		}
		q[c] = int32(r)
	}
	return q, nil
}

// Fit raises the scales of columns whose bias b[c] would not fit beside weights as small as theirs,
// and quantizes those of w, (rows, columns), anew. in is the step of the layer's input.
func (q Weights) Fit(w, b []float32, in float32) {
	raised := false
	for c, v := range b {
		if least := math.Abs(float64(v)) / float64(in) / (maxBias / 2); least > float64(q.Scale[c]) {
			q.Scale[c], raised = float32(least), true
		}
	}
	if raised {
		q.round(w)
	}
}

// Multipliers returns what turns a layer's sums into the steps of its output: in*scale[c]/out.
func Multipliers(in float32, scale []float32, out float32) []float32 {
	m := make([]float32, len(scale))
	for c, s := range scale {
		m[c] = float32(float64(in) * float64(s) / float64(out))
	}
	return m
}

// CheckSums returns an error that wraps ErrRange and names the channel if a sum of bytes times
// weights q, (rows, len(bias)), plus bias could leave int32: |x - zero| is at most 255.
func CheckSums(q []int8, bias []int32) error {
	n := len(bias)
	sum := make([]int64, n)
	for i, v := range q {
		sum[i%n] += max(int64(v), -int64(v)) * 255
	}
	for c, s := range sum {
		if s += max(int64(bias[c]), -int64(bias[c])); s > math.MaxInt32 {
			return fmt.Errorf("quant: channel %d could sum to %d: %w", c, s, ErrRange)
		}
	}
	return nil
}
