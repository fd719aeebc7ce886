package model

import (
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// PReLU is y = x where x > 0 and slope*x elsewhere, with a slope for each channel, or for each
// feature of a vector, that is trained (He et al. 2015). Parameter: slope (C), which starts at
// 0.25.
type PReLU struct{}

func init() { Register[PReLU]() }

// Kind returns "prelu".
func (PReLU) Kind() string { return "prelu" }

// Infer returns what the input is.
func (PReLU) Infer(in []Spec) (Spec, error) { return sameAs(in) }

// Params lists slope.
func (PReLU) Params(in []Spec) []Param {
	return []Param{Vector("slope", in[0].Shape.C, Quarter, true)}
}

// Reference: y = x where x > 0, slope*x elsewhere.
func (PReLU) Reference(y []float64, x, p [][]float64, in []Spec) {
	for i, v := range x[0] {
		y[i] = v
		if v <= 0 {
			y[i] = p[0][i%in[0].Shape.C] * v
		}
	}
}

func (PReLU) anyLayout() {}

// keeps: Backward reads the input alone.
func (PReLU) keeps() (limit, output need) { return never, nothing }

// Lower: see prelu.
func (PReLU) Lower(l *Lowering) (Kernel, error) {
	return &prelu{slope: slices.Clone(l.Params[0].Data)}, nil
}

// LowerTraining: see prelu.
func (PReLU) LowerTraining(l *Lowering) (TrainKernel, error) {
	slope := l.Params[0].Data
	return &prelu{slope: slope, sums: make([]float64, len(slope))}, nil
}

// quantize: see QAffine.
func (PReLU) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	list := n.Params[0].Data
	slope, zeros := make([]float64, len(list)), make([]float64, len(list))
	for i, v := range list {
		slope[i] = float64(v)
	}
	return q.affine(n, slices.Repeat([]float64{1}, len(list)), zeros, slope, out)
}

// prelu is a PReLU on layouts.
type prelu struct {
	slope []float32 // C, or positions x C of a vector's features
	sums  []float64 // alike, of ParamGrad
}

// of returns the slopes of the channels at position p.
func (o *prelu) of(p, channels int) []float32 {
	if len(o.slope) > channels {
		return o.slope[p*channels:][:channels]
	}
	return o.slope
}

// Forward: y = x where x > 0, slope*x elsewhere.
func (o *prelu) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		dst, slope := y.At(p, n), o.of(p, y.C)
		for c, v := range x[0].At(p, n) {
			if v <= 0 {
				v *= slope[c]
			}
			dst[c] = v
		}
	}
}

func (o *prelu) overwrites() {}

// Backward: dx = dy where x > 0, slope*dy elsewhere.
func (o *prelu) Backward(_ *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	if dx[0].F == nil {
		return
	}
	for p, n := range s.rows(dy.Layout) {
		dst, from, slope := dx[0].At(p, n), x[0].At(p, n), o.of(p, dy.C)
		for c, d := range dy.At(p, n) {
			if from[c] <= 0 {
				d *= slope[c]
			}
			dst[c] = d
		}
	}
}

// Tangent: ty = tx where x > 0, slope*tx elsewhere.
func (o *prelu) Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share) {
	o.Backward(w, []Tensor{ty}, tx[0], x, y, s)
}

// ParamGrad: dslope += Σ dy*x where x <= 0.
func (o *prelu) ParamGrad(_ *Worker, dp [][]float32, dy Tensor, x []Tensor, _ Tensor, s Share) {
	lo, hi := s.Of(len(o.sums))
	sums := o.sums[lo:hi]
	clear(sums)
	for p := range dy.Positions() {
		c0, c1, at := features(lo, hi, p, dy.C, len(o.sums))
		for n := range dy.N {
			from := x[0].At(p, n)[c0:c1]
			for c, d := range dy.At(p, n)[c0:c1] {
				if v := from[c]; v <= 0 {
					sums[at+c] += float64(float64(d) * float64(v))
				}
			}
		}
	}
	addSums(dp[0][lo:hi], sums)
}

func (o *prelu) bytes() int64 { return 8 * int64(len(o.sums)) }
