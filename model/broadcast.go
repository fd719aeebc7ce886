package model

import "fmt"

// broadcast says how the second input of Add or Mul meets the first.
type broadcast int8

const (
	sameShape   broadcast = iota
	perChannel            // (1, 1, C): alike at all positions
	perPosition           // (H, W, 1): alike for all channels
	perImage              // (1, 1, 1)
)

// broadcastOf returns how in[1] meets in[0].
func broadcastOf(in []Spec) (broadcast, error) {
	if err := floatInputs(in, 2); err != nil {
		return 0, err
	}
	switch x, y := in[0].Shape, in[1].Shape; y {
	case x:
		return sameShape, nil
	case Flat(x.C):
		return perChannel, nil
	case Shape{x.H, x.W, 1}:
		return perPosition, nil
	case Flat(1):
		return perImage, nil
	default:
		return 0, fmt.Errorf("%w: inputs %v and %v, want the second alike, or of 1 channel, or of 1 position", ErrShape, x, y)
	}
}

// at is the element of a second input that meets channel c of x's position p.
func (b broadcast) at(p, c, channels int) int {
	switch b {
	case sameShape:
		return p*channels + c
	case perChannel:
		return c
	case perPosition:
		return p
	}
	return 0
}

// reference calls f with every element of the first input and the one of the second that it meets.
func (b broadcast) reference(x Shape, f func(i, j int)) {
	for i := range x.Len() {
		f(i, b.at(i/x.C, i%x.C, x.C))
	}
}

// pairwise is an Add or a Mul on layouts: y = f(x0, x1).
type pairwise struct {
	how broadcast
	// rows: dst = f(x, other), element by element; dst may be x, but not other.
	rows func(w *Worker, dst, x, other []float32)
	// same: dst = f(x, x); dst may be x.
	same func(dst, x []float32)
	// one: dst = f(x, v); dst may be x.
	one func(dst, x []float32, v float32)
}

// run computes y = f(x, other) for the share's images and positions.
func (o *pairwise) run(w *Worker, y, x, other Tensor, s Share) {
	if s.N0 >= s.N1 {
		return
	}
	if o.how == sameShape {
		o.runSame(w, y, x, other, s)
		return
	}
	rows, n := s.N1-s.N0, y.C
	wide := o.how == perChannel
	if wide && y.Row == y.C && x.Row == y.C && other.Row == y.C {
		rows, n = 1, rows*n
	}
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		q := p
		if o.how != perPosition {
			q = 0
		}
		for i := range rows {
			image := s.N0 + i
			dst, from := y.F[p*y.Stride+image*y.Row:][:n], x.F[p*x.Stride+image*x.Row:][:n]
			second := other.F[q*other.Stride+image*other.Row:]
			if wide {
				o.rows(w, dst, from, second[:n])
			} else {
				o.one(dst, from, second[0])
			}
		}
	}
}

// runSame is run of inputs of one shape.
func (o *pairwise) runSame(w *Worker, y, x, other Tensor, s Share) {
	alias := &x.F[0] == &other.F[0]
	c := spansOf(s, &y, &x, &other)
	for i := range c.count() {
		if dst, from := c.of(&y, i), c.of(&x, i); alias {
			o.same(dst, from)
		} else {
			o.rows(w, dst, from, c.of(&other, i))
		}
	}
}

// sumTo sets the gradient of a second input to the sum of dy*x over what each element has met, of
// dy alone if x is nil. The sums are in float64, where products of two float32 values are exact.
func (b broadcast) sumTo(dst, dy Tensor, x *Tensor, s Share) {
	for n := s.N0; n < s.N1; n++ {
		switch b {
		case perChannel:
			sumOverPositions(dst.At(0, n), dy, x, n)
		case perPosition:
			for p := range dy.Positions() {
				dst.At(p, n)[0] = float32(sumOverChannels(dy, x, p, n))
			}
		case perImage:
			sum := 0.0
			for p := range dy.Positions() {
				sum += sumOverChannels(dy, x, p, n)
			}
			dst.At(0, n)[0] = float32(sum)
		}
	}
}

// sumOverChannels returns Σ dy*x over the channels of image n at position p.
func sumOverChannels(dy Tensor, x *Tensor, p, n int) (sum float64) {
	d := dy.At(p, n)
	if x == nil {
		for _, v := range d {
			sum += float64(v)
		}
		return sum
	}
	for c, v := range x.At(p, n) {
		sum += float64(float64(d[c]) * float64(v))
	}
	return sum
}

// sumOverPositions sets dst to Σ dy*x over the positions of image n.
func sumOverPositions(dst []float32, dy Tensor, x *Tensor, n int) {
	var total [32]float64
	for lo := 0; lo < len(dst); lo += len(total) {
		m := min(len(total), len(dst)-lo)
		clear(total[:m])
		for p := range dy.Positions() {
			d := dy.At(p, n)[lo:][:m]
			if x == nil {
				for c, v := range d {
					total[c] += float64(v)
				}
				continue
			}
			for c, v := range x.At(p, n)[lo:][:m] {
				total[c] += float64(float64(d[c]) * float64(v))
			}
		}
		for c, v := range total[:m] {
			dst[lo+c] = float32(v)
		}
	}
}

// copyRows: dst = x, where they are not one memory already.
func copyRows(dst, x Tensor, s Share) {
	if s.N0 >= s.N1 || &dst.F[0] == &x.F[0] {
		return
	}
	c := spansOf(s, &dst, &x)
	for i := range c.count() {
		copy(c.of(&dst, i), c.of(&x, i))
	}
}
