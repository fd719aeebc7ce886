package model

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// QNorm is the int8 form of InstanceNorm, GroupNorm, LayerNorm and PixelNorm, with a leaky
// activation after it:
//
//	z = (x-mean) / sqrt(variance + Epsilon/scale^2), in steps of the input; x/sqrt(...) of a PixelNorm
//	y = clamp(round(leaky(z*weight + bias) / 2^Shift) + Output.Zero)
//
// in whole numbers alone, see normFactors, so that every machine makes the same bytes.
//
// Parameters, both int32: weight, at most 2^22, and bias, at most 2^30, as many as the operator in
// floats has of gamma; those of a PixelNorm are of each channel.
type QNorm struct {
	From    string       `json:"from"`             // the kind of the operator that it was
	Groups  int          `json:"groups,omitempty"` // of a groupnorm
	Epsilon float64      `json:"epsilon"`
	Shift   int          `json:"shift"` // 1 to 62
	Slope   float32      `json:"slope"` // of negative values, at most 1, which means no activation
	Output  quant.Params `json:"output"`
}

func init() { Register[QNorm]() }

// Kind returns "qnorm".
func (QNorm) Kind() string { return "qnorm" }

// Infer returns bytes of the input's shape.
func (o QNorm) Infer(in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	s, err := bytesTo(in[0].Shape, o.Output, in)
	if err != nil {
		return Spec{}, err
	}
	g := o.Groups
	if o.From == "groupnorm" == (g == 0) {
		return Spec{}, fmt.Errorf("%d groups of a %s", g, o.From)
	}
	if g < 0 || g > 0 && in[0].Shape.C%g != 0 {
		return Spec{}, fmt.Errorf("%w: %d groups do not divide %d channels", ErrShape, g, in[0].Shape.C)
	}
	switch {
	case !slices.Contains([]string{"instancenorm", "groupnorm", "layernorm", "pixelnorm"}, o.From):
		return Spec{}, fmt.Errorf("from %q", o.From)
	case o.Shift < 1 || o.Shift > 62:
		return Spec{}, fmt.Errorf("shift %d, want 1 to 62", o.Shift)
	case !(o.Slope >= 0 && o.Slope <= 1):
		return Spec{}, fmt.Errorf("slope %v, want 0 to 1", o.Slope)
	}
	if n := o.together(in[0].Shape); n > maxNormed {
		return Spec{}, fmt.Errorf("%w: %d values share a variance, want at most %d", ErrShape, n, maxNormed)
	}
	if err := checkEpsilon(o.Epsilon); err != nil {
		return Spec{}, err
	}
	if share := epsilonShare(o.Epsilon, in[0].Type.Scale); share > maxEpsilonShare {
		return Spec{}, fmt.Errorf("epsilon is %g squares of the input's steps: %w", share, quant.ErrRange)
	}
	return s, nil
}

// together is how many values share a variance.
func (o QNorm) together(s Shape) int {
	switch o.From {
	case "instancenorm":
		return s.H * s.W
	case "groupnorm":
		return s.Len() / o.Groups
	case "pixelnorm":
		return s.C
	}
	return s.Len()
}

// Params lists weight and bias.
func (o QNorm) Params(in []Spec) []Param {
	n := in[0].Shape.C
	if o.From == "layernorm" {
		n = in[0].Shape.Len()
	}
	return []Param{{Name: "weight", Shape: []int{n}, array: int32s}, {Name: "bias", Shape: []int{n}, array: int32s, Init: Zero}}
}

// check returns an error unless the sums fit.
func (QNorm) check(p []*Param) error { return checkAffine(p) }

// exact goes from value to value, by the operator's definition.
func (o QNorm) exact(y *bytesOf, x []*bytesOf, in []Spec, p []*Param) {
	s := in[0].Shape
	group := func(i int) int { // of those that share a variance
		switch o.From {
		case "instancenorm":
			return i % s.C
		case "groupnorm":
			return i % s.C / (s.C / o.Groups)
		case "pixelnorm":
			return i / s.C
		}
		return 0
	}
	groups := make([]normSums, s.Len())
	for i, b := range x[0].q {
		g := &groups[group(i)]
		g.sum += int64(b)
		g.squares += int64(b) * int64(b)
	}
	rule := o.rule(in)
	slope := int64(slopeOf(o.Slope))
	for i, b := range x[0].q {
		c := i % p[0].Len()
		w, bias, shift := rule.statistics(groups[group(i)]).factors(p[0].Int32[c], p[1].Int32[c])
		v := int64(b)*w + bias
		if v < 0 {
			v = v * slope >> 16
		}
		y.q[i] = quant.Saturate(quant.Shift(v, shift) + int64(o.Output.Zero))
	}
}

// slopeOf is a slope of 0 to 1 in units of 1/slopeOne.
func slopeOf(s float32) int32 { return int32(math.RoundToEven(float64(s) * slopeOne)) }

// The numbers of a QNorm: n values, brought to between 2^19 and 2^20 by 2^h, have the variance V /
// n^2 in squares of a step, where V = n*squares - sum*sum. With N = n * 2^h,
//
//	(x-mean) / sqrt(variance+epsilon) = (x-mean) * N / sqrt(W), W = V * 2^2h + N*N*epsilon
//
// and W is below 2^61.
const (
	maxNormed       = 1 << 20
	maxEpsilonShare = 1 << 20
	meanBits        = 16 // fraction of a mean
	rootBits        = 41 // by which N is larger than the root that divides it
)

// normRule is what does not depend on the image.
type normRule struct {
	n       int64
	h       uint
	epsilon int64 // N*N*epsilon in squares of a step, at least 1
	zero    int64
	plain   bool // without a mean, of distances from the zero point
	shift   int
}

// epsilonShare is epsilon in squares of a step.
func epsilonShare(epsilon float64, scale float32) float64 {
	return epsilon / (float64(scale) * float64(scale))
}

func (o QNorm) rule(in []Spec) normRule {
	n := o.together(in[0].Shape)
	h := uint(20 - bits.Len(uint(n-1)))
	root := float64(n) * float64(int64(1)<<h)
	e := math.RoundToEven(root * root * epsilonShare(o.Epsilon, in[0].Type.Scale))
	return normRule{int64(n), h, max(1, int64(e)), int64(in[0].Type.Zero), o.From == "pixelnorm", o.Shift}
}

// Whole returns what whole numbers the attributes are for an input, for programs that compute the
// same: the exponent h by which the number n of values that share a variance is brought to N,
// N*N*Epsilon in squares of the input's steps, and the slope in units of 2^-16.
func (o QNorm) Whole(in Spec) (h int, epsilon int64, slope int32) {
	r := o.rule([]Spec{in})
	return int(r.h), r.epsilon, slopeOf(o.Slope)
}

// normSums are those of values that share a variance.
type normSums struct{ sum, squares int64 }

// normStatistics are what factors are made of: the mean, and N * 2^rootBits / sqrt(W) as
// inverse * 2^(-k).
type normStatistics struct {
	mean    int64 // in units of 2^-meanBits
	inverse int64
	k       int
	shift   int
}

// statistics is of whole numbers: the mean is rounded toward zero, the root and the quotient down.
func (r normRule) statistics(s normSums) normStatistics {
	v := r.n*s.squares - s.sum*s.sum
	mean := s.sum << meanBits / r.n
	if r.plain {
		v = r.n * (s.squares - 2*r.zero*s.sum + r.n*r.zero*r.zero)
		mean = r.zero << meanBits
	}
	w := uint64(v<<(2*r.h) + r.epsilon)
	k := (bits.LeadingZeros64(w) - 2) / 2
	return normStatistics{mean, int64(uint64(r.n<<r.h<<rootBits) / squareRoot(w<<(2*k))), k, r.shift}
}

// squareRoot returns the root of v < 2^62, rounded down.
func squareRoot(v uint64) uint64 {
	r := uint64(math.Sqrt(float64(v)))
	for r*r > v {
		r--
	}
	for (r+1)*(r+1) <= v {
		r++
	}
	return r
}

// The largest factor and sum, so that a byte's result fits int32.
const (
	normWeightBits = 21
	normBiasBits   = 28
	normShift      = 30
)

// factors returns what makes y = round((x*w + b) / 2^shift) of a byte: z*weight + bias with as many
// bits as fit.
func (s normStatistics) factors(weight, bias int32) (w, b int64, shift int) {
	product := int64(weight) * s.inverse // in units of 2^-have
	have, toBias := s.shift+rootBits-s.k, rootBits-s.k
	drop := max(1, bits.Len64(magnitude(product))-normWeightBits, have-normShift, toBias+bits.Len64(magnitude(int64(bias)))-normBiasBits)
	drop = min(drop, have-1)
	w = max(-1<<normWeightBits, min(1<<normWeightBits, quant.Shift(product, drop)))
	if b = int64(bias); drop <= toBias {
		b <<= toBias - drop
	} else {
		b = quant.Shift(b, drop-toBias)
	}
	return w, b - w*s.mean>>meanBits, have - drop
}

func magnitude(v int64) uint64 { return uint64(max(v, -v)) }

// norm adds the QNorm of gamma*z + beta.
func (q *quantization) norm(n *Node, o QNorm, gamma, beta []float32) (*Value, error) {
	weights, biases := make([]float64, len(gamma)), make([]float64, len(beta))
	for i := range gamma {
		weights[i], biases[i] = float64(gamma[i])/float64(o.Output.Scale), float64(beta[i])/float64(o.Output.Scale)
	}
	scale := q.in(n, 0).Type.Scale
	if share := epsilonShare(o.Epsilon, scale); share > maxEpsilonShare {
		// The largest variance of bytes is less than a sixtieth of this epsilon: it makes no
		// difference.
		const most = maxEpsilonShare / 2
		for i := range weights {
			weights[i] *= math.Sqrt(most / share)
		}
		o.Epsilon = most * float64(scale) * float64(scale)
	}
	w, b, shift, err := fixedAffine(weights, biases)
	if err != nil {
		return nil, err
	}
	o.From, o.Shift, o.Slope = n.Op.Kind(), shift, n.epilogue.slope
	v := q.add(n, o)
	if q.graph.err == nil {
		v.Node.Params[0].Int32, v.Node.Params[1].Int32 = w, b
	}
	return v, nil
}

// fixedAffine writes weights and biases as whole numbers over one power of two.
func fixedAffine(weights, biases []float64) (w, b []int32, shift int, err error) {
	_, shift, err = quant.Fixed(affineBits, weights...)
	_, most, err1 := quant.Fixed(biasBits, biases...)
	if err := errors.Join(err, err1); err != nil {
		return nil, nil, 0, err
	}
	shift = min(shift, most)
	return whole(weights, shift), whole(biases, shift), shift, nil
}

// quantize: see QNorm.
func (l InstanceNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	return q.norm(n, QNorm{Epsilon: l.Epsilon, Output: out}, n.Params[gamma].Data, n.Params[beta].Data)
}

// quantize: see QNorm.
func (l GroupNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	return q.norm(n, QNorm{Groups: l.Groups, Epsilon: l.Epsilon, Output: out}, n.Params[gamma].Data, n.Params[beta].Data)
}

// quantize: see QNorm.
func (l LayerNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	return q.norm(n, QNorm{Epsilon: l.Epsilon, Output: out}, n.Params[gamma].Data, n.Params[beta].Data)
}

// quantize: see QNorm.
func (l PixelNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	c := n.In[0].mem.C
	return q.norm(n, QNorm{Epsilon: l.Epsilon, Output: out}, slices.Repeat([]float32{1}, c), make([]float32, c))
}
