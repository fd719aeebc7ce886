package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Slice cuts a box of rows, columns and channels out of its input:
//
//	y[i,j,c] = x[From[0]+i, From[1]+j, From[2]+c]
type Slice struct {
	moving
	From [3]int `json:"from"` // row, column, channel
	Size [3]int `json:"size"` // rows, columns, channels
}

func init() {
	Register[Slice]()
	Register[QMove[Slice]]()
}

// Kind returns "slice".
func (Slice) Kind() string { return "slice" }

// Infer returns the box's shape.
func (l Slice) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	x := in[0].Shape
	for i, d := range [3]int{x.H, x.W, x.C} {
		if l.Size[i] < 1 || l.Size[i] > d || l.From[i] < 0 || l.From[i] > d-l.Size[i] {
			return Spec{}, fmt.Errorf("%w: a box of %v at %v in an input of %v", ErrShape, l.Size, l.From, x)
		}
	}
	return Floats(Shape{l.Size[0], l.Size[1], l.Size[2]}), nil
}

// Reference: y[i,j,c] = x[From[0]+i, From[1]+j, From[2]+c].
func (l Slice) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	y = y[:0]
	for i := range l.Size[0] {
		for j := range l.Size[1] {
			at := ((l.From[0]+i)*s.W+l.From[1]+j)*s.C + l.From[2]
			y = append(y, x[0][at:][:l.Size[2]]...)
		}
	}
}

func (l Slice) runs(in []Spec) (list []featureRun) {
	x := in[0].Shape
	for i := range l.Size[0] {
		for j := range l.Size[1] {
			from := (l.From[0]+i)*x.W + l.From[1] + j
			list = append(list, row(0, from, l.From[2], i*l.Size[1]+j, 0, l.Size[2]))
		}
	}
	return list
}

func (Slice) identityOn(in []Spec, out Spec) bool { return in[0] == out }

func (Slice) passesScale() bool { return true }

func (l Slice) int8Form(out quant.Params) Op { return QMove[Slice]{l, out} }
