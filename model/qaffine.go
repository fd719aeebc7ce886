package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QAffine is a multiplication and an addition for each channel, and a leaky activation after it, in
// integers: a BatchNorm that no weights precede, one that depends on a class, or a PReLU.
//
//	v = (x-zero)*weight + bias
//	v = v*slope / 2^16 where v < 0, rounded down
//	y = clamp(round(v / 2^Shift) + Output.Zero), halves rounded up
//
// Inputs are bytes and, for weights of each class, a class. Parameters, all int32: weight, at most
// 2^22, and bias, at most 2^30, both (classes, columns), classes being 1 without a class; slope
// (columns), of which 2^16 means 1. There is a column for each channel or, with Features, for each
// feature of the image.
type QAffine struct {
	Shift    int          `json:"shift"` // 1 to 62
	Features bool         `json:"features,omitempty"`
	Output   quant.Params `json:"output"`
}

// slopeOne is a slope of 1.
const slopeOne = 1 << 16

// The largest weight and bias: their sum fits int32 for any byte.
const (
	affineBits = 22
	biasBits   = 30
)

func init() { Register[QAffine]() }

// Kind returns "qaffine".
func (QAffine) Kind() string { return "qaffine" }

// Infer returns bytes of the first input's shape.
func (o QAffine) Infer(in []Spec) (Spec, error) {
	if len(in) == 0 || len(in) > 2 {
		return Spec{}, fmt.Errorf("%w: %d inputs, want 1 or 2", ErrShape, len(in))
	}
	if err := int8Inputs(in[:1], 1); err != nil {
		return Spec{}, err
	}
	if len(in) == 2 && in[1].Type.Kind != Class {
		return Spec{}, fmt.Errorf("%w: input 1 is %v, want a class", ErrShape, in[1].Type)
	}
	if o.Shift < 1 || o.Shift > 62 {
		return Spec{}, fmt.Errorf("shift %d, want 1 to 62", o.Shift)
	}
	return bytesTo(in[0].Shape, o.Output, in[:1])
}

// columns is the number of weights of one class.
func (o QAffine) columns(x Shape) int {
	if o.Features {
		return x.Len()
	}
	return x.C
}

// Params lists weight, bias and slope.
func (o QAffine) Params(in []Spec) []Param {
	n, classes := o.columns(in[0].Shape), 1
	if len(in) == 2 {
		classes = in[1].Type.Classes
	}
	return []Param{
		{Name: "weight", Shape: []int{classes, n}, array: int32s}, {Name: "bias", Shape: []int{classes, n}, array: int32s, Init: Zero},
		{Name: "slope", Shape: []int{n}, array: int32s, Init: Zero},
	}
}

// check returns an error unless the sums fit.
func (QAffine) check(p []*Param) error { return checkAffine(p) }

// checkAffine returns an error unless weights and biases are small enough.
func checkAffine(p []*Param) error {
	for i, bits := range []int{affineBits, biasBits} {
		for k, v := range p[i].Int32 {
			if v < -1<<bits || v > 1<<bits {
				return fmt.Errorf("%s %d is %d, want at most 2^%d", []string{"weight", "bias"}[i], k, v, bits)
			}
		}
	}
	return nil
}

func (o QAffine) exact(y *bytesOf, x []*bytesOf, in []Spec, p []*Param) {
	n, class := o.columns(in[0].Shape), 0
	if len(x) == 2 {
		class = int(x[1].class)
	}
	for i, b := range x[0].q {
		c := i % n
		v := (int64(b)-int64(in[0].Type.Zero))*int64(p[0].Int32[class*n+c]) + int64(p[1].Int32[class*n+c])
		if v < 0 {
			v = v * int64(p[2].Int32[c]) >> 16
		}
		y.q[i] = quant.Saturate(quant.Shift(v, o.Shift) + int64(o.Output.Zero))
	}
}

// qaffine is a QAffine on layouts.
type qaffine struct {
	all     simd.ByteAffine // of all classes and columns
	columns int
	lookup
	steep []int32 // slopes, if some are not from 0 to 1
}

func (QAffine) rounds() {}

// Lower takes the zero point into the bias, which stays below 2^31.
func (o QAffine) Lower(l *Lowering) (Kernel, error) {
	p := l.Params
	weight, bias, slope := slices.Clone(p[0].Int32), slices.Clone(p[1].Int32), slices.Clone(p[2].Int32)
	for i, w := range weight {
		bias[i] -= l.Specs[0].Type.Zero * w
	}
	columns := o.columns(l.Specs[0].Shape)
	k := &qaffine{columns: columns, lookup: l.lookup(), all: simd.ByteAffine{
		Weight: weight, Bias: bias, Shift: slices.Repeat([]int32{int32(o.Shift)}, columns), Zero: o.Output.Zero,
	}}
	switch least, most := slices.Min(slope), slices.Max(slope); {
	case least == slopeOne && most == slopeOne:
	case least >= 0 && most <= slopeOne:
		k.all.Slope = slope
	default:
		k.steep = slope
	}
	return k, nil
}

// of returns what n columns from first on take for a class.
func (k *qaffine) of(class, first, n int) simd.ByteAffine {
	a, at := k.all, class*k.columns+first
	a.Weight, a.Bias, a.Shift = a.Weight[at:][:n], a.Bias[at:][:n], a.Shift[first:][:n]
	if a.Slope != nil {
		a.Slope = a.Slope[first:][:n]
	}
	return a
}

// Forward: y = round(leaky((x-zero)*weight + bias) / 2^shift) + Output.Zero.
func (k *qaffine) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	images := s.N1 - s.N0
	p0, p1 := s.Of(y.Positions())
	if images <= 0 || p0 >= p1 {
		return
	}
	in := &x[0]
	switch {
	case len(x) == 1 && images == 1 && k.columns == y.C:
		k.rows(w, y.Q[p0*y.Stride+s.N0*y.Row:], y.Stride, in.Q[p0*in.Stride+s.N0*in.Row:], in.Stride, p1-p0, 0, 0, y.C)
		return
	case len(x) == 1:
	default:
		images = 1 // of one class
	}
	for p := p0; p < p1; p++ {
		first := 0 // column
		if k.columns > y.C {
			first = p * y.C
		}
		for n := s.N0; n < s.N1; n += images {
			class := 0
			if len(x) == 2 {
				class = int(x[1].Class[n])
			}
			k.rows(w, y.Q[p*y.Stride+n*y.Row:], y.Row, in.Q[p*in.Stride+n*in.Row:], in.Row, images, class, first, y.C)
		}
	}
}

// rows computes rows of n columns, ds bytes apart in dst and xs in x.
func (k *qaffine) rows(w *Worker, dst []int8, ds int, x []int8, xs, rows, class, first, n int) {
	a := k.of(class, first, n)
	if k.steep == nil {
		w.Kernels.Bytes.Affine(dst, ds, x, xs, rows, a)
	} else {
		for r := range rows {
			k.steepRow(dst[r*ds:][:n], x[r*xs:][:n], a, k.steep[first:][:n])
		}
	}
	if k.table == nil {
		return
	}
	if ds == n {
		rows, n = 1, rows*n
	}
	for r := range rows {
		k.look(w, dst[r*ds:][:n])
	}
}

// steepRow is of any slopes.
func (*qaffine) steepRow(dst, x []int8, a simd.ByteAffine, slope []int32) {
	for c, b := range x {
		v := int64(int32(b)*a.Weight[c] + a.Bias[c])
		v = max(v, 0) + min(v, 0)*int64(slope[c])>>16
		dst[c] = quant.Saturate(quant.Shift(v, int(a.Shift[c])) + int64(a.Zero))
	}
}

func (*qaffine) overwrites() {}

// affine adds the QAffine that computes leaky(a*x + b), with the slopes of negative values; a and b
// are (classes, columns).
func (q *quantization) affine(n *Node, a, b, slope []float64, out quant.Params) (*Value, error) {
	x := q.in(n, 0)
	in := x.Type.Params
	weights, biases, slopes := make([]float64, len(a)), make([]float64, len(b)), make([]int32, len(slope))
	for i := range a {
		weights[i], biases[i] = a[i]*float64(in.Scale)/float64(out.Scale), b[i]/float64(out.Scale)
	}
	for i, s := range slope {
		v := math.RoundToEven(s * slopeOne)
		if !(math.Abs(v) <= math.MaxInt32) {
			return nil, fmt.Errorf("slope %d is %v: %w", i, s, quant.ErrRange)
		}
		slopes[i] = int32(v)
	}
	w, b32, shift, err := fixedAffine(weights, biases)
	if err != nil {
		return nil, err
	}
	v := q.add(n, QAffine{Shift: shift, Features: len(slope) != x.Shape.C, Output: out})
	if q.graph.err == nil {
		p := v.Node.Params
		p[0].Int32, p[1].Int32, p[2].Int32 = w, b32, slopes
	}
	return v, nil
}

// whole returns x * 2^shift, rounded to the nearest whole numbers, ties to even.
func whole(x []float64, shift int) []int32 {
	w := make([]int32, len(x))
	for i, v := range x {
		w[i] = int32(math.RoundToEven(math.Ldexp(v, shift)))
	}
	return w
}
