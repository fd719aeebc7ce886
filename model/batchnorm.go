package model

import (
	"errors"
	"math"

	"github.com/gantiny/gantiny/internal/pool"
)

// BatchNorm normalises each channel, or each feature of a vector, to mean beta
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
// normalisation and in moving_variance alike. Keras does the same for vectors;
// for images its fused kernel keeps moving_variance unbiased, a factor of
// n/(n-1) for n values a channel, which is 1.00002 or less in the reference network.
//
// Parameters, one value a channel or feature: gamma, beta, moving_mean,
// moving_variance; the last two are not trained.
type BatchNorm struct {
	Epsilon  float64 `json:"epsilon"`  // 1e-3 if unset
	Momentum float64 `json:"momentum"` // 0.99 if unset
}

// Kind returns "batchnorm".
func (BatchNorm) Kind() string { return "batchnorm" }

// Output returns in.
func (l BatchNorm) Output(in Shape) (Shape, error) {
	if !(l.Epsilon > 0 && l.Epsilon < math.MaxFloat32) || !(l.Momentum >= 0 && l.Momentum <= 1) {
		return Shape{}, errors.New("epsilon must be above 0, momentum from 0 to 1")
	}
	return in, nil
}

func (BatchNorm) params(in Shape) []Param {
	return []Param{
		vector("gamma", in.C, one, true), vector("beta", in.C, zero, true),
		vector("moving_mean", in.C, zero, false), vector("moving_variance", in.C, one, false),
	}
}

func (l BatchNorm) withDefaults() Layer {
	if l.Epsilon == 0 {
		l.Epsilon = 1e-3
	}
	if l.Momentum == 0 {
		l.Momentum = 0.99
	}
	return l
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

// affine is a BatchNorm at inference that no weights precede.
type affine struct {
	maps
	a, b  []float32 // C, or positions x C of a vector's features
	slope float32
}

func newAffine(l BatchNorm, p []*Param, m maps, slope float32) *affine {
	a, b := l.inference(p)
	o := &affine{maps: m, a: make([]float32, len(a)), b: make([]float32, len(b)), slope: slope}
	for i := range a {
		o.a[i], o.b[i] = float32(a[i]), float32(b[i])
	}
	return o
}

// Forward: y = leaky(a*x + b).
func (o *affine) Forward(w *worker, y, x []float32, s share) {
	c := o.cut(s)
	c.joined = c.joined && len(o.a) == o.in.C
	for i := range c.spans() {
		f := 0
		if len(o.a) > o.in.C {
			f = (c.p0 + i) * o.in.C
		}
		w.k.Affine(c.dst(y, i), c.src(x, i), o.a[f:][:o.in.C], o.b[f:][:o.in.C], o.slope)
	}
}

// batchNorm is a BatchNorm, and perhaps the leaky activation after it, in
// training. A channel's statistics come from one block a position: float32
// sums over its images in order, combined in float64 in the order of the
// positions. A vector's feature has one block.
type batchNorm struct {
	maps
	grad   maps // of dx and dy
	layer  BatchNorm
	params []*Param
	slope  float32

	dgamma, dbeta []float32

	features int       // C, or positions x C of a vector
	sums     []float32 // positions x 2 x C: sums of one block, forward S d and S d*d, backward S dz and S dz*(x-mean)
	shift    []float32 // positions x C: the block's first row, from which d is counted
	mean     []float32 // features
	inv      []float64 // features: 1/sqrt(variance+epsilon)
	a, b     []float32 // features: y = leaky(a*x + b)
	k0, k1   []float32 // features: dx = a*dz + k1*x + k0
}

func newBatchNorm(l BatchNorm, p []*Param, m, grad maps, slope float32) *batchNorm {
	o := &batchNorm{maps: m, grad: grad, layer: l, params: p, slope: slope, features: p[gamma].Len()}
	places := m.in.Positions() * m.in.C
	f := make([]float32, 3*places+5*o.features)
	next := func(n int) []float32 {
		s := f[:n:n]
		f = f[n:]
		return s
	}
	o.sums, o.shift = next(2*places), next(places)
	o.mean, o.a, o.b, o.k0, o.k1 = next(o.features), next(o.features), next(o.features), next(o.features), next(o.features)
	o.inv = make([]float64, o.features)
	return o
}

// of returns the coefficients of the channels at position p.
func (o *batchNorm) of(coef []float32, p int) []float32 {
	if o.features > o.in.C {
		coef = coef[p*o.in.C:]
	}
	return coef[:o.in.C]
}

// blocks returns where feature f's blocks stand in sums and shift: the first
// position, the number of blocks, the channel.
func (o *batchNorm) blocks(f int) (first, n, c int) {
	if o.features > o.in.C {
		return f / o.in.C, 1, f % o.in.C
	}
	return 0, o.in.Positions(), f
}

// apart tells whether each feature has one position only, whose work then
// belongs to one worker from the sums to the results, while it is in the caches.
func (o *batchNorm) apart() bool { return o.features > o.in.C }

// positions and channels are a worker's shares.
func (o *batchNorm) positions(w *worker) (lo, hi int) {
	return pool.Split(o.in.Positions(), w.of, w.id)
}

func (o *batchNorm) channels(w *worker) (lo, hi int) { return pool.Split(o.features, w.of, w.id) }

// statisticsApart is the first two steps of Forward for position p.
func (o *batchNorm) statisticsApart(w *worker, x []float32, p int) {
	o.momentsAt(w, x, p)
	o.statistics(p*o.in.C, (p+1)*o.in.C)
}

// backwardApart is Backward for position p; dx, of that position alone, is nil if
// nobody wants it.
func (o *batchNorm) backwardApart(w *worker, dx, dy, x []float32, p int) {
	o.gradSumsAt(w, dy, x, p)
	o.gradStatistics(p*o.in.C, (p+1)*o.in.C)
	if dx != nil {
		all := share{n1: o.in.N}
		o.gradient(w, dx, o.at(dy, o.grad.out.Stride, p, all), o.at(x, o.in.Stride, p, all), p)
	}
}

// moments is the first step of Forward for the worker's positions.
func (o *batchNorm) moments(w *worker, x []float32) {
	p0, p1 := o.positions(w)
	for p := p0; p < p1; p++ {
		o.momentsAt(w, x, p)
	}
}

// momentsAt makes a position's sums over its images.
func (o *batchNorm) momentsAt(w *worker, x []float32, p int) {
	c := o.in.C
	block := x[p*o.in.Stride:][:o.in.N*c]
	shift := o.shift[p*c:][:c]
	copy(shift, block)
	w.k.Moments(o.sums[2*p*c:][:c], o.sums[(2*p+1)*c:][:c], block, shift)
}

// statistics is the second: mean and variance of features [f0, f1), and what follows from them.
func (o *batchNorm) statistics(f0, f1 int) {
	n := float64(o.in.N)
	ema := o.layer.Momentum
	for f := f0; f < f1; f++ {
		first, blocks, c := o.blocks(f)
		block := func(p int) (mean, m2 float64) {
			sum, sq := float64(o.sums[2*p*o.in.C+c]), float64(o.sums[(2*p+1)*o.in.C+c])
			return float64(o.shift[p*o.in.C+c]) + sum/n, sq - sum*sum/n
		}
		mean, variance := 0.0, 0.0
		for p := first; p < first+blocks; p++ {
			m, _ := block(p)
			mean += m
		}
		mean /= float64(blocks)
		for p := first; p < first+blocks; p++ {
			m, m2 := block(p)
			variance += max(m2, 0) + n*(m-mean)*(m-mean)
		}
		variance /= n * float64(blocks)

		inv := 1 / math.Sqrt(variance+o.layer.Epsilon)
		a := float64(o.params[gamma].Data[f]) * inv
		o.mean[f], o.inv[f] = float32(mean), inv
		o.a[f], o.b[f] = float32(a), float32(float64(o.params[beta].Data[f])-a*mean)
		moving := &o.params[movingMean].Data[f]
		*moving = float32(ema*float64(*moving) + (1-ema)*mean)
		moving = &o.params[movingVariance].Data[f]
		*moving = float32(ema*float64(*moving) + (1-ema)*variance)
	}
}

// Forward is the third: y = leaky(a*x + b), for as many images as y and x have.
func (o *batchNorm) Forward(w *worker, y, x stack) {
	row := x.N * o.in.C
	for p := range o.in.Positions() {
		w.k.Affine(y.buf[p*y.Stride:][:row], x.buf[p*x.Stride:][:row], o.of(o.a, p), o.of(o.b, p), o.slope)
	}
}

// gradSums is the first step of Backward for the worker's positions.
func (o *batchNorm) gradSums(w *worker, dy, x []float32) {
	p0, p1 := o.positions(w)
	for p := p0; p < p1; p++ {
		o.gradSumsAt(w, dy, x, p)
	}
}

// gradSumsAt makes a position's sums over its images, with dz = dy where
// a*x + b > 0, slope*dy elsewhere.
func (o *batchNorm) gradSumsAt(w *worker, dy, x []float32, p int) {
	c, all := o.in.C, share{n1: o.in.N}
	w.k.AffineGradSums(o.sums[2*p*c:][:c], o.sums[(2*p+1)*c:][:c],
		o.at(dy, o.grad.out.Stride, p, all), o.at(x, o.in.Stride, p, all), o.of(o.a, p), o.of(o.b, p), o.of(o.mean, p), o.slope)
}

// gradStatistics is the second: dbeta = S dz, dgamma = S dz * (x-mean) * inv,
// and the coefficients of
//
//	dx = a * (dz - dbeta/M - (x-mean) * inv * dgamma/M),  M values a feature
func (o *batchNorm) gradStatistics(f0, f1 int) {
	for f := f0; f < f1; f++ {
		first, blocks, c := o.blocks(f)
		dz, dzx := 0.0, 0.0
		for p := first; p < first+blocks; p++ {
			dz += float64(o.sums[2*p*o.in.C+c])
			dzx += float64(o.sums[(2*p+1)*o.in.C+c])
		}
		inv := o.inv[f]
		o.dgamma[f], o.dbeta[f] = float32(inv*dzx), float32(dz)
		scale := float64(o.params[gamma].Data[f]) * inv / (float64(o.in.N) * float64(blocks))
		k1 := -scale * inv * inv * dzx
		o.k1[f], o.k0[f] = float32(k1), float32(-scale*dz-k1*float64(o.mean[f]))
	}
}

// gradient is the third: dx = a*dz + k1*x + k0 for images of position p.
func (o *batchNorm) gradient(w *worker, dx, dy, x []float32, p int) {
	w.k.AffineGrad(dx, dy, x, o.of(o.a, p), o.of(o.b, p), o.of(o.k0, p), o.of(o.k1, p), o.slope)
}

// Backward is the third step for the images of s.
func (o *batchNorm) Backward(w *worker, dx, dy, x []float32, s share) {
	for p := range o.in.Positions() {
		o.gradient(w, o.at(dx, o.grad.in.Stride, p, s), o.at(dy, o.grad.out.Stride, p, s), o.at(x, o.in.Stride, p, s), p)
	}
}

// at returns images [n0, n1) of position p.
func (o *batchNorm) at(x []float32, stride, p int, s share) []float32 {
	return x[p*stride:][s.n0*o.in.C : s.n1*o.in.C]
}
