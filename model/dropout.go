package model

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/simd"
)

// Dropout sets a fraction Rate of the values to 0 while training and scales the
// others by 1/(1-Rate); at inference it does nothing.
type Dropout struct {
	Rate float64 `json:"rate"`
}

func init() { Register[Dropout]() }

// Kind returns "dropout".
func (Dropout) Kind() string { return "dropout" }

// Infer returns what the input is.
func (l Dropout) Infer(in []Spec) (Spec, error) {
	if !(l.Rate >= 0 && l.Rate < 1) {
		return Spec{}, fmt.Errorf("rate %v, want at least 0 and below 1", l.Rate)
	}
	return sameAs(in)
}

// Params returns none.
func (Dropout) Params([]Spec) []Param { return nil }

// Reference: y = x.
func (Dropout) Reference(y []float64, x, _ [][]float64, _ []Spec) { copy(y, x[0]) }

func (l Dropout) identity(training bool) bool { return !training || l.Rate == 0 }

func (Dropout) backwardInPlace() {}

// keeps: where it writes zeros the gradient is zero, too.
func (Dropout) keeps() (limit, output need) { return signs, nothing }

// DropoutKey returns the key of a dropout layer's mask at one step of training.
// The element at position p of image n, channel c, stays where
// simd.Hash32(key, (p*N+n)*C+c) < keep, with keep = (1-Rate)*2^32.
func DropoutKey(seed, step uint64, layer int) [2]uint32 {
	return rng.NewKey(seed, rng.Dropout).Sub(uint64(layer)).Sub(step)
}

// drop is a Dropout in training.
type drop struct {
	in    conv.Layout
	keep  uint32
	scale float32
	words int      // of the mask, at each position
	mask  []uint32 // positions x words
	key   [2]uint32

	above []uint32 // alike: where the input is positive
	slope float32  // of the leaky activation before, if Backward is its gradient too; else 1
}

func newDrop(l Dropout, t *passNode) *drop {
	in := t.x[0]
	words := (in.N*in.C + 31) / 32
	return &drop{
		in: in, keep: uint32(min((1-l.Rate)*(1<<32), 1<<32-1)), scale: float32(1 / (1 - l.Rate)),
		words: words, mask: make([]uint32, in.Positions()*words), above: make([]uint32, in.Positions()*words), slope: 1,
	}
}

func (o *drop) setKey(key [2]uint32) { o.key = key }

// span returns the words of the mask at each position that images [n0, n1) of n take, which begin
// with a whole word.
func (o *drop) span(n0, n1, n int) (w0, w1 int) {
	c := o.in.C
	if n1 == n {
		return n0 * c / 32, (n*c + 31) / 32
	}
	return n0 * c / 32, n1 * c / 32
}

// Forward: y = x*scale where the mask is set, else 0.
func (o *drop) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	w0, w1 := o.span(s.N0, s.N1, o.in.N)
	row := o.in.N * o.in.C
	for p := range o.in.Positions() {
		w.Kernels.Dropout(elements(y, p, w0, w1), elements(x[0], p, w0, w1), simd.Dropout{
			Kept: o.mask[p*o.words:][w0:w1], Above: o.above[p*o.words:][w0:w1],
			Key: o.key, First: uint32(p*row + 32*w0), Keep: o.keep, Scale: o.scale,
		})
	}
}

// Backward is backwardFrom of a whole batch.
func (o *drop) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, _ Tensor, s Share) {
	o.backwardFrom(w, dx[0], dy, s, 0)
}

// backwardFrom: dx = dy*scale where the mask is set, else 0, of a chunk that begins with image lo,
// where a word of the mask begins; then, if the layer follows a leaky activation,
// dx *= slope where that is not positive.
func (o *drop) backwardFrom(w *Worker, dx, dy Tensor, s Share, lo int) {
	w0, w1 := o.span(s.N0, s.N1, dy.N)
	for p := range o.in.Positions() {
		at := p*o.words + lo*dy.C/32
		mask := o.mask[at:][w0:w1]
		to, from := elements(dx, p, w0, w1), elements(dy, p, w0, w1)
		if o.slope == 1 {
			w.Kernels.DropoutGrad(to, from, mask, o.scale)
		} else {
			w.Kernels.DropoutLeakyGrad(to, from, mask, o.above[at:][w0:w1], o.scale, o.slope)
		}
	}
}

// Tangent: ty = tx*scale where the mask is set, else 0.
func (o *drop) Tangent(w *Worker, ty Tensor, tx []Tensor, _ []Tensor, _ Tensor, s Share) {
	w0, w1 := o.span(s.N0, s.N1, o.in.N)
	for p := range o.in.Positions() {
		w.Kernels.DropoutGrad(elements(ty, p, w0, w1), elements(tx[0], p, w0, w1), o.mask[p*o.words:][w0:w1], o.scale)
	}
}

// elements returns the elements of position p that words [w0, w1) of the mask stand for.
func elements(t Tensor, p, w0, w1 int) []float32 {
	return t.F[p*t.Stride:][:t.N*t.C][32*w0 : min(32*w1, t.N*t.C)]
}

// addForward lists the stage of Forward.
func (o *drop) addForward(p *Pass, l *stages, t *passNode) {
	l.byImage(t, func(w *Worker, s Share) { o.Forward(w, t.yt, t.xt, s) })
}

// addBackward lists the stage of Backward.
func (o *drop) addBackward(p *Pass, l, _ *stages, t *passNode) {
	if !t.wants(0) {
		return
	}
	l.whole(p.chunk, t.grain(), t.op, "backward", func(w *Worker, s Share) {
		o.backwardFrom(w, p.gradient(t, 0), t.dyt, s, p.lo)
	})
}

func (o *drop) bytes() int64 { return 4 * int64(len(o.mask)+len(o.above)) }
