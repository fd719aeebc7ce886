package model

import "slices"

// spans are the contiguous runs of a share for operators that treat every element alike: one of all
// positions if they join, else one a position or, in a window of wider rows, one a row.
type spans struct {
	n0, n1 int
	p0, p1 int
	joined bool
	rows   bool
}

// spansOf returns the spans of share s of tensors of one shape.
func spansOf(s Share, t ...*Tensor) spans {
	c := spans{n0: s.N0, n1: s.N1}
	c.p0, c.p1 = s.Of(t[0].Positions())
	row := t[0].N * t[0].C
	c.rows = slices.ContainsFunc(t, func(t *Tensor) bool { return t.Row != t.C })
	c.joined = !c.rows && s.N0 == 0 && s.N1 == t[0].N && !slices.ContainsFunc(t, func(t *Tensor) bool { return t.Stride != row })
	return c
}

// count is the number of spans.
func (c spans) count() int {
	switch {
	case c.n0 >= c.n1 || c.p0 >= c.p1:
		return 0
	case c.joined:
		return 1
	case c.rows:
		return (c.p1 - c.p0) * (c.n1 - c.n0)
	}
	return c.p1 - c.p0
}

// span returns where span i of t begins, and its length.
func (c spans) span(t *Tensor, i int) (at, n int) {
	switch {
	case c.joined:
		return c.p0 * t.Stride, (c.p1-c.p0-1)*t.Stride + t.N*t.C
	case c.rows:
		images := c.n1 - c.n0
		return (c.p0+i/images)*t.Stride + (c.n0+i%images)*t.Row, t.C
	}
	return (c.p0+i)*t.Stride + c.n0*t.C, (c.n1 - c.n0) * t.C
}

// of returns span i of float32 values.
func (c spans) of(t *Tensor, i int) []float32 {
	at, n := c.span(t, i)
	return t.F[at:][:n]
}

// position is the one that span i lies at; spans must not be joined.
func (c spans) position(i int) int {
	if c.rows {
		return c.p0 + i/(c.n1-c.n0)
	}
	return c.p0 + i
}
