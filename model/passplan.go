package model

import (
	"slices"

	"github.com/gantiny/gantiny/conv"
)

// passPlan is what a Pass prepares: operators, buffers and stages.
type passPlan struct {
	mode  mode
	bound *stack // the caller's output
	mixes bool   // images mix: there is a BatchNorm
	chunk int    // images that go backward at a time

	ops   []*trained
	infos []OpInfo // of ops, then of the packing
	ready bool     // the memory is there
	acts  []int    // lengths of the activations after the input
	chain []int    // lengths of the gradients from the output on, of which only neighbours live at once
	brief int      // length of what a worker keeps of an activation that is not kept: the longest block

	input, inputGrad, output, dout stack

	forward, reverse, finish []stage    // reverse runs once a chunk
	packing                  [2][]stage // for Forward and for Backward

	arena  []float32 // activations, then gradients unless they are borrowed
	packed []float32 // all packed weights, for Forward or for Backward
	params []float32 // the gradients of all parameters
	grads  []*Param
}

// trained is an operator of a Pass; one of the pointers is set.
type trained struct {
	unit
	maps        // of the activations
	grad   maps // of the gradients of a chunk
	linear *contraction
	norm   *batchNorm
	drop   *drop
	each   gradual

	layer  Layer    // nil for one that moves data
	reader *trained // of a BatchNorm whose output is not kept: the contraction that reads it
	before *trained // of a BatchNorm whose positions are apart: the dense layer whose weight gradient goes along with Backward, position by position
	after  *trained // of that layer: the BatchNorm
	again  *trained // the BatchNorm whose output, this one's x, is not kept but made block by block, in Backward again

	xi, yi   int // activations: 0 is the input, i stands for acts[i-1]
	dxi, dyi int // gradients: i stands for chain[i], or one of the constants below

	x, y, dx, dy []float32
}

// What dxi may be besides.
const (
	toInput  = -1 // the input's gradient
	unwanted = -2
)

// gradual is an operator whose gradient follows from its output.
type gradual interface {
	operator
	// Backward computes dx from dy and y.
	Backward(w *worker, g gradients)
}

// need is what Backward reads of an activation.
type need int8

const (
	never   need = iota - 1 // as a limit: an operator that does not work in place
	nothing                 // the buffer is free
	signs                   // which values are above 0
	everything
)

// keeps tells up to which need of its input an operator may write over it, and
// what its Backward needs of its output. Contractions and BatchNorms leave
// their input alone, since Backward reads it.
func (m *Model) keeps(u unit) (limit, output need) {
	switch m.layer(u).(type) {
	case linear:
		if u.slope != 1 {
			return never, signs
		}
		return never, nothing
	case LeakyReLU, ReLU:
		return signs, signs
	case Tanh:
		return signs, everything
	case Sigmoid:
		return nothing, everything
	case Dropout: // where it writes zeros the gradient is zero, too
		return signs, nothing
	}
	return never, nothing
}

// plan makes the operators and finds out what memory they need.
func (p *Pass) plan() error {
	p.ops, p.infos, p.acts = nil, nil, nil
	p.mixes, p.ready, p.brief = false, false, 0
	held := everything // of the latest activation; the input is the caller's
	for _, u := range p.m.units(p.mode) {
		limit, output := p.m.keeps(u)
		if _, ok := p.m.layer(u).(BatchNorm); ok {
			p.mixes = true
		}
		a := &trained{unit: u, maps: u.layout(p.o.Batch), xi: len(p.acts), layer: p.m.layer(u)}
		if held <= limit {
			held = max(held, output)
		} else {
			p.acts = append(p.acts, 0)
			held = output
		}
		a.yi = len(p.acts)
		p.ops = append(p.ops, a)
	}
	p.layOut()
	p.forget()
	p.chunk = p.o.Batch
	if !p.mixes && !p.mode.whole {
		p.chunk = chunkOf(p.o.Batch)
	}
	p.route()
	for _, a := range p.ops {
		if err := p.operator(a); err != nil {
			return p.m.unitError(a.unit, err)
		}
		p.infos = append(p.infos, p.m.opInfo(a.unit))
	}
	p.infos = append(p.infos, OpInfo{Name: "weights"})
	p.pairUp()
	for i, a := range p.ops[1:] {
		if before := p.ops[i].linear; a.drop != nil && before != nil && before.slope != 1 {
			a.drop.slope, before.grad.slope = before.slope, 1
		}
	}
	return nil
}

// layOut settles the Layouts: all operators on one buffer have the stride of the one that makes it.
func (p *Pass) layOut() {
	last := p.ops[len(p.ops)-1]
	stride := p.ops[0].in.Stride
	p.input.Layout = p.ops[0].in
	for i, a := range p.ops {
		a.in.Stride = stride
		if i == 0 || a.yi != p.ops[i-1].yi {
			stride = a.out.Stride
			if a.yi == last.yi && p.bound != nil {
				stride = p.bound.Stride
			}
		}
		a.out.Stride = stride
		p.acts[a.yi-1] = a.out.Len()
	}
	if p.bound != nil {
		p.acts[last.yi-1] = 0
	}
	p.output = stack{Layout: last.out}
}

// forget marks the activations that are cheaper to compute again than to keep:
// those that a BatchNorm makes and a contraction reads. They never lie in memory
// as a whole: the contraction takes them a block of images at a time from where
// its worker has just made them, in the caches.
func (p *Pass) forget() {
	for i, a := range p.ops[:len(p.ops)-1] {
		next := p.ops[i+1]
		_, norm := p.m.layer(a.unit).(BatchNorm)
		_, reads := p.m.layer(next.unit).(linear)
		if norm && reads {
			next.again, a.reader = a, next
			p.acts[a.yi-1] = 0
		}
	}
}

// route finds a gradient buffer for each operator's input, from the output back.
// The operators that treat every element alike work in place, and so does BatchNorm.
func (p *Pass) route() {
	wanted := make([]bool, len(p.ops)) // whether anybody before the operator wants its dx
	for i := range p.ops {
		wanted[i] = p.o.InputGrad || i > 0 && (wanted[i-1] || p.m.trains(p.ops[i-1].unit))
	}
	p.chain = nil
	for i, a := range slices.Backward(p.ops) {
		a.grad = a.layout(p.chunk)
		if p.chain == nil {
			p.chain = []int{a.grad.out.Len()}
			p.dout.Layout = a.grad.out
		}
		a.dyi = len(p.chain) - 1
		inPlace := true
		switch p.m.layer(a.unit).(type) {
		case nil, linear:
			inPlace = false
		}
		switch {
		case !wanted[i]:
			a.dxi = unwanted
		case i == 0:
			a.dxi = toInput
			a.grad.in.Stride = p.input.Stride
		case inPlace:
			a.dxi = a.dyi
		default:
			p.chain = append(p.chain, a.grad.in.Len())
			a.dxi = len(p.chain) - 1
		}
	}
}

// chunkOf returns how many of n images go backward at a time where that makes no
// difference to the result's meaning: gradients of fewer images need less memory
// and stay nearer in the caches, and 64 keep the kernels busy. The number divides
// n, and its rows begin at whole words of a dropout mask.
func chunkOf(n int) int {
	for _, c := range []int{128, 96, 64} {
		if n%c == 0 {
			return c
		}
	}
	return n
}

// trains tells whether a unit has parameters with gradients.
func (m *Model) trains(u unit) bool { return !u.moves && len(m.nodes[u.first].params) > 0 }

// operator plans a's operator.
func (p *Pass) operator(a *trained) error {
	n := &p.m.nodes[a.first]
	plan := planner(conv.NewWinogradPlan)
	if p.o.Strict {
		plan = conv.NewPlan
	}
	switch l := p.m.layer(a.unit).(type) {
	case nil:
		a.each = &move{a.maps}
	case linear:
		return p.contraction(l, a, plan)
	case BatchNorm:
		a.norm = newBatchNorm(l, n.params, a.maps, a.grad, a.slope)
	case Dropout:
		a.drop = newDrop(l, a.maps)
	case Tanh:
		a.each = &tanh{a.maps}
	case Sigmoid:
		a.each = &sigmoid{a.maps}
	default:
		a.each = newLeaky(a.maps, a.slope)
	}
	return nil
}

// contraction plans a's contraction.
func (p *Pass) contraction(l linear, a *trained, plan planner) (err error) {
	m := a.maps
	if a.again != nil {
		n := min(a.block(), p.o.Batch)
		m.in, m.out.N = a.briefOf(n), n
	}
	if a.linear, err = newContraction(l, a.unit, m, p.o.Kernels, plan); err != nil {
		return err
	}
	a.linear.raw = !p.mode.plain && a.heavy() && a.again == nil && a.out.Positions() >= rawPositions
	x := a.in
	x.N = p.chunk
	if err := a.linear.train(l, a.unit, x, a.grad, a.dxi != unwanted, p.o.Kernels, plan); err != nil || a.again == nil {
		return err
	}
	n := a.linear.grad.weights.WeightImages()
	n = min(max(1, a.block()/n)*n, p.chunk)
	p.brief = max(p.brief, a.linear.in.Len(), a.briefOf(n).Len())
	return a.linear.trainBlocks(l, a.unit, a.briefOf(n), a.grad.out, p.o.Kernels, plan)
}

// block is how many images a's operator should take at a time.
func (a *trained) block() int {
	n := blockOf(max(a.in.Positions()*a.in.C, a.out.Positions()*a.out.C))
	if _, dense := a.layer.(Dense); dense {
		n = max(n, denseBlock)
	}
	return n
}

// A dense layer's weights are read once a block, which so should have many images.
const denseBlock = 64

// rawPositions is from how many output positions on a dense layer's weights are
// packed where they are used: workers share the positions, so that each weight
// is packed once, and it is read again from the caches.
const rawPositions = 8

// pairUp finds the dense layers that nobody wants the input's gradient of and a
// BatchNorm follows whose positions are apart. A position's gradient between the
// two stays in the caches.
func (p *Pass) pairUp() {
	for i, b := range p.ops[1:] {
		if a := p.ops[i]; b.norm != nil && b.norm.apart() && a.linear != nil && a.linear.raw && a.dxi == unwanted && a.linear.slope == 1 {
			a.after, b.before = b, a
			p.brief = max(p.brief, b.in.N*b.in.C)
		}
	}
}

// heavy tells whether an operator has so many weights that it is to take all
// images at once.
func (a *trained) heavy() bool {
	_, dense := a.layer.(Dense)
	return dense && a.linear.plan.PackedLen() > blockFloats/4
}

// grain is of which number of images blocks are to be multiples.
func (a *trained) grain() int {
	if a.drop == nil {
		return 1
	}
	return max(1, 32/(a.in.C&-a.in.C))
}

// briefOf is the layout of a block of n images between a BatchNorm and the
// contraction that reads it.
func (a *trained) briefOf(n int) conv.Layout { return conv.NewLayout(a.in.H, a.in.W, a.in.C, n) }
