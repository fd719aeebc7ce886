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

// Kind returns "dense".
func (Dense) Kind() string { return "dense" }

// Output returns a vector of l.Units features; in must be a vector.
func (l Dense) Output(in Shape) (Shape, error) {
	if !in.IsFlat() {
		return Shape{}, fmt.Errorf("%w: input %v, want a vector (Flatten makes one)", ErrShape, in)
	}
	if !fits(in.C, l.Units) {
		return Shape{}, fmt.Errorf("%w: %d inputs, %d units", ErrShape, in.C, l.Units)
	}
	return Flat(l.Units), nil
}

func (l Dense) params(in Shape) []Param {
	p := []Param{{Name: "weight", Shape: []int{in.C, l.Units}, Trainable: true, fan: [2]int{in.C, l.Units}}}
	if l.Bias {
		p = append(p, vector("bias", l.Units, zero, true))
	}
	return p
}

func (l Dense) withDefaults() Layer { return l }

// geometry takes the places that the vectors' features have in their Layouts.
func (l Dense) geometry(in, out Shape) (conv.Geometry, error) {
	return conv.Dense(in.H, in.W, in.C, out.H, out.W, out.C), nil
}
