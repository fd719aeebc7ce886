package model

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/simd"
)

// Dropout sets a share Rate of the values to 0 while training and scales the
// others by 1/(1-Rate); at inference it does nothing.
type Dropout struct {
	Rate float64 `json:"rate"`
}

// Kind returns "dropout".
func (Dropout) Kind() string { return "dropout" }

// Output returns in.
func (l Dropout) Output(in Shape) (Shape, error) {
	if !(l.Rate >= 0 && l.Rate < 1) {
		return Shape{}, fmt.Errorf("rate %v, want at least 0 and below 1", l.Rate)
	}
	return in, nil
}

func (Dropout) params(Shape) []Param  { return nil }
func (l Dropout) withDefaults() Layer { return l }

// DropoutKey returns the key of a dropout layer's mask at one step of training.
// The element at position p of image n, channel c, stays where
// simd.Hash32(key, (p*N+n)*C+c) < keep, with keep = (1-Rate)*2^32.
func DropoutKey(seed, step uint64, layer int) [2]uint32 {
	return rng.NewKey(seed, rng.Dropout).Sub(uint64(layer)).Sub(step)
}

// drop is a Dropout in training.
type drop struct {
	maps
	keep  uint32
	scale float32
	words int      // of the mask, at each position
	mask  []uint32 // positions x words
	key   [2]uint32

	above []uint32 // alike: where the input is positive
	slope float32  // of the leaky activation before, if Backward is its gradient too; else 1
}

func newDrop(l Dropout, m maps) *drop {
	words := (m.in.N*m.in.C + 31) / 32
	return &drop{
		maps: m,
		keep: uint32(min((1-l.Rate)*(1<<32), 1<<32-1)), scale: float32(1 / (1 - l.Rate)),
		words: words, mask: make([]uint32, m.in.Positions()*words), above: make([]uint32, m.in.Positions()*words), slope: 1,
	}
}

// span returns the words of the mask at each position that images [n0, n1) of n take, which begin with a whole word.
func (o *drop) span(n0, n1, n int) (w0, w1 int) {
	c := o.in.C
	if n1 == n {
		return n0 * c / 32, (n*c + 31) / 32
	}
	return n0 * c / 32, n1 * c / 32
}

// Forward: y = x*scale where the mask is set, else 0.
func (o *drop) Forward(w *worker, y, x []float32, s share) {
	w0, w1 := o.span(s.n0, s.n1, o.in.N)
	row := o.in.N * o.in.C
	for p := range o.in.Positions() {
		w.k.Dropout(elements(y, o.out, p, w0, w1), elements(x, o.in, p, w0, w1), simd.Dropout{
			Kept: o.mask[p*o.words:][w0:w1], Above: o.above[p*o.words:][w0:w1],
			Key: o.key, First: uint32(p*row + 32*w0), Keep: o.keep, Scale: o.scale,
		})
	}
}

// Backward: dx = dy*scale where the mask is set, else 0, for images from lo on,
// where a word of the mask begins; then, if the layer follows a leaky activation,
// dx *= slope where that is not positive.
func (o *drop) Backward(w *worker, g gradients, lo int) {
	w0, w1 := o.span(g.n0, g.n1, g.dy.N)
	for p := range o.in.Positions() {
		at := p*o.words + lo*g.dy.C/32
		mask := o.mask[at:][w0:w1]
		dx, dy := elements(g.dx.buf, g.dx.Layout, p, w0, w1), elements(g.dy.buf, g.dy.Layout, p, w0, w1)
		if o.slope == 1 {
			w.k.DropoutGrad(dx, dy, mask, o.scale)
		} else {
			w.k.DropoutLeakyGrad(dx, dy, mask, o.above[at:][w0:w1], o.scale, o.slope)
		}
	}
}

// elements returns the elements of position p that words [w0, w1) of the mask stand for.
func elements(x []float32, m conv.Layout, p, w0, w1 int) []float32 {
	return x[p*m.Stride:][:m.N*m.C][32*w0 : min(32*w1, m.N*m.C)]
}
