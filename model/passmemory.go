package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
)

// allocate makes the buffers of a planned pass, once, and its stages.
func (p *Pass) allocate() {
	if p.ready {
		return
	}
	p.ready = true
	if p.input.buf == nil {
		p.input.buf = arena.Floats(p.input.Len())
	}
	if p.o.InputGrad && p.inputGrad.buf == nil {
		p.inputGrad.buf = arena.Floats(p.input.Len())
	}
	acts, length := row(p.acts)
	grads, gradLength := chain(p.chain)
	rooms := p.rooms()
	spare := gradLength + rooms // what may lie in borrowed memory
	lent := p.lent()
	own := length
	if len(lent) < spare {
		own += spare
	}
	if len(p.arena) < own {
		p.arena = arena.Floats(own)
	}
	if own > length {
		lent = p.arena[length:]
	}
	room := lent[gradLength:][:rooms]
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
	p.output.buf = activation(len(acts))
	p.dout.buf = grads[0].of(lent)
	p.parameters(room)
	p.workForce()
	p.schedule()
	p.holds = nothingPacked
}

// lent returns the memory that the pass may borrow.
func (p *Pass) lent() []float32 {
	if p.o.Borrow == nil {
		return nil
	}
	p.o.Borrow.allocate()
	return p.o.Borrow.arena
}

// whole says that Backward takes all images at once, so that weight gradients
// are finished one by one.
func (p *Pass) whole() bool { return p.chunk == p.o.Batch }

// rooms is what weight gradients need between their stages.
func (p *Pass) rooms() int {
	sum, largest := 0, 0
	for _, a := range p.ops {
		if a.linear != nil {
			n := align(a.linear.grad.weights.SumsLen())
			sum, largest = sum+n, max(largest, n)
		}
	}
	if p.whole() {
		return largest
	}
	return sum
}

// parameters makes the gradients of all parameters, and the packed weights.
func (p *Pass) parameters(room []float32) {
	if p.params == nil {
		trainable := p.m.TrainableParams()
		p.params = arena.Floats(count(trainable))
		rest := p.params
		for _, t := range trainable {
			g := &Param{Name: t.Name, Shape: t.Shape, Trainable: true, role: t.role}
			g.Data, rest = rest[:t.Len():t.Len()], rest[t.Len():]
			p.grads = append(p.grads, g)
		}
	}
	var forwardSizes, gradSizes []int
	for _, a := range p.ops {
		if a.linear != nil {
			size := a.linear.plan.PackedLen()
			if a.linear.raw {
				size = 0
			}
			forwardSizes, gradSizes = append(forwardSizes, size), append(gradSizes, a.linear.grad.packedLen())
		}
	}
	forward, length := row(forwardSizes)
	grad, gradLength := row(gradSizes)
	if length = max(length, gradLength); len(p.packed) != length {
		p.packed = arena.Floats(length)
	}
	for _, a := range p.ops {
		n := &p.m.nodes[a.first]
		switch {
		case a.linear != nil:
			a.linear.packed, a.linear.grad.packed = forward[0].of(p.packed), grad[0].of(p.packed)
			forward, grad = forward[1:], grad[1:]
			p.linear(a.linear, n.params)
			sums := a.linear.grad.weights.SumsLen()
			a.linear.grad.room = room[:sums]
			if !p.whole() {
				room = room[align(sums):]
			}
		case a.norm != nil:
			a.norm.dgamma, a.norm.dbeta = p.grad(n.params[gamma]), p.grad(n.params[beta])
		}
	}
}

// linear ties a contraction to its parameters and their gradients.
func (p *Pass) linear(o *contraction, params []*Param) {
	g := o.grad
	g.weight, g.dw = params[0], p.grad(params[0])
	if len(params) == 1 {
		return
	}
	o.bias, g.dbias = params[1].Data, p.grad(params[1])
	g.places = g.dbias
	if places := o.out.Positions() * o.out.C; len(g.dbias) != places {
		g.places = make([]float32, places)
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
			plans = append(plans, a.linear.plan, a.linear.grad.weights)
			if a.linear.grad.input != nil {
				plans = append(plans, a.linear.grad.input)
			}
		}
	}
	p.workers = make([]worker, p.pool.Workers())
	for i := range p.workers {
		p.workers[i] = worker{id: i, of: len(p.workers), k: p.o.Kernels, conv: conv.NewWorkspace(plans...), brief: arena.Floats(p.brief)}
	}
}
