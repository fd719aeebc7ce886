package model

import (
	"errors"
	"fmt"
)

// Clip is y = x, but at least Min and at most Max: ReLU6 is Clip{Max: 6}.
type Clip struct {
	fromOutput
	Min float32 `json:"min"`
	Max float32 `json:"max"` // above Min
}

func init() { Register[Clip]() }

// Kind returns "clip".
func (Clip) Kind() string { return "clip" }

// Infer returns what the input is.
func (l Clip) Infer(in []Spec) (Spec, error) {
	if l.Min-l.Min != 0 || l.Max-l.Max != 0 {
		return Spec{}, errors.New("min and max must be finite")
	}
	if l.Min >= l.Max {
		return Spec{}, fmt.Errorf("from %v to %v is no range", l.Min, l.Max)
	}
	return sameAs(in)
}

// At returns y.
func (l Clip) At(x float64) float64 { return min(max(x, float64(l.Min)), float64(l.Max)) }

// Derivative returns 1 where Min < y < Max, 0 elsewhere.
func (l Clip) Derivative(_, y float64) float64 {
	if y > float64(l.Min) && y < float64(l.Max) {
		return 1
	}
	return 0
}

// LowerTraining: see piecewise.
func (l Clip) LowerTraining(*Lowering) (TrainKernel, error) { return &piecewise{pointwise{l}}, nil }
