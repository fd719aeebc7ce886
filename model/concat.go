package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Concat joins the channels of its inputs, which have the same rows and columns:
//
//	y[p] = (x0[p], x1[p], ...)
type Concat struct{ moving }

func init() {
	Register[Concat]()
	Register[QMove[Concat]]()
}

// Kind returns "concat".
func (Concat) Kind() string { return "concat" }

// Infer adds the channels up.
func (Concat) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, -1); err != nil {
		return Spec{}, err
	}
	s := in[0].Shape
	for i, v := range in[1:] {
		if v.Shape.H != s.H || v.Shape.W != s.W {
			return Spec{}, fmt.Errorf("%w: input %d is %v, input 0 %v", ErrShape, i+1, v.Shape, in[0].Shape)
		}
		s.C += v.Shape.C
	}
	return Floats(s), nil
}

// Reference: y[p] = (x0[p], x1[p], ...).
func (Concat) Reference(y []float64, x, _ [][]float64, in []Spec) {
	y = y[:0]
	for p := range in[0].Shape.H * in[0].Shape.W {
		for i, v := range x {
			c := in[i].Shape.C
			y = append(y, v[p*c:][:c]...)
		}
	}
}

func (Concat) runs(in []Spec) (list []featureRun) {
	at := 0
	for i, v := range in {
		for p := range v.Shape.H * v.Shape.W {
			list = append(list, row(i, p, 0, p, at, v.Shape.C))
		}
		at += v.Shape.C
	}
	return list
}

func (Concat) identityOn(in []Spec, _ Spec) bool { return len(in) == 1 }

// int8Form: the output has steps of its own, to which those of the inputs are rescaled.
func (l Concat) int8Form(out quant.Params) Op { return QMove[Concat]{l, out} }
