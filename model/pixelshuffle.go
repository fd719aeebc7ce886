package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// PixelShuffle turns groups of Factor*Factor channels into Factor times the rows and columns, as
// torch.nn.PixelShuffle does (Shi et al. 2016): with r = Factor,
//
//	y[i*r+a, j*r+b, c] = x[i, j, c*r*r + a*r + b]
type PixelShuffle struct {
	moving
	Factor int `json:"factor"`
}

func init() {
	Register[PixelShuffle]()
	Register[QMove[PixelShuffle]]()
}

// Kind returns "pixelshuffle".
func (PixelShuffle) Kind() string { return "pixelshuffle" }

// Infer returns the larger shape. The input's channels must be a multiple of Factor*Factor.
func (l PixelShuffle) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	x, r := in[0].Shape, l.Factor
	if !fits(r, r) || x.C%(r*r) != 0 {
		return Spec{}, fmt.Errorf("%w: factor %d of %d channels", ErrShape, r, x.C)
	}
	return Floats(Shape{x.H * r, x.W * r, x.C / (r * r)}), nil
}

// Reference: y[i*r+a, j*r+b, c] = x[i, j, c*r*r + a*r + b].
func (l PixelShuffle) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s, r := in[0].Shape, l.Factor
	for k, v := range x[0] {
		i, j, c := k/s.C/s.W, k/s.C%s.W, k%s.C
		y[((i*r+c/r%r)*s.W*r+j*r+c%r)*s.C/(r*r)+c/(r*r)] = v
	}
}

func (l PixelShuffle) runs(in []Spec) (list []featureRun) {
	x := in[0].Shape
	r := l.Factor
	for i := range x.H * r {
		for j := range x.W * r {
			list = append(list, strided(0, i/r*x.W+j/r, i%r*r+j%r, 0, r*r, i*x.W*r+j, 0, x.C/(r*r)))
		}
	}
	return list
}

func (l PixelShuffle) identityOn([]Spec, Spec) bool { return l.Factor == 1 }

func (PixelShuffle) passesScale() bool { return true }

func (l PixelShuffle) int8Form(out quant.Params) Op { return QMove[PixelShuffle]{l, out} }
