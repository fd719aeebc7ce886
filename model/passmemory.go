package model

import (
	"cmp"
	"slices"

	"github.com/gantiny/gantiny/conv"
)

// allocate makes the buffers of a planned pass, once, and its stages.
func (p *Pass) allocate() {
	if p.ready {
		return
	}
	p.ready = true
	if p.input.buf == nil {
		p.input.buf = make([]float32, p.input.Len())
	}
	if p.o.InputGrad && p.inputGrad.buf == nil {
		p.inputGrad.buf = make([]float32, p.input.Len())
	}
	acts, length := row(p.acts)
	grads, gradLength := chain(p.chain)
	spare := gradLength + p.brief // what may lie in borrowed memory
	lent := p.lent()
	own := length
	if len(lent) < spare {
		own += spare
	}
	if len(p.arena) < own {
		p.arena = make([]float32, own)
	}
	if own > length {
		lent = p.arena[length:]
	}
	brief := lent[gradLength:]
	activation := func(i int) []float32 {
		switch {
		case i == 0:
			return p.input.buf
		case i == len(acts) && p.bound != nil:
			return p.bound.buf
		}
		return acts[i-1].of(p.arena)
	}
	for _, a := range p.ops {
		a.x, a.y, a.dy = activation(a.xi), activation(a.yi), grads[a.dyi].of(lent)
		switch a.dxi {
		case unwanted:
		case toInput:
			a.dx = p.inputGrad.buf
		default:
			a.dx = grads[a.dxi].of(lent)
		}
	}
	for _, a := range p.ops {
		if a.again != nil {
			a.x = brief[:a.in.Len()]
			a.again.y = a.x
		}
	}
	p.output.buf = activation(len(acts))
	p.dout = stack{p.output.Map, grads[0].of(lent)}
	p.parameters()
	p.workForce()
	p.schedule()
	p.dirty = true
}

// lent returns the memory that the pass may borrow.
func (p *Pass) lent() []float32 {
	if p.o.Borrow == nil {
		return nil
	}
	p.o.Borrow.allocate()
	return p.o.Borrow.arena
}

// parameters makes the gradients, and the packed weights.
func (p *Pass) parameters() {
	if p.params == nil {
		trainable := p.m.TrainableParams()
		p.params = make([]float32, count(trainable))
		rest := p.params
		for _, t := range trainable {
			g := &Param{Name: t.Name, Shape: t.Shape, Trainable: true, role: t.role}
			g.Data, rest = rest[:t.Len():t.Len()], rest[t.Len():]
			p.grads = append(p.grads, g)
		}
	}
	length := 0
	for _, a := range p.ops {
		if a.linear != nil {
			length += align(a.linear.plan.PackedLen())
			if a.dxi != unwanted {
				length += align(a.linear.plan.PackedGradLen())
			}
		}
	}
	if len(p.packed) != length {
		p.packed = make([]float32, length)
	}
	rest := p.packed
	next := func(n int) []float32 {
		s := rest[:n:n]
		rest = rest[align(n):]
		return s
	}
	for _, a := range p.ops {
		n := &p.m.nodes[a.first]
		switch {
		case a.linear != nil:
			g := &linearGrad{weight: n.params[0], dw: p.grad(n.params[0])}
			if len(n.params) > 1 {
				a.linear.bias = n.params[1].Data
				g.dbias = p.grad(n.params[1])
			}
			a.linear.packed = next(a.linear.plan.PackedLen())
			if a.dxi != unwanted {
				g.packed = next(a.linear.plan.PackedGradLen())
			}
			a.linear.train(g)
		case a.norm != nil:
			a.norm.dgamma, a.norm.dbeta = p.grad(n.params[gamma]), p.grad(n.params[beta])
		}
	}
}

// grad returns where the gradient of a parameter goes.
func (p *Pass) grad(param *Param) []float32 {
	for _, g := range p.grads {
		if g.Name == param.Name {
			return g.Data
		}
	}
	return nil
}

// workForce makes the workers, each with scratch for all plans.
func (p *Pass) workForce() {
	var plans []*conv.Plan
	for _, a := range p.ops {
		if a.linear != nil {
			plans = append(plans, a.linear.plan)
		}
	}
	p.workers = make([]worker, p.pool.Workers())
	for i := range p.workers {
		p.workers[i] = worker{id: i, of: len(p.workers), k: p.o.Kernels, conv: conv.NewWork(plans...)}
	}
}

// schedule lists the stages of packing, Forward and Backward.
func (p *Pass) schedule() {
	p.forward, p.reverse = nil, nil
	p.packing = []stage{{len(p.ops), "pack", p.shareOut(p.packTasks())}}
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
	case a.norm != nil:
		add(func(w *worker) { a.norm.moments(w, a.x) })
		add(a.norm.statistics)
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
			from := 0
			if a.dxi == toInput {
				from = p.from
			}
			a.linear.Backward(w, a.dx, a.dy, a.y, p.scale, from)
		})
		if b := a.again; b != nil {
			p.reverse = append(p.reverse, stage{op - 1, "backward", func(w *worker) { b.norm.Forward(w, b.y, b.x) }})
		}
		add("weight gradient", func(w *worker) { a.linear.WeightGrad(w, a.x, a.dy) })
		if a.linear.grad.scattered() {
			add("bias gradient", a.linear.BiasGrad)
		}
	case a.norm != nil:
		add("backward", func(w *worker) { a.norm.gradSums(w, a.dy, a.x) })
		add("backward", a.norm.gradStatistics)
		if a.dx != nil {
			add("backward", func(w *worker) { a.norm.Backward(w, a.dx, a.dy, a.x) })
		}
	case a.dx == nil:
	case a.drop != nil:
		add("backward", func(w *worker) { a.drop.Backward(w, a.dx, a.dy) })
	default:
		add("backward", func(w *worker) { a.each.Backward(w, a.dx, a.dy, a.y, w.images(a.in.N)) })
	}
}

// copyGradient copies the caller's gradient at the output, which stays as it is, to the first of the chain.
func (p *Pass) copyGradient(w *worker) {
	c := maps{p.dout.Map, p.dout.Map}.cut(w.images(p.dout.N))
	for i := range c.spans() {
		copy(c.dst(p.dout.buf, i), c.src(p.dy, i))
	}
}

// packTask is one matrix to pack.
type packTask struct {
	size int
	run  func()
}

func (p *Pass) packTasks() []packTask {
	var list []packTask
	for _, a := range p.ops {
		if l := a.linear; l != nil {
			list = append(list, packTask{len(l.packed), l.pack})
			if l.grad.packed != nil {
				list = append(list, packTask{len(l.grad.packed), l.packGrad})
			}
		}
	}
	return list
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
