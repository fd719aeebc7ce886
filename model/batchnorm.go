package model

import (
	"errors"
	"math"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// BatchNorm normalizes each channel, or each feature of a vector, to mean beta
// and standard deviation gamma:
//
//	y = gamma * (x-mean) / sqrt(variance+Epsilon) + beta
//
// In training mean and variance are those of the batch (all images, and all
// positions unless the input is a vector), and the moving ones follow:
// moving = Momentum*moving + (1-Momentum)*batch. At inference the moving ones
// take their place, folded into the weights of the layer before if that is
// linear.
//
// The variance is the biased one, the mean of the squared distances, in the
// normalization and in moving_variance alike. Keras does the same for vectors;
// for images its fused kernel keeps moving_variance unbiased, a factor of
// n/(n-1) for n values a channel, which is 1.00002 or less in the reference network.
//
// Parameters, one value a channel or feature: gamma, beta, moving_mean,
// moving_variance; the last two are not trained.
type BatchNorm struct {
	Epsilon  float64 `json:"epsilon"`  // 1e-3 if unset
	Momentum float64 `json:"momentum"` // 0.99 if unset
}

func init() { Register[BatchNorm]() }

// Kind returns "batchnorm".
func (BatchNorm) Kind() string { return "batchnorm" }

// Infer returns what the input is.
func (l BatchNorm) Infer(in []Spec) (Spec, error) {
	if !(l.Epsilon > 0 && l.Epsilon < math.MaxFloat32) || !(l.Momentum >= 0 && l.Momentum <= 1) {
		return Spec{}, errors.New("epsilon must be above 0, momentum from 0 to 1")
	}
	return sameAs(in)
}

// Params lists gamma, beta, moving_mean and moving_variance.
func (BatchNorm) Params(in []Spec) []Param {
	n := in[0].Shape.C
	return []Param{
		Vector("gamma", n, One, true), Vector("beta", n, Zero, true),
		Vector("moving_mean", n, Zero, false), Vector("moving_variance", n, One, false),
	}
}

// check returns an error unless the moving variances are such.
func (BatchNorm) check(p []*Param) error { return p[movingVariance].notNegative() }

func (l BatchNorm) withDefaults() Op {
	if l.Epsilon == 0 {
		l.Epsilon = 1e-3
	}
	if l.Momentum == 0 {
		l.Momentum = 0.99
	}
	return l
}

// BatchDependent: a channel's statistics are those of the whole batch.
func (BatchNorm) BatchDependent() {}

func (BatchNorm) anyLayout()       {}
func (BatchNorm) backwardInPlace() {}

// keeps: Backward reads the input; what it needs of the output follows from that.
func (BatchNorm) keeps() (limit, output need) { return never, nothing }

// Reference: y = gamma * (x-mean) / sqrt(variance+Epsilon) + beta with the moving statistics.
func (l BatchNorm) Reference(y []float64, x, p [][]float64, in []Spec) {
	for i, v := range x[0] {
		c := i % in[0].Shape.C
		y[i] = p[gamma][c]*(v-p[movingMean][c])/math.Sqrt(p[movingVariance][c]+l.Epsilon) + p[beta][c]
	}
}

// The order of a BatchNorm's parameters.
const (
	gamma = iota
	beta
	movingMean
	movingVariance
)

// inference returns y = a*x + b, the layer with its moving statistics. The
// factors stay in float64 for who folds them into weights; products are rounded
// before they are added, so that folding gives the same bits everywhere.
func (l BatchNorm) inference(p []*Param) (a, b []float64) {
	n := p[gamma].Len()
	a, b = make([]float64, n), make([]float64, n)
	for i := range n {
		a[i] = float64(p[gamma].Data[i]) / math.Sqrt(float64(p[movingVariance].Data[i])+l.Epsilon)
		b[i] = float64(p[beta].Data[i]) - float64(a[i]*float64(p[movingMean].Data[i]))
	}
	return a, b
}

// affine is a BatchNorm at inference that no weights precede, and perhaps the leaky activation
// after it.
type affine struct {
	a, b  []float32 // C, or positions x C of a vector's features
	slope float32
}

// Lower: y = a*x + b.
func (l BatchNorm) Lower(at *Lowering) (Kernel, error) {
	a, b := l.inference(at.Params)
	o := &affine{a: make([]float32, len(a)), b: make([]float32, len(b)), slope: at.node.epilogue.slope}
	for i := range a {
		o.a[i], o.b[i] = float32(a[i]), float32(b[i])
	}
	return o, nil
}

// quantize: see QAffine.
func (l BatchNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	a, b := l.inference(n.Params)
	return q.affine(n, a, b, slices.Repeat([]float64{float64(n.epilogue.slope)}, len(a)), out)
}

// Forward: y = leaky(a*x + b).
func (o *affine) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	c := spansOf(s, &y, &x[0])
	c.joined = c.joined && len(o.a) == y.C
	for i := range c.count() {
		f := 0
		if len(o.a) > y.C {
			f = c.position(i) * y.C
		}
		w.Kernels.Affine(c.of(&y, i), c.of(&x[0], i), o.a[f:][:y.C], o.b[f:][:y.C], o.slope)
	}
}

func (o *affine) overwrites() {}
