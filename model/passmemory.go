package model

import (
	"slices"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/engine"
)

// allocate makes the buffers of a planned pass, once, and its stages.
func (p *Pass) allocate() {
	if p.ready {
		return
	}
	p.ready = true
	acts, length := p.placeActs()
	grads, gradLength := p.placeGrads()
	workspace := p.workspaceLen()
	spare := gradLength + workspace // what may lie in borrowed memory
	borrowed := p.borrowed()
	total := length
	if len(borrowed) < spare {
		total += spare
	}
	if len(p.arena) < total {
		p.arena = arena.Floats(total)
	}
	if total > length {
		borrowed = p.arena[length:]
	}
	if p.values == nil {
		p.values = make([]Tensor, len(p.acts))
	}
	for i := range p.acts {
		p.tensor(i, acts[i])
	}
	p.bindTensors(borrowed, grads)
	p.parameters(borrowed[gradLength:][:workspace])
	p.makeWorkers()
	p.schedule()
	if p.o.Tangents {
		p.allocateTangents()
	}
	p.holds = nothingPacked
}

// needed is about what the planned pass will take, besides what it may borrow.
func (p *Pass) needed() int64 {
	_, acts := p.placeActs()
	n := 4 * int64(acts)
	if p.o.Borrow == nil {
		_, grads := p.placeGrads()
		n += 4 * int64(grads+p.workspaceLen())
	}
	for _, a := range p.acts[:len(p.graph.Inputs)] {
		n += 4 * int64(a.layout.Len())
	}
	if p.o.InputGrad {
		n += 4 * int64(p.acts[0].layout.Len())
	}
	for _, q := range p.m.total {
		if q.Trainable && !slices.Contains(p.o.Frozen, q.Name) {
			n += 4 * int64(q.Len())
		}
	}
	list, _ := p.linears()
	for _, o := range list {
		n += o.plan.Bytes() + o.plan.GarbageBytes() + 4*int64(max(o.plan.PackedLen(), o.packedTLen()))
	}
	for _, a := range p.acts {
		if p.o.Tangents {
			n += 4 * int64(a.layout.Len())
		}
	}
	return n + 4*int64(p.team.Workers()*p.blockLen)
}

// placeActs places the activations that the Pass keeps in its arena, one after another.
func (p *Pass) placeActs() (at []*engine.Buffer, length int) {
	for i, a := range p.acts {
		size := a.layout.Len()
		if !a.kept || a.bound >= 0 || i < len(p.graph.Inputs) || a.kind != Float32 {
			size = 0
		}
		at = append(at, &engine.Buffer{Size: size})
	}
	return at, engine.Concatenate(at)
}

// placeGrads places the gradients of a chunk by liveness.
func (p *Pass) placeGrads() (at []*engine.Buffer, length int) {
	for _, g := range p.grads {
		at = append(at, &engine.Buffer{Size: g.layout.Len(), First: g.first, Last: g.last})
	}
	return at, engine.Place(at)
}

// tensor makes activation i's Tensor.
func (p *Pass) tensor(i int, b *engine.Buffer) {
	a := &p.acts[i]
	t := &p.values[i]
	had := t.F
	*t = Tensor{Layout: a.layout}
	switch {
	case a.kind == Class:
		t.Class = make([]int32, p.o.Batch)
	case i < len(p.graph.Inputs):
		if t.F = had; t.F == nil {
			t.F = arena.Floats(a.layout.Len())
		}
	case a.bound >= 0:
		t.F = p.bound.F
	default:
		t.F = p.arena[b.At:][:b.Size:b.Size]
	}
}

// bindTensors gives every node its tensors.
func (p *Pass) bindTensors(borrowed []float32, grads []*engine.Buffer) {
	gradient := func(i int, l conv.Layout) Tensor {
		switch i {
		case unwanted:
			return Tensor{Layout: l}
		case inputGradient:
			return Tensor{Layout: l, F: p.inputGrad.F}
		}
		return Tensor{Layout: l, F: borrowed[grads[i].At:][:grads[i].Size:grads[i].Size]}
	}
	if in := p.values[0]; p.o.InputGrad && p.inputGrad.F == nil {
		p.inputGrad = Tensor{Layout: in.Layout, F: arena.Floats(in.Layout.Len())}
	}
	for _, t := range p.nodes {
		t.xt, t.dxt, t.sumt = nil, nil, nil
		t.args = make([]passArgs, p.team.Workers())
		for i := range t.args {
			t.args[i] = passArgs{make([]Tensor, len(t.xa)), make([]Tensor, len(t.xa))}
		}
		for i, a := range t.xa {
			x := p.values[a]
			x.Layout = t.x[i]
			t.xt = append(t.xt, x)
			t.dxt = append(t.dxt, gradient(t.dxb[i], t.dx[i]))
		}
		t.yt = p.values[t.ya]
		t.yt.Layout = t.y
		t.dyt = gradient(t.dyb, t.dy)
		for _, b := range t.sum {
			t.sumt = append(t.sumt, gradient(b, t.dy))
		}
	}
	p.doutt, p.inputSums = nil, nil
	for _, b := range p.douts {
		p.doutt = append(p.doutt, gradient(b, p.grads[b].layout))
	}
	for _, b := range p.inputGrads {
		p.inputSums = append(p.inputSums, gradient(b, p.grads[b].layout))
	}
}

// borrowed returns the memory that the pass may borrow.
func (p *Pass) borrowed() []float32 {
	if p.o.Borrow == nil {
		return nil
	}
	p.o.Borrow.allocate()
	return p.o.Borrow.arena
}

// whole says that Backward takes all images at once, so that weight gradients
// are finished one by one.
func (p *Pass) whole() bool { return p.chunk == p.o.Batch }

// linears lists the linear operators.
func (p *Pass) linears() (list []*linearPass, of []*passNode) {
	for _, t := range p.nodes {
		if o, ok := t.kernel.(*linearPass); ok {
			list, of = append(list, o), append(of, t)
		}
	}
	return list, of
}

// workspaceLen is what weight gradients need between their stages.
func (p *Pass) workspaceLen() int {
	var sizes []*engine.Buffer
	largest := 0
	list, _ := p.linears()
	for _, o := range list {
		b := &engine.Buffer{Size: o.weights.SumsLen()}
		sizes = append(sizes, b)
		largest = max(largest, engine.Concatenate([]*engine.Buffer{b}))
	}
	if p.whole() {
		return largest
	}
	return engine.Concatenate(sizes)
}

// parameters makes the gradients of all parameters, and the packed weights.
func (p *Pass) parameters(workspace []float32) {
	p.makeParamGrads()
	var forward, backward, sums []*engine.Buffer
	list, of := p.linears()
	for _, o := range list {
		size := o.plan.PackedLen()
		if o.byPosition {
			size = 0
		}
		forward, backward = append(forward, &engine.Buffer{Size: size}), append(backward, &engine.Buffer{Size: o.packedTLen()})
		sums = append(sums, &engine.Buffer{Size: o.weights.SumsLen()})
	}
	if length := max(engine.Concatenate(forward), engine.Concatenate(backward)); len(p.packed) != length {
		p.packed = arena.Floats(length)
	}
	if engine.Concatenate(sums); p.whole() { // one after another, in the same place
		for _, b := range sums {
			b.At = 0
		}
	}
	in := func(b *engine.Buffer, s []float32) []float32 { return s[b.At:][:b.Size:b.Size] }
	for i, o := range list {
		o.packed, o.packedT, o.workspace = in(forward[i], p.packed), in(backward[i], p.packed), in(sums[i], workspace)
		o.bind(p, of[i].Params)
	}
	for _, t := range p.nodes {
		if b, ok := t.kernel.(*batchNorm); ok {
			b.dgamma, b.dbeta = p.grad(t.Params[gamma]), p.grad(t.Params[beta])
		}
		t.dparams = nil
		for _, q := range t.Params {
			if q.Trainable {
				t.dparams = append(t.dparams, p.grad(q))
			}
		}
	}
}

// makeParamGrads makes the gradients of all parameters that are not frozen, once.
func (p *Pass) makeParamGrads() {
	if p.params != nil {
		return
	}
	trainable := slices.DeleteFunc(p.m.TrainableParams(), func(q *Param) bool { return slices.Contains(p.o.Frozen, q.Name) })
	p.params = arena.Floats(count(trainable))
	rest := p.params
	for _, t := range trainable {
		g := &Param{Name: t.Name, Shape: t.Shape, Trainable: true, Init: t.Init}
		g.Data, rest = rest[:t.Len():t.Len()], rest[t.Len():]
		p.paramGrads = append(p.paramGrads, g)
	}
}

// grad returns where the gradient of a parameter goes. That of a frozen parameter of a node with
// others that train goes to memory that is never read.
func (p *Pass) grad(param *Param) []float32 {
	for _, g := range p.paramGrads {
		if g.Name == param.Name {
			return g.Data
		}
	}
	return make([]float32, param.Len())
}

// makeWorkers makes the workers, each with a workspace for all plans.
func (p *Pass) makeWorkers() {
	var plans []*conv.Plan
	list, _ := p.linears()
	for _, o := range list {
		plans = append(plans, o.plan, o.weights)
		if o.input != nil {
			plans = append(plans, o.input)
		}
	}
	p.workers = make([]Worker, p.team.Workers())
	floats, doubles := 0, 0
	for _, t := range p.nodes {
		floats, doubles = scratchOf(t.kernel, floats, doubles)
	}
	for i := range p.workers {
		p.workers[i] = Worker{ID: i, Of: len(p.workers), Kernels: p.o.Kernels, Conv: conv.NewWorkspace(plans...), block: arena.Floats(p.blockLen)}
	}
	makeScratch(p.workers, floats, doubles)
}

// Bytes is the memory that the pass takes, besides the parameters themselves and what it borrows:
// activations, gradients, packed weights and its workers' workspaces. Memory that no Forward or
// Backward has used yet is planned, but not resident.
func (p *Pass) Bytes() int64 {
	p.allocate()
	n := 4 * int64(len(p.arena)+len(p.params)+len(p.packed)+len(p.inputGrad.F))
	for _, v := range p.values[:len(p.graph.Inputs)] {
		n += 4 * int64(len(v.F)+len(v.Class))
	}
	for _, t := range p.nodes {
		if k, ok := t.kernel.(interface{ bytes() int64 }); ok {
			n += k.bytes()
		}
	}
	for i := range p.workers {
		w := &p.workers[i]
		n += w.Conv.Bytes() + 4*int64(len(w.block)+len(w.floats)) + 8*int64(len(w.doubles))
	}
	return n
}

func (o *linearPass) bytes() int64 {
	n := o.plan.Bytes() + o.plan.GarbageBytes()
	if o.dbias != nil && o.scattered() {
		n += 4 * int64(len(o.sums))
	}
	return n
}
