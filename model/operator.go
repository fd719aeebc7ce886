package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// worker is what one thread of a Session or Pass works with.
type worker struct {
	id, of int
	k      *simd.Kernels
	conv   *conv.Workspace
	brief  []float32 // a Pass's: a block of images of an activation that is not kept
}

// share is what one call computes: part of parts of the images [n0, n1).
type share struct{ n0, n1, part, parts int }

// of returns the share's part of n things.
func (s share) of(n int) (lo, hi int) { return pool.Split(n, s.parts, s.part) }

// operator is a layer, or a run of layers, planned on Layouts. Parts of the work
// may run at the same time.
type operator interface {
	// Forward computes the share of y that belongs to s, from x; they may be the
	// same buffer unless the operator moves data.
	Forward(w *worker, y, x []float32, s share)
}

// maps are the layouts on both sides of an operator.
type maps struct{ in, out conv.Layout }

// cut lists the contiguous spans of a share for operators that treat every
// element alike: one of all positions if they join, else one a position.
type cut struct {
	maps
	n0, n1 int
	p0, p1 int
	joined bool
}

func (m maps) cut(s share) cut {
	c := cut{maps: m, n0: s.n0, n1: s.n1}
	c.p0, c.p1 = s.of(m.in.Positions())
	row := m.in.N * m.in.C
	c.joined = s.n0 == 0 && s.n1 == m.in.N && m.in.Stride == row && m.out.Stride == row
	return c
}

// spans is the number of spans.
func (c cut) spans() int {
	if c.n0 >= c.n1 || c.p0 >= c.p1 {
		return 0
	}
	if c.joined {
		return 1
	}
	return c.p1 - c.p0
}

func (c cut) span(x []float32, m conv.Layout, i int) []float32 {
	if c.joined {
		return x[c.p0*m.Stride : c.p1*m.Stride]
	}
	return x[(c.p0+i)*m.Stride:][c.n0*m.C : c.n1*m.C]
}

// src returns span i of a buffer that has the input's layout, dst of one that has the output's.
func (c cut) src(x []float32, i int) []float32 { return c.span(x, c.in, i) }
func (c cut) dst(y []float32, i int) []float32 { return c.span(y, c.out, i) }

// stack is a Map and its buffer.
type stack struct {
	conv.Layout
	buf []float32
}

// window returns n images from image lo on.
func (s stack) window(lo, n int) stack {
	s.N = n
	if s.buf != nil {
		s.buf = s.buf[lo*s.C:]
	}
	return s
}

// gradients are what an operator's Backward works on: as many images of each,
// in layouts of their own, and the share of them to do.
type gradients struct {
	dx, dy, y stack
	share
}

// spans is the number of contiguous spans for operators that treat every element
// alike: one a position, or one of all where that is possible.
func (g *gradients) spans() int {
	if g.n0 >= g.n1 {
		return 0
	}
	if g.joined() {
		return 1
	}
	return g.dy.Positions()
}

func (g *gradients) joined() bool {
	row := g.dy.N * g.dy.C
	return g.n0 == 0 && g.n1 == g.dy.N && g.dx.Stride == row && g.dy.Stride == row && g.y.Stride == row
}

// span returns span i of each.
func (g *gradients) span(i int) (dx, dy, y []float32) {
	if g.joined() {
		n := g.dy.Len()
		return g.dx.buf[:n], g.dy.buf[:n], g.y.buf[:n]
	}
	of := func(s *stack) []float32 { return s.buf[i*s.Stride:][g.n0*s.C : g.n1*s.C] }
	return of(&g.dx), of(&g.dy), of(&g.y)
}
