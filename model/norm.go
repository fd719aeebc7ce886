package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// This file holds what InstanceNorm, GroupNorm and LayerNorm share: each takes mean and variance of
// one image's channels, all of them or groups, over all positions,
//
//	y = gamma * (x-mean) / sqrt(variance+epsilon) + beta
//
// where the variance is the biased one.

// defaultEpsilon is what the three have if it is unset.
func defaultEpsilon(e float64) float64 {
	if e == 0 {
		return 1e-5
	}
	return e
}

// inferNorm infers the output of a norm.
func inferNorm(in []Spec, groups int, epsilon float64) (Spec, error) {
	s, err := sameAs(in)
	if err != nil {
		return s, err
	}
	if err := checkEpsilon(epsilon); err != nil {
		return Spec{}, err
	}
	if groups < 1 || s.Shape.C%groups != 0 {
		return Spec{}, fmt.Errorf("%w: %d groups do not divide %d channels", ErrShape, groups, s.Shape.C)
	}
	return s, nil
}

func checkEpsilon(e float64) error {
	if !(e > 0 && e < math.MaxFloat32) {
		return errors.New("epsilon must be above 0")
	}
	return nil
}

// gammaBeta lists the two parameters.
func gammaBeta(n int) []Param {
	return []Param{Vector("gamma", n, One, true), Vector("beta", n, Zero, true)}
}

// referenceNorm is a norm of one image by plain loops.
func referenceNorm(y, x []float64, p [][]float64, s Shape, groups int, epsilon float64) {
	size := s.C / groups
	for g := range groups {
		each := func(f func(i int)) {
			for i := range x {
				if i%s.C/size == g {
					f(i)
				}
			}
		}
		n := float64(s.H * s.W * size)
		mean, variance := 0.0, 0.0
		each(func(i int) { mean += x[i] / n })
		each(func(i int) { variance += (x[i] - mean) * (x[i] - mean) / n })
		each(func(i int) {
			f := i % len(p[gamma]) // a channel or, of a LayerNorm, a feature
			y[i] = p[gamma][f]*(x[i]-mean)/math.Sqrt(variance+epsilon) + p[beta][f]
		})
	}
}

// norm is one of the three on layouts. It works on blocks of images that fit in the caches, whose
// images times channels it treats as the channels of a row at each position; so what an image gets
// depends neither on the others nor on how the work is cut.
type norm struct {
	positions, channels int
	groups              int // that share statistics, channels/groups channels each
	images              int // of a block, at most
	epsilon             float64
	slope               float32   // of negative values, at inference
	gamma, beta         []float32 // channels, or positions x channels

	zeros     []float32 // channels, of a gamma for each feature
	mean, inv []float32 // in training, images x channels: what Backward leaves to ParamGrad
	sums      []float64 // of ParamGrad, as long as gamma
}

// newNorm plans a norm for inference, with copies of the parameters.
func newNorm(l *Lowering, groups int, epsilon float64) *norm {
	return planNorm(l, groups, epsilon, l.node.epilogue.slope)
}

func planNorm(l *Lowering, groups int, epsilon float64, slope float32) *norm {
	in := l.In[0]
	o := &norm{
		positions: in.Positions(), channels: in.C, groups: groups, epsilon: epsilon, slope: slope,
		gamma: slices.Clone(l.Params[gamma].Data), beta: slices.Clone(l.Params[beta].Data),
	}
	o.images = max(1, min(in.N, blockFloats/(o.positions*o.channels)))
	if o.byFeature() {
		o.zeros = make([]float32, in.C)
	}
	return o
}

// newTrainNorm plans one for training.
func newTrainNorm(l *Lowering, groups int, epsilon float64) *norm {
	o := planNorm(l, groups, epsilon, 1)
	o.gamma, o.beta = l.Params[gamma].Data, l.Params[beta].Data
	row := l.In[0].N * o.channels
	o.mean, o.inv = make([]float32, row), make([]float32, row)
	o.sums = make([]float64, 2*len(o.gamma))
	return o
}

// byFeature tells whether gamma and beta have a value for each feature, not each channel.
func (o *norm) byFeature() bool { return len(o.gamma) > o.channels }

// normBlock is a part of the images and channels: all channels of some images that lie side by
// side, or some channels of one image. At each position it is one run of floats.
type normBlock struct{ n0, n1, c0, c1 int }

func (b normBlock) len() int { return (b.n1 - b.n0) * (b.c1 - b.c0) }

// row returns what the block has of t at position p.
func (b normBlock) row(t *Tensor, p int) []float32 {
	return t.F[p*t.Stride+b.n0*t.Row+b.c0:][:b.len()]
}

// blocks calls f for each block of a share: a part of the groups of each image, where the images
// are shared.
func (o *norm) blocks(s Share, t []*Tensor, f func(b normBlock)) {
	dense := s.Count <= 1
	for _, t := range t {
		dense = dense && t.Row == t.C
	}
	if dense {
		for n := s.N0; n < s.N1; n += o.images {
			f(normBlock{n, min(n+o.images, s.N1), 0, o.channels})
		}
		return
	}
	size := o.channels / o.groups
	lo, hi := s.Of((s.N1 - s.N0) * o.groups)
	for i := lo; i < hi; {
		n, g := s.N0+i/o.groups, i%o.groups
		count := min(o.groups-g, hi-i)
		f(normBlock{n, n + 1, g * size, (g + count) * size})
		i += count
	}
}

// normWorkspace is a worker's workspace for a block. All slices are as long as a row.
type normWorkspace struct {
	shift, sum, sq, sum1, sq1 []float32
	a, b, k0, k1, dz          []float32
	total, square, mean, inv  []float64
}

func (o *norm) scratch() (floats, doubles int) {
	row := o.images * o.channels
	return 10 * row, 4 * row
}

// workspace returns w's workspace for rows of n values.
func (o *norm) workspace(w *Worker, n int) (r normWorkspace) {
	f, d := w.floats, w.doubles
	for _, s := range []*[]float32{&r.shift, &r.sum, &r.sq, &r.sum1, &r.sq1, &r.a, &r.b, &r.k0, &r.k1, &r.dz} {
		*s, f = f[:n:n], f[n:]
	}
	for _, s := range []*[]float64{&r.total, &r.square, &r.mean, &r.inv} {
		*s, d = d[:n:n], d[n:]
	}
	return r
}

// maxSumPositions is how many positions are summed in float32 before their sum is added in float64.
const maxSumPositions = 32

// collect sets r.total and r.square to the sums over all positions of what at sets for one.
func (o *norm) collect(w *Worker, r *normWorkspace, at func(sum, sq []float32, p int)) {
	clear(r.total)
	clear(r.square)
	for p0 := 0; p0 < o.positions; p0 += maxSumPositions {
		at(r.sum, r.sq, p0)
		for p := p0 + 1; p < min(p0+maxSumPositions, o.positions); p++ {
			at(r.sum1, r.sq1, p)
			w.Kernels.Add(r.sum, r.sum1)
			w.Kernels.Add(r.sq, r.sq1)
		}
		for i, v := range r.sum {
			r.total[i] += float64(v)
			r.square[i] += float64(r.sq[i])
		}
	}
}

// statistics sets r.mean and r.inv = 1/sqrt(variance+epsilon) of a block, for each of its values at
// a position. The squares are those of distances from about the mean, which comes first.
func (o *norm) statistics(w *Worker, r *normWorkspace, x *Tensor, b normBlock) {
	copy(r.shift, b.row(x, 0))
	for p := 1; p < o.positions; p++ {
		w.Kernels.Add(r.shift, b.row(x, p))
	}
	w.Kernels.Scale(r.shift, float32(1/float64(o.positions)))
	o.collect(w, r, func(sum, sq []float32, p int) { w.Kernels.Moments(sum, sq, b.row(x, p), r.shift) })

	n, size := float64(o.positions), o.channels/o.groups
	for from := 0; from < len(r.mean); from += size {
		mean, squares := 0.0, 0.0
		for i := from; i < from+size; i++ {
			r.mean[i] = float64(r.shift[i]) + r.total[i]/n
			mean += r.mean[i]
		}
		mean /= float64(size)
		for i := from; i < from+size; i++ {
			d := r.mean[i] - mean
			squares += max(r.square[i]-float64(r.total[i]*r.total[i])/n, 0) + float64(n*d*d)
		}
		inv := 1 / math.Sqrt(squares/(n*float64(size))+o.epsilon)
		for i := from; i < from+size; i++ {
			r.mean[i], r.inv[i] = mean, inv
		}
	}
}

// Forward: y = leaky(gamma * (x-mean) * inv + beta).
func (o *norm) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	o.blocks(s, []*Tensor{&y, &x[0]}, func(b normBlock) {
		r := o.workspace(w, b.len())
		o.statistics(w, &r, &x[0], b)
		for i, inv := range r.inv {
			shift := 0.0
			if !o.byFeature() {
				c := b.c0 + i%(b.c1-b.c0)
				inv, shift = inv*float64(o.gamma[c]), float64(o.beta[c])
			}
			r.a[i] = float32(inv)
			r.b[i] = float32(shift - float64(float64(r.a[i])*r.mean[i]))
		}
		for p := range o.positions {
			dst := b.row(&y, p)
			if !o.byFeature() {
				w.Kernels.Affine(dst, b.row(&x[0], p), r.a, r.b, o.slope)
				continue
			}
			w.Kernels.Affine(dst, b.row(&x[0], p), r.a, r.b, 1)
			w.Kernels.Affine(dst, dst, o.of(o.gamma, p), o.of(o.beta, p), o.slope)
		}
	})
}

func (o *norm) overwrites() {}

// of returns the values of a parameter at position p.
func (o *norm) of(param []float32, p int) []float32 { return param[p*o.channels:][:o.channels] }

// Backward: with dz = gamma*dy and M values of a group,
//
//	dx = inv * (dz - Σdz/M - (x-mean) * inv*inv * Σ(dz*(x-mean))/M)
func (o *norm) Backward(w *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	tensors := []*Tensor{&dy, &x[0], &dx[0]}
	o.blocks(s, tensors, func(b normBlock) {
		r := o.workspace(w, b.len())
		o.statistics(w, &r, &x[0], b)
		at := b.n0*o.channels + b.c0
		mean, inv := o.mean[at:][:b.len()], o.inv[at:][:b.len()]
		for i := range mean {
			mean[i], inv[i] = float32(r.mean[i]), float32(r.inv[i])
		}
		if dx[0].F == nil {
			return
		}
		o.collect(w, &r, func(sum, sq []float32, p int) { // of slope 1, to which a and b are all the same
			w.Kernels.AffineGradSums(sum, sq, o.scaled(w, &r, &dy, b, p), b.row(&x[0], p), mean, mean, mean, 1)
		})
		o.gradStatistics(&r, b)
		for p := range o.positions {
			w.Kernels.AffineGrad(b.row(&dx[0], p), o.scaled(w, &r, &dy, b, p), b.row(&x[0], p), r.a, r.a, r.k0, r.k1, 1)
		}
	})
}

// scaled returns the row of dy at position p, times gamma if that is of features.
func (o *norm) scaled(w *Worker, r *normWorkspace, dy *Tensor, b normBlock, p int) []float32 {
	row := b.row(dy, p)
	if !o.byFeature() {
		return row
	}
	w.Kernels.Affine(r.dz, row, o.of(o.gamma, p), o.zeros, 1)
	return r.dz
}

// gradStatistics sets the coefficients of dx = a*dy + k1*x + k0, from the sums Σdy and
// Σ(dy*(x-mean)) over positions.
func (o *norm) gradStatistics(r *normWorkspace, b normBlock) {
	size := o.channels / o.groups
	m := float64(o.positions * size)
	factor := func(i int) float64 {
		if o.byFeature() {
			return 1
		}
		return float64(o.gamma[b.c0+i%(b.c1-b.c0)])
	}
	for from := 0; from < len(r.mean); from += size {
		dz, dzx := 0.0, 0.0
		mean, inv := r.mean[from], r.inv[from]
		rest := mean - float64(float32(mean)) // the sums are of distances from the rounded mean
		for i := from; i < from+size; i++ {
			f := factor(i)
			dz += float64(f * r.total[i])
			dzx += float64(f * (r.square[i] - float64(rest*r.total[i])))
		}
		k1 := float32(-inv * inv * inv * dzx / m)
		k0 := float32(-inv*dz/m - float64(float64(k1)*mean))
		for i := from; i < from+size; i++ {
			r.a[i], r.k0[i], r.k1[i] = float32(inv*factor(i)), k0, k1
		}
	}
}

func (o *norm) leavesSums() {}

// ParamGrad: dgamma += Σ dy*(x-mean)*inv, dbeta += Σ dy. The statistics are those that Backward has
// left.
func (o *norm) ParamGrad(_ *Worker, dp [][]float32, dy Tensor, x []Tensor, _ Tensor, s Share) {
	all := len(o.gamma)
	lo, hi := s.Of(all)
	scale, shift := o.sums[lo:hi], o.sums[all+lo:all+hi]
	clear(scale)
	clear(shift)
	for p := range o.positions {
		c0, c1, at := features(lo, hi, p, o.channels, all)
		if c0 == c1 {
			continue
		}
		scale, shift := scale[at:][:c1-c0], shift[at:][:c1-c0]
		for n := range dy.N {
			from := x[0].At(p, n)[c0:c1]
			mean, inv := o.mean[n*o.channels:][c0:c1], o.inv[n*o.channels:][c0:c1]
			for c, d := range dy.At(p, n)[c0:c1] {
				d := float64(d)
				shift[c] += d
				scale[c] += float64(d * (float64(from[c]) - float64(mean[c])) * float64(inv[c]))
			}
		}
	}
	addSums(dp[gamma][lo:hi], scale)
	addSums(dp[beta][lo:hi], shift)
}

func (o *norm) bytes() int64 {
	return 4*int64(len(o.mean)+len(o.inv)+len(o.zeros)) + 8*int64(len(o.sums))
}
