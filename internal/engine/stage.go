package engine

import "github.com/gantiny/gantiny/internal/pool"

// Share is what one call computes: images or positions [N0, N1), or, if a stage has no items, the
// worker's part: number Part of Parts.
type Share struct{ N0, N1, Part, Parts int }

// Part is what one operator does in a stage.
type Part struct {
	Op   int    // for the observer; below 0: not reported
	Name string // alike: "forward"
	Run  func(worker int, s Share)
}

// Stage is work that all workers do at the same time: a single part, called once by each worker, or
// parts that go through images or positions.
//
// The parts of the second kind treat every image, or every position, by itself. A worker takes a
// block of them through all parts before the next block: what one part writes, the next one finds
// in the caches.
type Stage struct {
	Parts     []Part
	Items     int  // images or positions to go through, 0 for a single part
	Positions bool // the items are positions
	All       bool // each worker goes through all of them, else through its share
	Block     int  // items at a time, at most
	Grain     int  // of which blocks are multiples, but for the last
	closed    bool // no more parts
}

// run is a worker's share of a stage. Unless done is nil, it is called after each part of each
// block; a stop that says yes ends the share early.
func (st *Stage) run(worker, workers int, done func(p *Part), stop func() bool) {
	if st.Items == 0 {
		st.Parts[0].Run(worker, Share{Part: worker, Parts: workers})
		return
	}
	lo, hi, step := 0, st.Items, st.Block
	if !st.All {
		lo, hi = pool.Split((st.Items+st.Grain-1)/st.Grain, workers, worker)
		lo, hi = lo*st.Grain, min(hi*st.Grain, st.Items)
		if lo >= hi {
			return
		}
		blocks := (hi - lo + step - 1) / step
		step = ((hi-lo+blocks-1)/blocks + st.Grain - 1) / st.Grain * st.Grain
	}
	for ; lo < hi; lo += step {
		s := Share{N0: lo, N1: min(lo+step, hi), Parts: 1}
		for i := range st.Parts {
			if stop() {
				return
			}
			st.Parts[i].Run(worker, s)
			if done != nil {
				done(&st.Parts[i])
			}
		}
	}
}

// List is a list of stages in the making.
type List struct{ Stages []Stage }

// Once adds a stage of one part that every worker calls once, with its part of the work.
func (l *List) Once(op int, name string, run func(worker int, s Share)) {
	l.Stages = append(l.Stages, Stage{Parts: []Part{{op, name, run}}})
}

// Whole adds a stage of one part that goes through n images at once, each worker's share a multiple
// of grain.
func (l *List) Whole(n, grain int, p Part) {
	l.Stages = append(l.Stages, Stage{Parts: []Part{p}, Items: n, Block: n, Grain: grain, closed: true})
}

// ByImage adds a part that goes through n images in blocks of multiples of grain, to the last stage
// if that can take it.
func (l *List) ByImage(n, block, grain int, p Part) {
	if last := l.last(); last != nil && last.Items == n && !last.Positions && !last.All && !last.closed {
		last.Parts = append(last.Parts, p)
		last.Block, last.Grain = min(last.Block, block), max(last.Grain, grain)
		return
	}
	l.Stages = append(l.Stages, Stage{Parts: []Part{p}, Items: n, Block: block, Grain: grain})
}

// ByPosition adds a part that goes through n positions one by one, to the last stage if that does
// so too.
func (l *List) ByPosition(n int, p Part) {
	if last := l.last(); last != nil && last.Items == n && last.Positions {
		last.Parts = append(last.Parts, p)
		return
	}
	l.Stages = append(l.Stages, Stage{Parts: []Part{p}, Items: n, Positions: true, Block: 1, Grain: 1})
}

// All adds parts that every worker takes all n images through, in blocks.
func (l *List) All(n, block int, parts ...Part) {
	l.Stages = append(l.Stages, Stage{Parts: parts, Items: n, All: true, Block: block, Grain: 1})
}

func (l *List) last() *Stage {
	if len(l.Stages) == 0 {
		return nil
	}
	return &l.Stages[len(l.Stages)-1]
}
