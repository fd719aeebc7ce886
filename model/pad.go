package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Pad adds rows and columns around its input: zeros, or Value in their place; the input's own
// mirrored at its outermost row or column, which is not repeated (as numpy's "reflect"); or the
// outermost ones again (as numpy's "edge").
type Pad struct {
	moving
	Pad   [4]int  `json:"pad"`  // rows above and below, columns left and right
	Mode  string  `json:"mode"` // PadZero, PadReflect or PadEdge
	Value float32 `json:"value,omitzero"`
}

// The modes of Pad.
const (
	PadZero    = "zero"
	PadReflect = "reflect"
	PadEdge    = "edge"
)

func init() {
	Register[Pad]()
	Register[QMove[Pad]]()
}

// Kind returns "pad".
func (Pad) Kind() string { return "pad" }

// Infer returns the larger shape. Mirrored rows and columns must be fewer than the input's.
func (l Pad) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	x, most := in[0].Shape, [2]int{maxLen, maxLen}
	switch l.Mode {
	case PadZero, PadEdge:
	case PadReflect:
		most = [2]int{x.H - 1, x.W - 1}
	default:
		return Spec{}, fmt.Errorf("mode %q, want %q, %q or %q", l.Mode, PadZero, PadReflect, PadEdge)
	}
	if l.Value != 0 && l.Mode != PadZero {
		return Spec{}, fmt.Errorf("mode %q with a value", l.Mode)
	}
	for i, n := range l.Pad {
		if n < 0 || n > most[i/2] {
			return Spec{}, fmt.Errorf("%w: padding %v (%s) of an input of %v", ErrShape, l.Pad, l.Mode, x)
		}
	}
	return Floats(Shape{x.H + l.Pad[0] + l.Pad[1], x.W + l.Pad[2] + l.Pad[3], x.C}), nil
}

// source returns which of n rows or columns stands at i, where 0 is the first, false for none.
func (l Pad) source(i, n int) (int, bool) {
	switch {
	case i >= 0 && i < n:
		return i, true
	case l.Mode == PadEdge:
		return min(max(i, 0), n-1), true
	case l.Mode == PadReflect && i < 0:
		return -i, true
	case l.Mode == PadReflect:
		return 2*(n-1) - i, true
	}
	return 0, false
}

// each calls f for every output position with its source among the input's positions, -1 for none.
func (l Pad) each(x Shape, f func(from, to int)) {
	to := 0
	for i := range x.H + l.Pad[0] + l.Pad[1] {
		for j := range x.W + l.Pad[2] + l.Pad[3] {
			r, inRows := l.source(i-l.Pad[0], x.H)
			c, inColumns := l.source(j-l.Pad[2], x.W)
			from := -1
			if inRows && inColumns {
				from = r*x.W + c
			}
			f(from, to)
			to++
		}
	}
}

// Reference: y[i,j] = x[source(i-top), source(j-left)], or Value.
func (l Pad) Reference(y []float64, x, _ [][]float64, in []Spec) {
	c := in[0].Shape.C
	l.each(in[0].Shape, func(from, to int) {
		for k := range c {
			y[to*c+k] = float64(l.Value)
			if from >= 0 {
				y[to*c+k] = x[0][from*c+k]
			}
		}
	})
}

func (l Pad) runs(in []Spec) (list []featureRun) {
	x := in[0].Shape
	l.each(x, func(from, to int) {
		r := row(0, from, 0, to, 0, x.C)
		if from < 0 {
			r.input, r.from = fill, 0
		}
		list = append(list, r)
	})
	return list
}

func (Pad) identityOn(in []Spec, out Spec) bool { return in[0] == out }

func (l Pad) int8Form(out quant.Params) Op {
	if l.Mode == PadZero {
		l.Value = float32(out.Byte(l.Value))
	}
	return QMove[Pad]{l, out}
}

// passesScale: any scale has a 0, but perhaps no other value to pad with.
func (l Pad) passesScale() bool { return l.Value == 0 }

func (l Pad) fill() float32 { return l.Value }
