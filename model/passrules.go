package model

import (
	"github.com/gantiny/gantiny/conv"
)

// This file holds the rules of scheduling between neighboring operators of a Pass. Each changes
// where and when something is computed, never what.

// recompute marks the activations that are cheaper to recompute than to keep: those that a
// BatchNorm makes and a linear operator alone reads. They never lie in memory as a whole. Each
// worker computes them for a block of images, and the linear operator reads them from the caches;
// so it does once in Forward and once for the weight gradient.
func (p *Pass) recompute() {
	for _, t := range p.nodes {
		r := p.soleConsumer(t)
		if r == nil {
			continue
		}
		_, norm := t.Op.(BatchNorm)
		_, reads := r.Op.(linear)
		if norm && reads && r.In[0] == t.Out {
			r.recomputed, t.consumer = t, r
			p.acts[t.ya].kept = false
		}
	}
}

// soleConsumer returns the next node if it alone reads what t makes.
func (p *Pass) soleConsumer(t *passNode) *passNode {
	n := p.graph.consumer(t.Out)
	if n == nil || t.op+1 == len(p.nodes) || p.nodes[t.op+1].Node != n {
		return nil
	}
	return p.nodes[t.op+1]
}

// pairPositions finds the dense operators whose input gradient is not needed and that a BatchNorm
// of single positions follows. A position's gradient between the two stays in the caches.
func (p *Pass) pairPositions() {
	for _, t := range p.nodes {
		o, ok := t.kernel.(*linearPass)
		if !ok || !o.byPosition || t.wants(0) || o.slope != 1 || t.frozen {
			continue
		}
		r := p.soleConsumer(t)
		if r == nil {
			continue
		}
		if b, ok := r.kernel.(*batchNorm); ok && b.single() && len(r.sum) == 0 {
			t.paired, r.pair = r, t
			p.blockLen = max(p.blockLen, r.x[0].N*r.x[0].C)
		}
	}
}

// gradientAt returns where a BatchNorm of single positions leaves the gradient of its input at
// position q, nil if it is not needed.
func (t *passNode) gradientAt(w *Worker, q int) []float32 {
	n := t.x[0].N * t.x[0].C
	switch {
	case !t.wants(0):
		return nil
	case t.pair != nil:
		return w.block[:n]
	}
	return t.dxt[0].F[q*t.dx[0].Stride:][:n]
}

// mergeLeakyGrads lets the Backward of a Dropout be that of the leaky activation before it too.
func (p *Pass) mergeLeakyGrads() {
	for _, t := range p.nodes {
		o, ok := t.kernel.(*linearPass)
		if !ok || o.slope == 1 {
			continue
		}
		if r := p.soleConsumer(t); r != nil {
			if d, ok := r.kernel.(*drop); ok {
				d.slope, o.gradSlope = o.slope, 1
			}
		}
	}
}

// recomputeBlock computes images [s.N0, s.N1) of a BatchNorm's output, which is not kept, in the
// worker's block, laid out as l says.
func (t *passNode) recomputeBlock(w *Worker, l conv.Layout, s Share) {
	l.N = s.N1 - s.N0
	t.kernel.(*batchNorm).normalize(w, Tensor{Layout: l, F: w.block}, t.xt[0].images(s.N0, l.N))
}

// blockLayout is the layout of a block of n images between a BatchNorm and the operator that reads
// it.
func (t *passNode) blockLayout(n int) conv.Layout {
	return conv.NewLayout(t.x[0].H, t.x[0].W, t.x[0].C, n)
}

// blockFloats is how many values of its largest activation a block should have: half of a common
// second-level cache.
const blockFloats = 1 << 18

// denseBlock is the least block of a dense operator: its weights are read once a block.
const denseBlock = 64

// block is how many images t's operator should take at a time: whole tiles of the kernels.
func (t *passNode) block() int {
	const tile = 16
	floats := t.y.Positions() * t.y.C
	for _, x := range t.x {
		floats = max(floats, x.Positions()*x.C)
	}
	n := max(tile, blockFloats/floats/tile*tile)
	if t.dense() {
		n = max(n, denseBlock)
	}
	return n
}
