package model

import (
	"time"

	"github.com/gantiny/gantiny/internal/pool"
)

// stage is work that all workers do at the same time: a single part, called once by each worker, or parts that go through
// images or positions.
//
// The parts of the second kind treat every image, or every position, by itself. A worker takes a block of them through all
// parts before the next block: what one part writes, the next one finds in the caches.
type stage struct {
	parts     []part
	items     int  // images or positions to go through, 0 for a single part
	positions bool // the items are positions
	all       bool // each worker goes through all of them, else through its share
	block     int  // items at a time, at most
	grain     int  // of which blocks are multiples, but for the last
	closed    bool // no more parts
}

// part is what one operator does in a stage.
type part struct {
	op   int // index in Ops
	name string
	run  func(w *worker, s share) // s holds a block in n0, n1
}

// blockFloats is how many values of its widest activation a block should have: half of a common second-level cache.
const blockFloats = 1 << 18

// blockOf returns the images of a block that have this many values each: whole tiles of the kernels.
func blockOf(floats int) int {
	const tile = 16
	return max(tile, blockFloats/floats/tile*tile)
}

// run is worker w's share of a stage. Unless done is nil, it is called after each part of each block.
func (st *stage) run(w *worker, done func(p *part)) {
	if st.items == 0 {
		st.parts[0].run(w, share{})
		return
	}
	lo, hi, step := 0, st.items, st.block
	if !st.all {
		lo, hi = pool.Split((st.items+st.grain-1)/st.grain, w.of, w.id)
		lo, hi = lo*st.grain, min(hi*st.grain, st.items)
		if lo >= hi {
			return
		}
		blocks := (hi - lo + step - 1) / step
		step = ((hi-lo+blocks-1)/blocks + st.grain - 1) / st.grain * st.grain
	}
	for ; lo < hi; lo += step {
		s := share{n0: lo, n1: min(lo+step, hi), parts: 1}
		for i := range st.parts {
			st.parts[i].run(w, s)
			if done != nil {
				done(&st.parts[i])
			}
		}
	}
}

// stageList is a list of stages in the making.
type stageList struct{ stages []stage }

func (l *stageList) once(op int, name string, run func(w *worker)) {
	l.stages = append(l.stages, stage{parts: []part{{op, name, func(w *worker, _ share) { run(w) }}}})
}

// whole adds a stage of one part that goes through n images at once, each worker's share a multiple of grain.
func (l *stageList) whole(n, grain int, p part) {
	l.stages = append(l.stages, stage{parts: []part{p}, items: n, block: n, grain: grain, closed: true})
}

// byImage adds a part that goes through n images in blocks of multiples of grain, to the last stage if that can take it.
func (l *stageList) byImage(n, block, grain int, p part) {
	if len(l.stages) > 0 {
		if last := &l.stages[len(l.stages)-1]; last.items == n && !last.positions && !last.all && !last.closed {
			last.parts = append(last.parts, p)
			last.block, last.grain = min(last.block, block), max(last.grain, grain)
			return
		}
	}
	l.stages = append(l.stages, stage{parts: []part{p}, items: n, block: block, grain: grain})
}

// byPosition adds a part that goes through n positions one by one, to the last stage if that does so too.
func (l *stageList) byPosition(n int, p part) {
	if len(l.stages) > 0 {
		if last := &l.stages[len(l.stages)-1]; last.items == n && last.positions {
			last.parts = append(last.parts, p)
			return
		}
	}
	l.stages = append(l.stages, stage{parts: []part{p}, items: n, positions: true, block: 1, grain: 1})
}

// stages runs stages one after another, each on all workers.
func (p *Pass) stages(list []stage) {
	for i := range list {
		p.now = &list[i]
		p.mark = time.Now()
		p.pool.Run(p.call)
		if p.o.Observe != nil { // what the other workers take longer counts for the last part
			p.report(&p.now.parts[len(p.now.parts)-1])
		}
	}
}

// report tells what a part has taken, or a block of it, since the last report.
func (p *Pass) report(of *part) {
	p.o.Observe(of.op, of.name, time.Since(p.mark))
	p.mark = time.Now()
}
