package train

import (
	"math"

	"github.com/gantiny/gantiny/simd"
)

// The loops below round every product, so that no compiler fuses it with the sum
// that follows: they give the same bits on every machine.

// SGD is gradient descent, with momentum if Momentum is not 0, in PyTorch's form:
//
//	m = Momentum*m + g
//	w -= rate * m                   or, with Nesterov,
//	w -= rate * (g + Momentum*m)
type SGD struct {
	Momentum float64
	Nesterov bool
}

// State returns sgd.m, and nothing without momentum.
func (s SGD) State() []string {
	if s.Momentum == 0 {
		return nil
	}
	return []string{"sgd.m"}
}

// Update is Optimizer's.
func (s SGD) Update(_ *simd.Kernels, w, g []float32, state [][]float32, _ uint64, rate float64) {
	lr, mu := float32(rate), float32(s.Momentum)
	if s.Momentum == 0 {
		for i, g := range g {
			w[i] -= float32(lr * g)
		}
		return
	}
	m := state[0]
	for i, g := range g {
		m[i] = float32(mu*m[i]) + g
		d := m[i]
		if s.Nesterov {
			d = g + float32(mu*d)
		}
		w[i] -= float32(lr * d)
	}
}

// RMSprop divides by the running root mean square of the gradient (Tieleman and
// Hinton 2012), in PyTorch's form:
//
//	v = Decay*v + (1-Decay)*g*g
//	w -= rate * g / (sqrt(v) + Epsilon)
type RMSprop struct{ Decay, Epsilon float64 }

// State returns rmsprop.v.
func (RMSprop) State() []string { return []string{"rmsprop.v"} }

// Update is Optimizer's.
func (r RMSprop) Update(_ *simd.Kernels, w, g []float32, state [][]float32, _ uint64, rate float64) {
	lr, keep, eps := float32(rate), float32(r.Decay), float32(r.Epsilon)
	take := 1 - keep
	v := state[0]
	for i, g := range g {
		v[i] = float32(keep*v[i]) + float32(float32(take*g)*g)
		w[i] -= float32(lr*g) / (float32(math.Sqrt(float64(v[i]))) + eps)
	}
}
