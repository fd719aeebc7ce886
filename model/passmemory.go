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
	spare := gradLength + p.brief // what may lie in borrowed memory
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
	p.dout.buf = grads[0].of(lent)
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

// parameters makes the gradients of all parameters, and the packed weights.
func (p *Pass) parameters() {
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
	var sizes []int
	rooms, largest := 0, 0
	for _, a := range p.ops {
		if a.linear != nil {
			sizes = append(sizes, a.linear.plan.PackedLen(), a.linear.grad.packedLen())
			n := a.linear.grad.weights.SumsLen()
			rooms, largest = rooms+n, max(largest, n)
		}
	}
	places, length := row(sizes)
	if len(p.packed) != length {
		p.packed = arena.Floats(length)
	}
	whole := p.chunk == p.o.Batch // weight gradients are finished one by one
	if whole {
		rooms = largest
	}
	if len(p.rooms) != rooms {
		p.rooms = arena.Floats(rooms)
	}
	room := p.rooms
	for _, a := range p.ops {
		n := &p.m.nodes[a.first]
		switch {
		case a.linear != nil:
			a.linear.packed, a.linear.grad.packed = places[0].of(p.packed), places[1].of(p.packed)
			places = places[2:]
			p.linear(a.linear, n.params)
			sums := a.linear.grad.weights.SumsLen()
			a.linear.grad.room = room[:sums]
			if !whole {
				room = room[sums:]
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
	g.blocks = g.dbias
	if places := o.out.Positions() * o.out.C; len(g.dbias) != places {
		g.blocks = make([]float32, places)
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
		p.workers[i] = worker{id: i, of: len(p.workers), k: p.o.Kernels, conv: conv.NewWork(plans...)}
	}
}
