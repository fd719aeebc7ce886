package train

import (
	"math"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// adam is the optimiser of one network (Kingma and Ba 2015, in Keras' form,
// which adds epsilon outside the bias correction).
type adam struct {
	k      *simd.Kernels
	params []*model.Param // the trainable ones
	grads  []*model.Param // of each
	m, v   [][]float32    // running mean of the gradient and of its square, of each

	step simd.AdamStep
	bad  []bool           // by worker: a gradient is not finite
	run  func(worker int) // update and check on one worker's share, bound once
	test func(worker int)
}

// share is the multiple of floats at which workers' shares of a tensor meet: a
// cache line, so that they write no line in common.
const share = 16

func newAdam(params, grads []*model.Param, k *simd.Kernels, workers int) *adam {
	total := 0
	for _, p := range params {
		total += len(p.Data)
	}
	a := &adam{k: k, params: params, grads: grads, bad: make([]bool, workers)}
	states := make([]float32, 2*total)
	take := func(n int) []float32 {
		s := states[:n:n]
		states = states[n:]
		return s
	}
	for _, p := range params {
		a.m = append(a.m, take(len(p.Data)))
		a.v = append(a.v, take(len(p.Data)))
	}
	a.run = a.updateShare
	a.test = a.checkShare
	return a
}

// cut returns a worker's part of n floats.
func (a *adam) cut(n, worker int) (lo, hi int) {
	lo, hi = pool.Split((n+share-1)/share, len(a.bad), worker)
	return min(lo*share, n), min(hi*share, n)
}

// update is update number t, from 1, of all parameters. Elements do not meet, so
// that the shares change no bit.
func (a *adam) update(p *pool.Pool, c Config, t uint64) {
	// The correction uses the betas as the kernel has them, so that it cancels at t = 1.
	b1, b2 := float32(c.Beta1), float32(c.Beta2)
	lr := c.LearningRate * math.Sqrt(1-math.Pow(float64(b2), float64(t))) / (1 - math.Pow(float64(b1), float64(t)))
	a.step = simd.AdamStep{LR: float32(lr), Beta1: b1, Beta2: b2, Eps: float32(c.Epsilon)}
	p.Run(a.run)
}

func (a *adam) updateShare(worker int) {
	for i, p := range a.params {
		lo, hi := a.cut(len(p.Data), worker)
		a.k.Adam(p.Data[lo:hi], a.m[i][lo:hi], a.v[i][lo:hi], a.grads[i].Data[lo:hi], a.step)
	}
}

// finite reports whether every gradient is a finite number. A sum is finite only
// if its terms are; sums that overflow come from gradients no better than NaN.
func (a *adam) finite(p *pool.Pool) bool {
	clear(a.bad)
	p.Run(a.test)
	for _, b := range a.bad {
		if b {
			return false
		}
	}
	return true
}

func (a *adam) checkShare(worker int) {
	for _, g := range a.grads {
		lo, hi := a.cut(len(g.Data), worker)
		if s := a.k.Sum(g.Data[lo:hi]); s-s != 0 {
			a.bad[worker] = true
		}
	}
}
