package model

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// Dense is a fully connected layer on a vector: y = x W + b.
// Parameters: weight (in, units), bias (units).
type Dense struct {
	Units int  `json:"units"`
	Bias  bool `json:"bias"`
}

func init() { Register[Dense]() }

// Kind returns "dense".
func (Dense) Kind() string { return "dense" }

// Infer returns a vector of l.Units features; the input must be a vector.
func (l Dense) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	x := in[0].Shape
	if !x.IsFlat() {
		return Spec{}, fmt.Errorf("%w: input %v, want a vector (Flatten makes one)", ErrShape, x)
	}
	if !fits(x.C, l.Units) {
		return Spec{}, fmt.Errorf("%w: %d inputs, %d units", ErrShape, x.C, l.Units)
	}
	return Floats(Flat(l.Units)), nil
}

// Params lists weight and bias.
func (l Dense) Params(in []Spec) []Param {
	n := in[0].Shape.C
	p := []Param{{Name: "weight", Shape: []int{n, l.Units}, Trainable: true, FanIn: n, FanOut: l.Units}}
	if l.Bias {
		p = append(p, Vector("bias", l.Units, Zero, true))
	}
	return p
}

// Reference: y[j] = Σ x[i] w[i,j] + b[j].
func (l Dense) Reference(y []float64, x, p [][]float64, _ []Spec) {
	for j := range y {
		if l.Bias {
			y[j] = p[1][j]
		}
		for i, v := range x[0] {
			y[j] += float64(v * p[0][i*len(y)+j])
		}
	}
}

// geometry takes the places that the vectors' features have in memory.
func (l Dense) geometry(in, out Shape) (conv.Geometry, error) {
	return conv.Dense(in.H, in.W, in.C, out.H, out.W, out.C), nil
}

func (Dense) makesVector() {}

func (l Dense) biased() linear {
	l.Bias = true
	return l
}
