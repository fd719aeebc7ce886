package model

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// Reshape gives the features another shape, in the order (y, x, c). It moves
// data only where the number of channels changes between two images; a vector
// that a Dense layer makes is laid out as the Reshape after it wants it.
type Reshape struct {
	H int `json:"h"`
	W int `json:"w"`
	C int `json:"c"`
}

// Kind returns "reshape".
func (Reshape) Kind() string { return "reshape" }

// Output returns the new shape.
func (l Reshape) Output(in Shape) (Shape, error) {
	s := Shape(l)
	if err := s.check(); err != nil {
		return Shape{}, err
	}
	if s.Len() != in.Len() {
		return Shape{}, fmt.Errorf("%w: %v has %d features, %v has %d", ErrShape, in, in.Len(), s, s.Len())
	}
	return s, nil
}

func (Reshape) params(Shape) []Param  { return nil }
func (l Reshape) withDefaults() Layer { return l }

// move copies features between two Layouts of as many features.
type move struct{ maps }

// Forward: y = x, feature by feature.
func (o *move) Forward(_ *worker, y, x []float32, s share) {
	moveFeatures(y, o.out, x, o.in, s)
}

// Backward: dx = dy.
func (o *move) Backward(_ *worker, g gradients) {
	moveFeatures(g.dx.buf, g.dx.Layout, g.dy.buf, g.dy.Layout, g.share)
}

// moveFeatures fills the positions of dst that s names.
func moveFeatures(dst []float32, to conv.Layout, src []float32, from conv.Layout, s share) {
	p0, p1 := s.of(to.Positions())
	for f, end := p0*to.C, p1*to.C; f < end; {
		// A run of features that are neighbours on both sides.
		i, j := f%from.C, f%to.C
		n := min(from.C-i, to.C-j)
		x, y := f/from.C*from.Stride+i, f/to.C*to.Stride+j
		for k := s.n0; k < s.n1; k++ {
			copy(dst[y+k*to.C:][:n], src[x+k*from.C:])
		}
		f += n
	}
}
