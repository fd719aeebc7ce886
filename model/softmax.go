package model

import (
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// Softmax makes the channels of each position positive and their sum 1:
//
//	y[c] = exp(x[c]) / Σ exp(x[k])
type Softmax struct{}

func init() { Register[Softmax]() }

// Kind returns "softmax".
func (Softmax) Kind() string { return "softmax" }

// Infer returns what the input is.
func (Softmax) Infer(in []Spec) (Spec, error) { return sameAs(in) }

// Params returns none.
func (Softmax) Params([]Spec) []Param { return nil }

// Reference: y[c] = exp(x[c]-max) / Σ exp(x[k]-max).
func (Softmax) Reference(y []float64, x, _ [][]float64, in []Spec) {
	c := in[0].Shape.C
	for at := 0; at < len(y); at += c {
		row, top, sum := x[0][at:][:c], math.Inf(-1), 0.0
		for _, v := range row {
			top = math.Max(top, v)
		}
		for _, v := range row {
			sum += math.Exp(v - top)
		}
		for k, v := range row {
			y[at+k] = math.Exp(v-top) / sum
		}
	}
}

// keeps: Backward reads the output.
func (Softmax) keeps() (limit, output need) { return nothing, everything }

func (Softmax) backwardInPlace() {}

// Lower: see softmax.
func (Softmax) Lower(*Lowering) (Kernel, error) { return softmax{}, nil }

// softmax is a Softmax on layouts.
type softmax struct{}

// Forward: y[c] = exp(x[c]-max) / Σ exp(x[k]-max).
func (softmax) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		from, to := x[0].At(p, n), y.At(p, n)
		top := from[0]
		for _, v := range from {
			top = max(top, v)
		}
		sum := 0.0
		for c, v := range from {
			e := fmath.Exp(float64(v) - float64(top))
			sum += e
			to[c] = float32(e)
		}
		for c, e := range to {
			to[c] = float32(float64(e) / sum)
		}
	}
}

func (softmax) overwrites() {}

// Backward: dx[c] = y[c] * (dy[c] - Σ dy[k]*y[k]).
func (softmax) Backward(_ *Worker, dx []Tensor, dy Tensor, _ []Tensor, y Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		to, d, out := dx[0].At(p, n), dy.At(p, n), y.At(p, n)
		sum := 0.0
		for c, v := range out {
			sum += float64(float64(d[c]) * float64(v))
		}
		for c, v := range out {
			to[c] = float32(float64(v) * (float64(d[c]) - sum))
		}
	}
}
