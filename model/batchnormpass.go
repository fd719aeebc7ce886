package model

import (
	"math"

	"github.com/gantiny/gantiny/conv"
)

// batchNorm is a BatchNorm, and perhaps the leaky activation after it, in
// training. A channel's statistics come from one block a position: float32
// sums over its images in order, combined in float64 in the order of the
// positions. A vector's feature has one block.
type batchNorm struct {
	in     conv.Layout // of x and y
	dx, dy conv.Layout
	layer  BatchNorm
	params []*Param
	slope  float32

	dgamma, dbeta []float32

	features int       // C, or positions x C of a vector
	sums     []float32 // positions x 2 x C: sums of one block, forward Σ d and Σ d*d, backward Σ dz and Σ dz*(x-mean)
	shift    []float32 // positions x C: the block's first row, from which d is counted
	mean     []float32 // features
	inv      []float64 // features: 1/sqrt(variance+epsilon)
	a, b     []float32 // features: y = leaky(a*x + b)
	k0, k1   []float32 // features: dx = a*dz + k1*x + k0
}

func newBatchNorm(l BatchNorm, t *passNode) *batchNorm {
	o := &batchNorm{in: t.x[0], dx: t.dx[0], dy: t.dy, layer: l, params: t.Params, slope: t.epilogue.slope, features: t.Params[movingMean].Len()}
	places := o.in.Positions() * o.in.C
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

// single tells whether each feature has one position only, whose work then
// belongs to one worker from the sums to the results, while it is in the caches.
func (o *batchNorm) single() bool { return o.features > o.in.C }

// statisticsAt is the first two steps of Forward for position p.
func (o *batchNorm) statisticsAt(w *Worker, x []float32, p int) {
	o.momentsAt(w, x, p)
	o.statistics(p*o.in.C, (p+1)*o.in.C)
}

// backwardAt is Backward for position p; dx, of that position alone, is nil if it is not needed.
func (o *batchNorm) backwardAt(w *Worker, dx, dy, x []float32, p int) {
	o.gradSumsAt(w, dy, x, p)
	o.gradStatistics(p*o.in.C, (p+1)*o.in.C)
	if dx != nil {
		all := Share{N1: o.in.N}
		o.gradient(w, dx, o.at(dy, o.dy.Stride, p, all), o.at(x, o.in.Stride, p, all), p)
	}
}

// moments is the first step of Forward for the share's positions.
func (o *batchNorm) moments(w *Worker, x []float32, s Share) {
	p0, p1 := s.Of(o.in.Positions())
	for p := p0; p < p1; p++ {
		o.momentsAt(w, x, p)
	}
}

// momentsAt makes a position's sums over its images.
func (o *batchNorm) momentsAt(w *Worker, x []float32, p int) {
	c := o.in.C
	block := x[p*o.in.Stride:][:o.in.N*c]
	shift := o.shift[p*c:][:c]
	copy(shift, block)
	w.Kernels.Moments(o.sums[2*p*c:][:c], o.sums[(2*p+1)*c:][:c], block, shift)
}

// statistics is the second: mean and variance of features [f0, f1), and what follows from them.
// Here and below products are rounded before they are added, see package internal/fmath.
func (o *batchNorm) statistics(f0, f1 int) {
	n := float64(o.in.N)
	ema := o.layer.Momentum
	for f := f0; f < f1; f++ {
		first, blocks, c := o.blocks(f)
		block := func(p int) (mean, m2 float64) {
			sum, sq := float64(o.sums[2*p*o.in.C+c]), float64(o.sums[(2*p+1)*o.in.C+c])
			return float64(o.shift[p*o.in.C+c]) + sum/n, sq - float64(sum*sum)/n
		}
		mean, variance := 0.0, 0.0
		for p := first; p < first+blocks; p++ {
			m, _ := block(p)
			mean += m
		}
		mean /= float64(blocks)
		for p := first; p < first+blocks; p++ {
			m, m2 := block(p)
			variance += max(m2, 0) + float64(n*(m-mean)*(m-mean))
		}
		variance /= n * float64(blocks)

		inv := 1 / math.Sqrt(variance+o.layer.Epsilon)
		a := float64(o.params[gamma].Data[f]) * inv
		o.mean[f], o.inv[f] = float32(mean), inv
		o.a[f], o.b[f] = float32(a), float32(float64(o.params[beta].Data[f])-float64(a*mean))
		moving := &o.params[movingMean].Data[f]
		*moving = float32(float64(ema*float64(*moving)) + float64((1-ema)*mean))
		moving = &o.params[movingVariance].Data[f]
		*moving = float32(float64(ema*float64(*moving)) + float64((1-ema)*variance))
	}
}

// normalize is the third: y = leaky(a*x + b), for as many images as y and x have.
func (o *batchNorm) normalize(w *Worker, y, x Tensor) {
	row := x.N * o.in.C
	for p := range o.in.Positions() {
		w.Kernels.Affine(y.F[p*y.Stride:][:row], x.F[p*x.Stride:][:row], o.of(o.a, p), o.of(o.b, p), o.slope)
	}
}

// Forward is the third step for the images of s.
func (o *batchNorm) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	n := s.N1 - s.N0
	o.normalize(w, y.images(s.N0, n), x[0].images(s.N0, n))
}

// gradSums is the first step of Backward for the share's positions.
func (o *batchNorm) gradSums(w *Worker, dy, x []float32, s Share) {
	p0, p1 := s.Of(o.in.Positions())
	for p := p0; p < p1; p++ {
		o.gradSumsAt(w, dy, x, p)
	}
}

// gradSumsAt makes a position's sums over its images, with dz = dy where
// a*x + b > 0, slope*dy elsewhere.
func (o *batchNorm) gradSumsAt(w *Worker, dy, x []float32, p int) {
	c, all := o.in.C, Share{N1: o.in.N}
	w.Kernels.AffineGradSums(o.sums[2*p*c:][:c], o.sums[(2*p+1)*c:][:c],
		o.at(dy, o.dy.Stride, p, all), o.at(x, o.in.Stride, p, all), o.of(o.a, p), o.of(o.b, p), o.of(o.mean, p), o.slope)
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
		o.k1[f], o.k0[f] = float32(k1), float32(float64(-scale*dz)-float64(k1*float64(o.mean[f])))
	}
}

// gradient is the third: dx = a*dz + k1*x + k0 for images of position p.
func (o *batchNorm) gradient(w *Worker, dx, dy, x []float32, p int) {
	w.Kernels.AffineGrad(dx, dy, x, o.of(o.a, p), o.of(o.b, p), o.of(o.k0, p), o.of(o.k1, p), o.slope)
}

// Backward is the third step for the images of s.
func (o *batchNorm) Backward(w *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	for p := range o.in.Positions() {
		o.gradient(w, o.at(dx[0].F, o.dx.Stride, p, s), o.at(dy.F, o.dy.Stride, p, s), o.at(x[0].F, o.in.Stride, p, s), p)
	}
}

// at returns images [n0, n1) of position p.
func (o *batchNorm) at(x []float32, stride, p int, s Share) []float32 {
	return x[p*stride:][s.N0*o.in.C : s.N1*o.in.C]
}

// addForward lists the stages of Forward.
func (o *batchNorm) addForward(p *Pass, l *stages, t *passNode) {
	if o.single() {
		l.byPosition(o.in.Positions(), t.op, "forward", func(w *Worker, s Share) {
			o.statisticsAt(w, t.xt[0].F, s.N0)
		})
	} else {
		l.once(t.op, "forward", func(w *Worker, s Share) { o.moments(w, t.xt[0].F, s) })
		l.once(t.op, "forward", func(_ *Worker, s Share) { o.statistics(s.Of(o.features)) })
	}
	l.byImage(t, func(w *Worker, s Share) {
		if t.consumer != nil {
			t.recomputeBlock(w, t.consumer.kernel.(*linearPass).in, s)
		} else {
			o.Forward(w, t.yt, t.xt, s)
		}
	})
}

// addBackward lists the stages of Backward, of all images: those of a batch depend on one another.
func (o *batchNorm) addBackward(p *Pass, l, _ *stages, t *passNode) {
	if o.single() {
		l.byPosition(o.in.Positions(), t.op, "backward", func(w *Worker, s Share) {
			o.backwardAt(w, t.gradientAt(w, s.N0), t.dyt.F, t.xt[0].F, s.N0)
		})
		return
	}
	l.once(t.op, "backward", func(w *Worker, s Share) { o.gradSums(w, t.dyt.F, t.xt[0].F, s) })
	l.once(t.op, "backward", func(_ *Worker, s Share) { o.gradStatistics(s.Of(o.features)) })
	if t.wants(0) {
		l.whole(p.chunk, 1, t.op, "backward", func(w *Worker, s Share) {
			o.Backward(w, t.dxt, t.dyt, t.xt, t.yt, s)
		})
	}
}

func (o *batchNorm) bytes() int64 {
	return 4 * int64(3*o.in.Positions()*o.in.C+7*o.features) // see newBatchNorm
}
