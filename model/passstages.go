package model

import (
	"cmp"
	"slices"
)

// schedule lists the stages of packing, Forward and Backward.
func (p *Pass) schedule() {
	p.forward, p.reverse, p.finish = nil, nil, nil
	forward, backward := p.packTasks()
	p.packing = [2][]stage{{{len(p.ops), "pack", p.shareOut(forward)}}, {{len(p.ops), "pack", p.shareOut(backward)}}}
	for i, a := range p.ops {
		p.addForward(i, a)
	}
	p.reverse = append(p.reverse, stage{len(p.ops) - 1, "backward", p.copyGradient})
	for i, a := range slices.Backward(p.ops) {
		p.addBackward(i, a)
	}
}

func (p *Pass) addForward(op int, a *trained) {
	add := func(run func(w *worker)) { p.forward = append(p.forward, stage{op, "forward", run}) }
	switch {
	case a.linear != nil:
		add(func(w *worker) { a.linear.Forward(w, a.y, a.x, w.images(a.in.N)) })
	case a.norm != nil && a.norm.apart():
		add(func(w *worker) { a.norm.forwardApart(w, a.y, a.x) })
	case a.norm != nil:
		add(func(w *worker) {
			p0, p1 := a.norm.positions(w)
			for p := p0; p < p1; p++ {
				a.norm.moments(w, a.x, p)
			}
		})
		add(func(w *worker) { a.norm.statistics(a.norm.channels(w)) })
		add(func(w *worker) { a.norm.Forward(w, a.y, a.x) })
	case a.drop != nil:
		add(func(w *worker) { a.drop.Forward(w, a.y, a.x) })
	default:
		add(func(w *worker) { a.each.Forward(w, a.y, a.x, w.images(a.in.N)) })
	}
}

func (p *Pass) addBackward(op int, a *trained) {
	add := func(name string, run func(w *worker)) { p.reverse = append(p.reverse, stage{op, name, run}) }
	switch {
	case a.linear != nil:
		name := "input gradient"
		if a.dx == nil {
			name = "backward"
		}
		add(name, func(w *worker) {
			scale, from := p.scale, 0
			if scale != nil {
				scale = scale[p.lo:][:p.chunk]
			}
			if a.dxi == toInput {
				from = p.from - p.lo
			}
			a.linear.Backward(w, p.gradients(w, a), scale, from)
		})
		if b := a.again; b != nil {
			p.reverse = append(p.reverse, stage{op - 1, "backward", func(w *worker) { b.norm.Forward(w, b.y, b.x) }})
		}
		add("weight gradient", func(w *worker) {
			a.linear.WeightGrad(w, stack{a.in, a.x}.window(p.lo, p.chunk).buf, p.gradients(w, a).dy, p.lo == 0)
		})
		switch {
		case a.linear.grad.weights.SumsLen() == 0:
		case !p.whole():
			p.finish = append(p.finish, stage{op, "weight gradient", a.linear.FinishWeightGrad})
		default:
			add("weight gradient", a.linear.FinishWeightGrad)
		}
		if a.linear.grad.scattered() {
			p.finish = append(p.finish, stage{op, "bias gradient", a.linear.BiasGrad})
		}
	case a.norm != nil && a.norm.apart():
		add("backward", func(w *worker) { a.norm.backwardApart(w, a.dx, a.dy, a.x) })
	case a.norm != nil:
		add("backward", func(w *worker) {
			p0, p1 := a.norm.positions(w)
			for p := p0; p < p1; p++ {
				a.norm.gradSums(w, a.dy, a.x, p)
			}
		})
		add("backward", func(w *worker) { a.norm.gradStatistics(a.norm.channels(w)) })
		if a.dx != nil {
			add("backward", func(w *worker) { a.norm.Backward(w, a.dx, a.dy, a.x) })
		}
	case a.dx == nil:
	case a.drop != nil:
		add("backward", func(w *worker) { a.drop.Backward(w, p.gradients(w, a), p.lo) })
	default:
		add("backward", func(w *worker) { a.each.Backward(w, p.gradients(w, a)) })
	}
}

// gradients returns what a's Backward works on for the chunk at hand, and the worker's share of it.
func (p *Pass) gradients(w *worker, a *trained) gradients {
	g := gradients{
		dx: stack{a.grad.in, a.dx}, dy: stack{a.grad.out, a.dy}, y: stack{a.out, a.y}.window(p.lo, p.chunk),
		share: w.images(p.chunk),
	}
	if a.dxi == toInput {
		g.dx = g.dx.window(p.lo, p.chunk)
	}
	return g
}

// copyGradient copies the caller's gradient at the output, which stays as it is, to the first of the chain.
func (p *Pass) copyGradient(w *worker) {
	from := stack{p.output.Map, p.dy}.window(p.lo, p.chunk)
	g := gradients{p.dout, from, from, w.images(p.chunk)}
	for i := range g.spans() {
		dout, dy, _ := g.span(i)
		copy(dout, dy)
	}
}

// packTask is one matrix to pack.
type packTask struct {
	size int
	run  func()
}

func (p *Pass) packTasks() (forward, backward []packTask) {
	for _, a := range p.ops {
		if l := a.linear; l != nil {
			forward = append(forward, packTask{len(l.packed), l.pack})
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
			t.run()
		}
	}
}
