package model

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// ConditionalBatchNorm is a BatchNorm whose gamma and beta are those of the image's class (Dumoulin
// et al. 2017; de Vries et al. 2017). Inputs are x and a class:
//
//	y = gamma[class] * (x-mean) / sqrt(variance+Epsilon) + beta[class]
//
// with one value a channel, or a feature of a vector. As with BatchNorm mean and variance are the
// batch's in training, of all images whatever their class, and the moving ones at inference.
// Parameters: gamma, beta (Classes, C), moving_mean, moving_variance (C); the last two are not
// trained.
type ConditionalBatchNorm struct {
	Classes  int     `json:"classes,omitempty"` // those of the class input, if it is set
	Epsilon  float64 `json:"epsilon"`           // 1e-3 if unset
	Momentum float64 `json:"momentum"`          // 0.99 if unset
}

func init() { Register[ConditionalBatchNorm]() }

// Kind returns "conditionalbatchnorm".
func (ConditionalBatchNorm) Kind() string { return "conditionalbatchnorm" }

// Infer returns what the first input is; the second must be a class.
func (l ConditionalBatchNorm) Infer(in []Spec) (Spec, error) {
	if len(in) != 2 {
		return Spec{}, fmt.Errorf("%w: %d inputs, want 2", ErrShape, len(in))
	}
	if in[1].Type.Kind != Class {
		return Spec{}, fmt.Errorf("%w: input 1 is %v, want a class", ErrShape, in[1].Type)
	}
	classes := in[1].Type.Classes
	if l.Classes != 0 && l.Classes != classes {
		return Spec{}, fmt.Errorf("%w: input 1 is a %v, want one of %d", ErrShape, in[1].Type, l.Classes)
	}
	out, err := l.norm().Infer(in[:1])
	if err == nil && !fits(classes, out.Shape.C) {
		err = fmt.Errorf("%w: %d channels of %d classes", ErrShape, out.Shape.C, classes)
	}
	return out, err
}

// Params lists gamma, beta, moving_mean and moving_variance.
func (l ConditionalBatchNorm) Params(in []Spec) []Param {
	p := l.norm().Params(in[:1])
	for i := range p[:movingMean] {
		p[i].Shape = []int{in[1].Type.Classes, in[0].Shape.C}
	}
	return p
}

// norm is the BatchNorm that gives the statistics.
func (l ConditionalBatchNorm) norm() BatchNorm { return BatchNorm{l.Epsilon, l.Momentum} }

func (l ConditionalBatchNorm) withDefaults() Op {
	n := l.norm().withDefaults().(BatchNorm)
	l.Epsilon, l.Momentum = n.Epsilon, n.Momentum
	return l
}

// BatchDependent: a channel's statistics are those of the whole batch.
func (ConditionalBatchNorm) BatchDependent() {}

// keeps: Backward reads the input alone.
func (ConditionalBatchNorm) keeps() (limit, output need) { return never, nothing }

// check returns an error unless the moving variances are such.
func (ConditionalBatchNorm) check(p []*Param) error { return p[movingVariance].notNegative() }

// Reference: y = gamma[class] * (x-mean) / sqrt(variance+Epsilon) + beta[class] with the moving
// statistics.
func (l ConditionalBatchNorm) Reference(y []float64, x, p [][]float64, in []Spec) {
	n := in[0].Shape.C
	k := int(x[1][0]) * n
	own := [][]float64{p[gamma][k:][:n], p[beta][k:][:n], p[movingMean], p[movingVariance]}
	l.norm().Reference(y, x[:1], own, in[:1])
}

// conditional is a ConditionalBatchNorm at inference: one affine function for each class.
type conditional struct {
	channels int
	a, b     []float32 // classes x C
}

// inference returns y = a[class]*x + b[class], the layer with its moving statistics; a and b are
// (classes, C).
func (l ConditionalBatchNorm) inference(p []*Param) (a, b []float64) {
	n := p[movingMean].Len()
	for k := 0; k < p[gamma].Len(); k += n {
		own := slices.Clone(p)
		for i := range own[:movingMean] {
			own[i] = &Param{Shape: []int{n}, Data: p[i].Data[k:][:n]}
		}
		scale, shift := l.norm().inference(own)
		a, b = append(a, scale...), append(b, shift...)
	}
	return a, b
}

// Lower: y = a[class]*x + b[class].
func (l ConditionalBatchNorm) Lower(at *Lowering) (Kernel, error) {
	o := &conditional{channels: at.Params[movingMean].Len()}
	a, b := l.inference(at.Params)
	for i := range a {
		o.a, o.b = append(o.a, float32(a[i])), append(o.b, float32(b[i]))
	}
	return o, nil
}

// quantize: see QAffine, with weights for each class.
func (l ConditionalBatchNorm) quantize(q *quantization, n *Node, out quant.Params) (*Value, error) {
	a, b := l.inference(n.Params)
	return q.affine(n, a, b, slices.Repeat([]float64{1}, n.Params[movingMean].Len()), out)
}

// Forward: y = a[class]*x + b[class].
func (o *conditional) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		k := int(x[1].Class[n]) * o.channels
		w.Kernels.Affine(y.At(p, n), x[0].At(p, n), o.a[k:][:o.channels], o.b[k:][:o.channels], 1)
	}
}

func (o *conditional) overwrites() {}

// conditionalNorm is a ConditionalBatchNorm in training. The statistics are a batchNorm's. What
// depends on the class goes by rows of images times channels, see norm.
type conditionalNorm struct {
	norm        *norm
	statistics  *batchNorm
	gamma, beta []float32 // classes x C

	total, square []float64 // N x C: Σdy and Σ(dy*(x-mean)) over positions
	k0, k1        []float32 // C: dx = gamma*inv*dy + k1*x + k0
	sums          []float64 // classes x C, twice: those of the images of a class
}

// LowerTraining: see conditionalNorm.
func (l ConditionalBatchNorm) LowerTraining(at *Lowering) (TrainKernel, error) {
	in := at.In[0]
	o := &conditionalNorm{gamma: at.Params[gamma].Data, beta: at.Params[beta].Data}
	o.norm = &norm{positions: in.Positions(), channels: in.C, groups: 1}
	o.norm.images = max(1, min(in.N, blockFloats/(o.norm.positions*o.norm.channels)))
	o.statistics = newBatchNorm(l.norm(), &passNode{
		Node: &Node{Params: at.Params, epilogue: epilogue{slope: 1}}, x: at.In[:1], dx: at.In[:1], dy: at.Out,
	})
	o.total, o.square = make([]float64, in.N*in.C), make([]float64, in.N*in.C)
	o.k0, o.k1 = make([]float32, in.C), make([]float32, in.C)
	o.sums = make([]float64, 2*len(o.gamma))
	return o, nil
}

func (o *conditionalNorm) scratch() (floats, doubles int) { return o.norm.scratch() }

// eachImage calls f for each of a block's images: gamma and beta of its class begin at k, its
// channels in the block's rows at at.
func (o *conditionalNorm) eachImage(class *Tensor, b normBlock, f func(k, at int)) {
	for n := b.n0; n < b.n1; n++ {
		f(int(class.Class[n])*o.norm.channels, (n-b.n0)*o.norm.channels)
	}
}

// Forward is the third step: y = gamma[class] * (x-mean) * inv + beta[class], after those of
// batchNorm that find mean and inv.
func (o *conditionalNorm) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	mean, inv := o.statistics.mean, o.statistics.inv
	o.norm.blocks(s, []*Tensor{&y, &x[0]}, func(b normBlock) {
		r := o.norm.workspace(w, b.len())
		o.eachImage(&x[1], b, func(k, at int) {
			for c, m := range mean {
				a := float32(float64(o.gamma[k+c]) * inv[c])
				r.a[at+c], r.b[at+c] = a, float32(float64(o.beta[k+c])-float64(float64(a)*float64(m)))
			}
		})
		for p := range o.norm.positions {
			w.Kernels.Affine(b.row(&y, p), b.row(&x[0], p), r.a, r.b, 1)
		}
	})
}

// gradSums is the first step of Backward: each image's sums over positions.
func (o *conditionalNorm) gradSums(w *Worker, dy, x Tensor, s Share) {
	c := o.norm.channels
	o.norm.blocks(s, []*Tensor{&dy, &x}, func(b normBlock) {
		r := o.norm.workspace(w, b.len())
		for at := 0; at < b.len(); at += c {
			copy(r.shift[at:], o.statistics.mean)
		}
		o.norm.collect(w, &r, func(sum, sq []float32, p int) { // of slope 1, to which a and b are all the same
			w.Kernels.AffineGradSums(sum, sq, b.row(&dy, p), b.row(&x, p), r.shift, r.shift, r.shift, 1)
		})
		copy(o.total[b.n0*c:], r.total)
		copy(o.square[b.n0*c:], r.square)
	})
}

// gradStatistics is the second, for channels [c0, c1): dgamma and dbeta are sums over the images of
// a class, and with dz = gamma[class]*dy and M values of a channel
//
//	dx = inv * (dz - Σdz/M - (x-mean) * inv*inv * Σ(dz*(x-mean))/M)
func (o *conditionalNorm) gradStatistics(dgamma, dbeta []float32, class []int32, c0, c1 int) {
	channels := o.norm.channels
	m := float64(len(class) * o.norm.positions)
	scale, shift := o.sums[:len(dgamma)], o.sums[len(dgamma):]
	for c := c0; c < c1; c++ {
		inv := o.statistics.inv[c]
		for k := c; k < len(scale); k += channels {
			scale[k], shift[k] = 0, 0
		}
		dz, dzx := 0.0, 0.0
		for n, k := range class {
			at := int(k)*channels + c
			f := float64(o.gamma[at])
			dz += float64(f * o.total[n*channels+c])
			dzx += float64(f * o.square[n*channels+c])
			scale[at] += o.square[n*channels+c]
			shift[at] += o.total[n*channels+c]
		}
		k1 := float32(-inv * inv * inv * dzx / m)
		o.k1[c], o.k0[c] = k1, float32(-inv*dz/m-float64(float64(k1)*float64(o.statistics.mean[c])))
		for k := c; k < len(dgamma); k += channels {
			dgamma[k], dbeta[k] = float32(inv*scale[k]), float32(shift[k])
		}
	}
}

// Backward is the third: dx = gamma[class]*inv*dy + k1*x + k0.
func (o *conditionalNorm) Backward(w *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	inv := o.statistics.inv
	o.norm.blocks(s, []*Tensor{&dx[0], &dy, &x[0]}, func(b normBlock) {
		r := o.norm.workspace(w, b.len())
		o.eachImage(&x[1], b, func(k, at int) {
			copy(r.k0[at:], o.k0)
			copy(r.k1[at:], o.k1)
			for c, v := range inv {
				r.a[at+c] = float32(float64(o.gamma[k+c]) * v)
			}
		})
		for p := range o.norm.positions {
			w.Kernels.AffineGrad(b.row(&dx[0], p), b.row(&dy, p), b.row(&x[0], p), r.a, r.a, r.k0, r.k1, 1)
		}
	})
}

// addForward lists the stages of Forward.
func (o *conditionalNorm) addForward(p *Pass, l *stages, t *passNode) {
	l.once(t.op, "forward", func(w *Worker, s Share) { o.statistics.moments(w, t.xt[0].F, s) })
	l.once(t.op, "forward", func(_ *Worker, s Share) { o.statistics.statistics(s.Of(o.norm.channels)) })
	l.byImage(t, func(w *Worker, s Share) {
		o.Forward(w, t.yt, t.xt, s)
	})
}

// addBackward lists the stages of Backward, of all images: those of a batch depend on one another.
func (o *conditionalNorm) addBackward(p *Pass, l, _ *stages, t *passNode) {
	if t.frozen && !t.wants(0) {
		return
	}
	l.whole(p.chunk, 1, t.op, "backward", func(w *Worker, s Share) {
		o.gradSums(w, t.dyt, t.xt[0], s)
	})
	l.once(t.op, "backward", func(_ *Worker, s Share) {
		c0, c1 := s.Of(o.norm.channels)
		o.gradStatistics(t.dparams[gamma], t.dparams[beta], t.xt[1].Class, c0, c1)
	})
	if t.wants(0) {
		l.whole(p.chunk, 1, t.op, "backward", func(w *Worker, s Share) {
			o.Backward(w, t.dxt, t.dyt, t.xt, t.yt, s)
		})
	}
}

func (o *conditionalNorm) bytes() int64 {
	return o.statistics.bytes() + 16*int64(len(o.total)) + 8*int64(len(o.k0)+len(o.sums))
}
