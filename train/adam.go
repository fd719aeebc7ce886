package train

import (
	"math"

	"github.com/gantiny/gantiny/simd"
)

// Adam is the optimizer of Kingma and Ba (2015) in Keras' form, which adds Epsilon
// outside the bias correction. For update number n, from 1:
//
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g*g
//	w -= rate * sqrt(1-Beta2^n) / (1-Beta1^n) * m / (sqrt(v) + Epsilon)
type Adam struct{ Beta1, Beta2, Epsilon float64 }

// State returns adam.m and adam.v.
func (Adam) State() []string { return []string{"adam.m", "adam.v"} }

// Update is Optimizer's.
func (a Adam) Update(k *simd.Kernels, w, g []float32, state [][]float32, n uint64, rate float64) {
	// The correction uses the betas as the kernel has them, so that it cancels at n = 1.
	b1, b2 := float32(a.Beta1), float32(a.Beta2)
	rate = rate * math.Sqrt(1-math.Pow(float64(b2), float64(n))) / (1 - math.Pow(float64(b1), float64(n)))
	k.Adam(w, state[0], state[1], g, simd.AdamStep{LR: float32(rate), Beta1: b1, Beta2: b2, Eps: float32(a.Epsilon)})
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019), of every
// parameter, in PyTorch's form, which adds Epsilon inside the bias correction:
//
//	w -= rate*Decay*w
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g*g
//	w -= rate * m/(1-Beta1^n) / (sqrt(v/(1-Beta2^n)) + Epsilon)
type AdamW struct{ Beta1, Beta2, Epsilon, Decay float64 }

// State returns adamw.m and adamw.v.
func (AdamW) State() []string { return []string{"adamw.m", "adamw.v"} }

// Update is Optimizer's.
func (a AdamW) Update(k *simd.Kernels, w, g []float32, state [][]float32, n uint64, rate float64) {
	k.Scale(w, float32(1-float64(rate*a.Decay)))
	// Both sides of the fraction times sqrt(1-Beta2^n) make it Adam's.
	b1, b2 := float32(a.Beta1), float32(a.Beta2)
	root := math.Sqrt(1 - math.Pow(float64(b2), float64(n)))
	rate = rate * root / (1 - math.Pow(float64(b1), float64(n)))
	k.Adam(w, state[0], state[1], g, simd.AdamStep{LR: float32(rate), Beta1: b1, Beta2: b2, Eps: float32(a.Epsilon * root)})
}
