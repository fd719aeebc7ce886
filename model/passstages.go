package model

import (
	"cmp"
	"slices"

	"github.com/gantiny/gantiny/conv"
)

// schedule lists the stages of packing, Forward and Backward.
func (p *Pass) schedule() {
	forward, backward := p.packTasks()
	for i, tasks := range [][]packTask{forward, backward} {
		var l stageList
		l.once(len(p.ops), "pack", p.shareOut(tasks))
		p.packing[i] = l.stages
	}
	p.forward = p.scheduleForward()
	p.reverse, p.finish = p.scheduleBackward()
}

func (p *Pass) scheduleForward() []stage {
	var l stageList
	for i, a := range p.ops {
		p.addForward(&l, i, a)
	}
	return l.stages
}

func (p *Pass) addForward(l *stageList, op int, a *trained) {
	add := func(run func(w *worker, s share)) {
		l.byImage(p.o.Batch, a.block(), a.grain(), part{op, "forward", run})
	}
	switch {
	case a.linear != nil && a.again != nil:
		add(func(w *worker, s share) {
			a.linear.Forward(w, a.y[s.n0*a.out.C:], w.brief, share{n1: s.n1 - s.n0, parts: 1})
		})
	case a.linear != nil && a.linear.raw:
		l.byPosition(a.out.Positions(), part{op, "forward", func(w *worker, s share) { a.linear.ForwardAt(w, a.y, a.x, s.n0) }})
	case a.linear != nil && a.heavy():
		l.whole(p.o.Batch, 1, part{op, "forward", func(w *worker, s share) { a.linear.Forward(w, a.y, a.x, s) }})
	case a.linear != nil:
		add(func(w *worker, s share) { a.linear.Forward(w, a.y, a.x, s) })
	case a.norm != nil:
		if a.norm.apart() {
			l.byPosition(a.in.Positions(), part{op, "forward", func(w *worker, s share) { a.norm.statisticsApart(w, a.x, s.n0) }})
		} else {
			l.once(op, "forward", func(w *worker) { a.norm.moments(w, a.x) })
			l.once(op, "forward", func(w *worker) { a.norm.statistics(a.norm.channels(w)) })
		}
		if a.reader == nil {
			add(func(w *worker, s share) {
				n := s.n1 - s.n0
				a.norm.Forward(w, stack{a.out, a.y}.window(s.n0, n), stack{a.in, a.x}.window(s.n0, n))
			})
		} else {
			add(func(w *worker, s share) { a.makeBrief(w, a.reader.linear.in, s) })
		}
	case a.drop != nil:
		add(func(w *worker, s share) { a.drop.Forward(w, a.y, a.x, s) })
	default: // spans of a block may be short
		l.whole(p.o.Batch, 1, part{op, "forward", func(w *worker, s share) { a.each.Forward(w, a.y, a.x, s) }})
	}
}

// makeBrief makes images s of a BatchNorm's output, which is not kept, in the worker's brief, laid out as m says.
func (a *trained) makeBrief(w *worker, m conv.Layout, s share) {
	m.N = s.n1 - s.n0
	a.norm.Forward(w, stack{m, w.brief}, stack{a.in, a.x}.window(s.n0, m.N))
}

// scheduleBackward lists the stages of a chunk, and those after the last one.
func (p *Pass) scheduleBackward() (reverse, finish []stage) {
	var l, end stageList
	l.whole(p.chunk, 1, part{len(p.ops) - 1, "backward", p.copyGradient})
	for i, a := range slices.Backward(p.ops) {
		if a.linear != nil && a.after != nil { // what it gets from there does not outlast the position
			l.byPosition(a.out.Positions(), part{i, "weight gradient", func(w *worker, s share) {
				a.linear.WeightGradAt(w, a.x, a.after.gradientAt(w, s.n0), s.n0)
			}})
			continue
		}
		p.addBackward(&l, i, a)
		if a.linear != nil {
			p.addWeightGrad(&l, &end, i, a)
		}
	}
	return l.stages, end.stages
}

func (p *Pass) addBackward(l *stageList, op int, a *trained) {
	add := func(name string, run func(w *worker, s share)) { l.whole(p.chunk, a.grain(), part{op, name, run}) }
	switch {
	case a.linear != nil:
		name := "input gradient"
		if a.dx == nil {
			name = "backward"
		}
		add(name, func(w *worker, s share) {
			scale, from := p.scale, 0
			if scale != nil {
				scale = scale[p.lo:][:p.chunk]
			}
			if a.dxi == toInput {
				from = p.from - p.lo
			}
			a.linear.Backward(w, p.gradients(a, s), scale, from)
		})
	case a.norm != nil && a.norm.apart():
		l.byPosition(a.in.Positions(), part{op, "backward", func(w *worker, s share) {
			a.norm.backwardApart(w, a.gradientAt(w, s.n0), a.dy, a.x, s.n0)
		}})
	case a.norm != nil:
		l.once(op, "backward", func(w *worker) { a.norm.gradSums(w, a.dy, a.x) })
		l.once(op, "backward", func(w *worker) { a.norm.gradStatistics(a.norm.channels(w)) })
		if a.dx != nil {
			add("backward", func(w *worker, s share) { a.norm.Backward(w, a.dx, a.dy, a.x, s) })
		}
	case a.dx == nil:
	case a.drop != nil:
		add("backward", func(w *worker, s share) { a.drop.Backward(w, p.gradients(a, s), p.lo) })
	default:
		add("backward", func(w *worker, s share) { a.each.Backward(w, p.gradients(a, s)) })
	}
}

// gradientAt returns where a BatchNorm whose positions are apart leaves the gradient of its input at position q, nil if nobody
// wants it.
func (a *trained) gradientAt(w *worker, q int) []float32 {
	n := a.in.N * a.in.C
	switch {
	case a.dx == nil:
		return nil
	case a.before != nil:
		return w.brief[:n]
	}
	return a.dx[q*a.grad.in.Stride:][:n]
}

// addWeightGrad lists the stages of a weight gradient, and of what of it comes after all chunks.
func (p *Pass) addWeightGrad(l, end *stageList, op int, a *trained) {
	const name = "weight gradient"
	dy := func() stack { return stack{a.grad.out, a.dy} }
	if a.again == nil {
		l.once(op, name, func(w *worker) {
			a.linear.WeightGrad(w, stack{a.in, a.x}.window(p.lo, p.chunk).buf, dy(), p.lo == 0)
		})
	} else { // every worker makes x again, a block at a time
		l.stages = append(l.stages, stage{items: p.chunk, all: true, block: a.linear.grad.blocks.N, parts: []part{
			{op - 1, "backward", func(w *worker, s share) { a.again.makeBrief(w, a.linear.grad.blocks, s) }},
			{op, name, func(w *worker, s share) {
				a.linear.WeightGrad(w, w.brief, dy().window(s.n0, s.n1-s.n0), s.n0 == 0)
			}},
		}})
	}
	switch {
	case a.linear.grad.weights.SumsLen() == 0:
	case !p.whole():
		end.once(op, name, a.linear.FinishWeightGrad)
	default:
		l.once(op, name, a.linear.FinishWeightGrad)
	}
	if a.linear.grad.scattered() {
		end.once(op, "bias gradient", a.linear.BiasGrad)
	}
}

// gradients returns what a's Backward works on for images s of the chunk at hand.
func (p *Pass) gradients(a *trained, s share) gradients {
	g := gradients{
		dx: stack{a.grad.in, a.dx}, dy: stack{a.grad.out, a.dy}, y: stack{a.out, a.y}.window(p.lo, p.chunk),
		share: s,
	}
	if a.dxi == toInput {
		g.dx = g.dx.window(p.lo, p.chunk)
	}
	return g
}

// copyGradient copies the caller's gradient at the output, which stays as it is, to the first of the chain.
func (p *Pass) copyGradient(w *worker, s share) {
	from := stack{p.output.Layout, p.dy}.window(p.lo, p.chunk)
	g := gradients{p.dout, from, from, s}
	for i := range g.spans() {
		dout, dy, _ := g.span(i)
		copy(dout, dy)
	}
}

// packTask is one matrix to pack.
type packTask struct {
	size int
	run  func(w *worker)
}

func (p *Pass) packTasks() (forward, backward []packTask) {
	for _, a := range p.ops {
		if l := a.linear; l != nil {
			if !l.raw {
				forward = append(forward, packTask{len(l.packed), l.pack})
			}
			if l.grad.input != nil {
				backward = append(backward, packTask{len(l.grad.packed), l.packGrad})
			}
		}
	}
	return forward, backward
}

// shareOut gives each task, the largest first, to the worker that has least to do so far.
func (p *Pass) shareOut(list []packTask) func(w *worker) {
	slices.SortStableFunc(list, func(a, b packTask) int { return cmp.Compare(b.size, a.size) })
	tasks := make([][]packTask, len(p.workers))
	load := make([]int, len(p.workers))
	for _, t := range list {
		i := slices.Index(load, slices.Min(load))
		tasks[i] = append(tasks[i], t)
		load[i] += t.size
	}
	return func(w *worker) {
		for _, t := range tasks[w.id] {
			t.run(w)
		}
	}
}
