package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Transpose permutes rows, columns and channels: dimension i of the output is dimension Perm[i] of
// the input, where 0 stands for rows, 1 for columns and 2 for channels.
type Transpose struct {
	moving
	Perm [3]int `json:"perm"`
}

func init() {
	Register[Transpose]()
	Register[QMove[Transpose]]()
}

// Kind returns "transpose".
func (Transpose) Kind() string { return "transpose" }

// Infer returns the permuted shape.
func (l Transpose) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	seen := [3]bool{}
	for _, d := range l.Perm {
		if d < 0 || d > 2 || seen[d] {
			return Spec{}, fmt.Errorf("perm %v, want a permutation of 0, 1 and 2", l.Perm)
		}
		seen[d] = true
	}
	return Floats(l.shape(in[0].Shape)), nil
}

func (l Transpose) shape(x Shape) Shape {
	d := [3]int{x.H, x.W, x.C}
	return Shape{d[l.Perm[0]], d[l.Perm[1]], d[l.Perm[2]]}
}

// Reference: y[i0,i1,i2] = x[j0,j1,j2] with j[Perm[k]] = i[k].
func (l Transpose) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	out := l.shape(s)
	var j [3]int
	for i := range y {
		j[l.Perm[0]], j[l.Perm[1]], j[l.Perm[2]] = i/out.C/out.W, i/out.C%out.W, i%out.C
		y[i] = x[0][(j[0]*s.W+j[1])*s.C+j[2]]
	}
}

// runs: the channels of an output position are a row, a column or the channels of the input.
func (l Transpose) runs(in []Spec) (list []featureRun) {
	x := in[0].Shape
	out := l.shape(x)
	stepP, stepC := [3]int{x.W, 1, 0}[l.Perm[2]], [3]int{0, 0, 1}[l.Perm[2]]
	var j [3]int
	for p := range out.H * out.W {
		j[l.Perm[0]], j[l.Perm[1]] = p/out.W, p%out.W
		list = append(list, strided(0, j[0]*x.W+j[1], j[2], stepP, stepC, p, 0, out.C))
	}
	return list
}

// identityOn: dimensions of 1 may stand anywhere.
func (l Transpose) identityOn(in []Spec, out Spec) bool {
	d := [3]int{in[0].Shape.H, in[0].Shape.W, in[0].Shape.C}
	last := -1
	for _, k := range l.Perm {
		if d[k] > 1 && k < last {
			return false
		}
		if d[k] > 1 {
			last = k
		}
	}
	return in[0] == out
}

func (Transpose) passesScale() bool { return true }

func (l Transpose) int8Form(out quant.Params) Op { return QMove[Transpose]{l, out} }
