package model

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// qnorm is a QNorm on layouts.
type qnorm struct {
	op           QNorm
	rule         normRule
	weight, bias []int32
	slope        int32
	zero         int32 // of the output
}

// Lower copies the parameters.
func (o QNorm) Lower(l *Lowering) (Kernel, error) {
	return &qnorm{
		op: o, rule: o.rule(l.Specs), weight: slices.Clone(l.Params[0].Int32), bias: slices.Clone(l.Params[1].Int32),
		slope: slopeOf(o.Slope), zero: o.Output.Zero,
	}, nil
}

func (*qnorm) overwrites() {}

// normChannels is how many channels are worked on at a time.
const normChannels = 64

// normPart is a part of one image: some channels at some positions.
type normPart struct{ n, p0, p1, c0, c1 int }

// of returns what the part has of t, from its first position on.
func (b normPart) of(t *Tensor) []int8 { return t.Q[b.p0*t.Stride+b.n*t.Row+b.c0:] }

// chunks calls f for the part's channels, some at a time.
func (b normPart) chunks(f func(b normPart)) {
	end := b.c1
	for ; b.c0 < end; b.c0 += normChannels {
		b.c1 = min(b.c0+normChannels, end)
		f(b)
	}
}

// parts is how many parts an image is cut into, whose values depend on no other.
func (k *qnorm) parts(y Tensor) int {
	switch k.op.From {
	case "instancenorm":
		return (y.C + normChannels - 1) / normChannels
	case "groupnorm":
		return k.op.Groups
	case "pixelnorm":
		return y.Positions()
	}
	return 1
}

// part is number i of an image's.
func (k *qnorm) part(y Tensor, n, i int) normPart {
	all := normPart{n, 0, y.Positions(), 0, y.C}
	switch k.op.From {
	case "instancenorm":
		all.c0, all.c1 = i*normChannels, min((i+1)*normChannels, y.C)
	case "groupnorm":
		size := y.C / k.op.Groups
		all.c0, all.c1 = i*size, (i+1)*size
	case "pixelnorm":
		all.p0, all.p1 = i, i+1
	}
	return all
}

// Forward: y = round(leaky(z*weight + bias) / 2^Shift) + Output.Zero.
func (k *qnorm) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	parts := k.parts(y)
	lo, hi := s.Of((s.N1 - s.N0) * parts)
	for i := lo; i < hi; i++ {
		b := k.part(y, s.N0+i/parts, i%parts)
		if k.op.From == "instancenorm" {
			k.byChannel(w, &y, &x[0], b)
		} else {
			k.together(w, &y, &x[0], b)
		}
	}
}

// normWork is a thread's workspace: sums of up to normChannels channels, and what follows from them.
type normWork struct {
	part, partSquares          [normChannels]int32
	sums                       [normChannels]normSums
	weight, bias, slope, shift [normChannels]int32
}

// moments leaves the sums of a part's channels over its positions in w.sums.
func (w *normWork) moments(k *simd.Bytes, x *Tensor, b normPart) []normSums {
	n := b.c1 - b.c0
	sums := w.sums[:n]
	clear(sums)
	for ; b.p0 < b.p1; b.p0 += simd.MaxMoments {
		k.Moments(w.part[:n], w.partSquares[:n], b.of(x), x.Stride, min(b.p1-b.p0, simd.MaxMoments))
		for c := range sums {
			sums[c].sum += int64(w.part[c])
			sums[c].squares += int64(w.partSquares[c])
		}
	}
	return sums
}

// byChannel is of a part whose channels have a variance each.
func (k *qnorm) byChannel(w *Worker, y, x *Tensor, b normPart) {
	f := &w.bytes.norm
	for c, sums := range f.moments(w.Kernels.Bytes, x, b) {
		f.set(c, k.rule.statistics(sums), k.weight[b.c0+c], k.bias[b.c0+c])
	}
	k.apply(w, y, x, b)
}

// together is of a part with one variance.
func (k *qnorm) together(w *Worker, y, x *Tensor, b normPart) {
	f := &w.bytes.norm
	var all normSums
	b.chunks(func(b normPart) {
		for _, s := range f.moments(w.Kernels.Bytes, x, b) {
			all.sum += s.sum
			all.squares += s.squares
		}
	})
	st := k.rule.statistics(all)
	b.chunks(func(b normPart) {
		if len(k.weight) == y.C {
			f.setAll(st, k.weight[b.c0:b.c1], k.bias[b.c0:b.c1])
			k.apply(w, y, x, b)
			return
		}
		for p := b.p0; p < b.p1; p++ {
			at := p*y.C + b.c0
			f.setAll(st, k.weight[at:][:b.c1-b.c0], k.bias[at:][:b.c1-b.c0])
			k.apply(w, y, x, normPart{b.n, p, p + 1, b.c0, b.c1})
		}
	})
}

func (w *normWork) set(c int, s normStatistics, weight, bias int32) {
	x, b, shift := s.factors(weight, bias)
	w.weight[c], w.bias[c], w.shift[c] = int32(x), int32(b), int32(shift)
}

// setAll computes what several neighbors share only once.
func (w *normWork) setAll(s normStatistics, weight, bias []int32) {
	for c, v := range weight {
		if c > 0 && v == weight[c-1] && bias[c] == bias[c-1] {
			w.weight[c], w.bias[c], w.shift[c] = w.weight[c-1], w.bias[c-1], w.shift[c-1]
		} else {
			w.set(c, s, v, bias[c])
		}
	}
}

// apply: y = round(leaky(x*w + b) / 2^shift) + zero.
func (k *qnorm) apply(w *Worker, y, x *Tensor, b normPart) {
	f, n := &w.bytes.norm, b.c1-b.c0
	a := simd.ByteAffine{Weight: f.weight[:n], Bias: f.bias[:n], Shift: f.shift[:n], Zero: k.zero}
	if k.slope != slopeOne {
		a.Slope = f.slope[:n]
		for c := range a.Slope {
			a.Slope[c] = k.slope
		}
	}
	w.Kernels.Bytes.Affine(b.of(y), y.Stride, b.of(x), x.Stride, b.p1-b.p0, a)
}
