package model

import (
	"slices"

	"github.com/gantiny/gantiny/conv"
)

// passPlan is what a Pass prepares: operators, buffers and stages.
type passPlan struct {
	mode           mode
	graph          *Graph
	batchDependent bool // images depend on one another, as with BatchNorm
	chunk          int  // images that go backward at a time
	blockLen       int  // length of what a worker keeps of an activation that is not kept: the longest block

	nodes   []*passNode
	outputs []int        // activations
	acts    []activation // the graph's inputs, then what the nodes make and do not write over their input
	grads   []*gradBuffer

	douts      []int // gradients of the outputs
	inputGrads []int // gradients of the first input, one for each node that reads it, if there are several
}

// activation is a value's memory in a Pass.
type activation struct {
	layout conv.Layout
	kind   TypeKind
	held   need // what Backward reads of it
	kept   bool // it lies in memory as a whole
	bound  int  // the output that the caller's memory holds, -1 for none
}

// gradBuffer is the memory of one gradient of a chunk, in use between two steps of Backward.
type gradBuffer struct {
	layout      conv.Layout
	first, last int // steps of Backward: the node that is number i from the end is step i+1
}

// passNode is a node of a Pass.
type passNode struct {
	*Node
	op     int // index in Ops
	kernel TrainKernel

	x, dx  []conv.Layout // of the activations, and of the gradients of a chunk
	y, dy  conv.Layout
	xa     []int // activations
	ya     int
	dxb    []int // gradients: an index in grads, or one of the constants below
	dyb    int
	sum    []int // gradients of the output besides dyb, where several nodes read it
	frozen bool  // its parameters have no gradients

	// Rules of scheduling between neighbors, see passrules.go.
	consumer   *passNode // of a BatchNorm whose output is not kept: the linear operator that reads it
	recomputed *passNode // of that operator: the BatchNorm
	paired     *passNode // of a dense operator whose weight gradient goes along with a BatchNorm's Backward, position by position: the BatchNorm
	pair       *passNode // of that BatchNorm: the dense operator

	// The memory, once it is there.
	xt, dxt []Tensor
	yt, dyt Tensor
	sumt    []Tensor
	dparams [][]float32
	args    []passArgs // of each worker
}

// passArgs are the slices in which a worker passes arguments to a TrainKernel.
type passArgs struct{ dx, x []Tensor }

// What an entry of dxb may be besides.
const (
	inputGradient = -1 // the first input's gradient, for the caller
	unwanted      = -2
)

// wants tells whether the gradient of input i is needed.
func (t *passNode) wants(i int) bool { return t.dxb[i] != unwanted }

// need is what Backward reads of an activation.
type need int8

const (
	never   need = iota - 1 // as a limit: an operator that does not work in place
	nothing                 // the buffer is free
	signs                   // which values are above 0
	everything
)

// keeper is an Op that tells up to which need of its input it may write over that in training, and
// what its Backward needs of its output. Others leave their input alone and need everything.
type keeper interface {
	Op
	keeps() (limit, output need)
}

// keeps is what t's operator keeps, whichever rule it has.
func (t *passNode) keeps() (limit, output need) {
	switch o := t.Op.(type) {
	case linear: // Backward reads the input and, of the output, where a leaky activation was above 0
		if t.epilogue.slope != 1 {
			return never, signs
		}
		return never, nothing
	case keeper:
		return o.keeps()
	}
	return never, everything
}

// inPlaceBackward is an Op whose dx may lie where dy does.
type inPlaceBackward interface {
	Op
	backwardInPlace()
}

// BatchDependent is an Op that makes the images of a batch depend on one another in training, as
// BatchNorm does by its batch statistics.
type BatchDependent interface {
	Op
	BatchDependent()
}

// BatchDependent reports whether an operator of the model is BatchDependent: whether the images of
// a batch depend on one another in training.
func (m *Model) BatchDependent() bool {
	return slices.ContainsFunc(m.graph.Nodes, func(n *Node) bool {
		_, depends := n.Op.(BatchDependent)
		return depends
	})
}

// plan makes the operators and finds out what memory they need.
func (p *Pass) plan() error {
	bound := p.bound
	p.passPlan = passPlan{mode: p.mode, graph: p.m.graph.rewritten(p.mode), batchDependent: p.m.BatchDependent()}
	p.infos, p.ready = nil, false
	p.placeActivations(bound)
	p.recompute()
	p.chunk = p.o.Batch
	if !p.batchDependent && !p.mode.whole {
		p.chunk = chunkOf(p.o.Batch)
	}
	p.planGradients()
	for _, t := range p.nodes {
		if err := p.planNode(t); err != nil {
			return t.error(err)
		}
		p.infos = append(p.infos, t.info())
	}
	p.infos = append(p.infos, OpInfo{Name: "weights"})
	p.pairPositions()
	p.mergeLeakyGrads()
	if p.o.Tangents {
		return p.checkTangents()
	}
	return nil
}

// placeActivations gives each node its activations. All values on one buffer have the stride of the
// one that makes it.
func (p *Pass) placeActivations(bound *Tensor) {
	n := p.o.Batch
	at := map[*Value]int{}
	for _, v := range p.graph.Inputs {
		at[v] = len(p.acts)
		p.acts = append(p.acts, activation{layout: v.layout(n), kind: v.Type.Kind, held: everything, kept: true, bound: -1})
	}
	for i, node := range p.graph.Nodes {
		t := &passNode{Node: node, op: i, y: node.Out.layout(n)}
		for _, v := range node.In {
			a := at[v.storage()]
			l := v.layout(n)
			l.Stride = p.acts[a].layout.Stride
			t.x, t.xa = append(t.x, l), append(t.xa, a)
		}
		limit, output := t.keeps()
		if in := t.xa[0]; p.acts[in].held <= limit && p.graph.consumer(node.In[0]) == node {
			p.acts[in].held = max(p.acts[in].held, output)
			t.ya = in
			t.y.Stride = t.x[0].Stride
		} else {
			t.ya = len(p.acts)
			p.acts = append(p.acts, activation{layout: t.y, kind: node.Out.Type.Kind, held: output, kept: true, bound: -1})
		}
		at[node.Out] = t.ya
		p.nodes = append(p.nodes, t)
	}
	for i, v := range p.graph.Outputs {
		a := at[v.storage()]
		if i == 0 && bound != nil {
			p.acts[a].bound, p.acts[a].layout.Stride = 0, bound.Stride
		}
		p.outputs = append(p.outputs, a)
	}
	for _, t := range p.nodes { // a bound output's stride is known last
		t.y.Stride = p.acts[t.ya].layout.Stride
		for i, a := range t.xa {
			t.x[i].Stride = p.acts[a].layout.Stride
		}
	}
}

// planGradients finds a gradient buffer for each input of each node, from the outputs back. A value
// that several nodes read gets a gradient from each; they are added before its node goes backward.
func (p *Pass) planGradients() {
	wanted := map[*Value]bool{} // whether the gradient of a value is needed, for parameters or the input
	for i, v := range p.graph.Inputs {
		wanted[v] = p.o.InputGrad && i == 0
	}
	for _, t := range p.nodes {
		t.frozen = p.frozen(t.Node)
		w := !t.frozen && trains(t.Node)
		for _, v := range t.In {
			w = w || wanted[v.storage()] && v.Type.Kind == Float32
		}
		wanted[t.Out] = w
	}
	of := map[*Value][]int{} // the gradients that a value has got so far
	for _, v := range p.graph.Outputs {
		b := p.newGrad(v, 0)
		p.douts = append(p.douts, b)
		of[v.storage()] = append(of[v.storage()], b)
	}
	for i, t := range slices.Backward(p.nodes) {
		step := len(p.nodes) - i
		t.dy = t.Out.layout(p.chunk)
		list := of[t.Out]
		if len(list) == 0 { // nothing reads it
			list = []int{p.newGrad(t.Out, step)}
		}
		t.dyb, t.sum = list[0], list[1:]
		for _, b := range list {
			p.grads[b].last = step
		}
		t.dxb, t.dx = make([]int, len(t.In)), make([]conv.Layout, len(t.In))
		for j, v := range t.In {
			t.dx[j] = v.layout(p.chunk)
			t.dxb[j] = p.placeGradient(t, j, step, wanted[v.storage()] && v.Type.Kind == Float32)
			if t.dxb[j] >= 0 {
				of[v.storage()] = append(of[v.storage()], t.dxb[j])
			}
		}
	}
	p.inputGrads = of[p.graph.Inputs[0]]
	for b, g := range p.grads {
		if p.o.Tangents || slices.Contains(p.inputGrads, b) {
			g.last = len(p.nodes) + 1
		}
	}
}

// placeGradient returns where the gradient of t's input j goes.
func (p *Pass) placeGradient(t *passNode, j, step int, wanted bool) int {
	v := t.In[j]
	_, over := t.Op.(inPlaceBackward) // of an operator with parameters but BatchNorm, dy is scaled after dx is made
	_, norm := t.Op.(BatchNorm)
	over = over && (norm || !trains(t.Node))
	switch {
	case !wanted:
		return unwanted
	case v.storage().Node == nil && p.graph.consumer(v) == t.Node:
		t.dx[j].Stride = p.acts[t.xa[j]].layout.Stride
		return inputGradient
	case over && j == 0 && !p.o.Tangents: // a tangent needs dy later
		return t.dyb
	}
	return p.newGrad(v, step)
}

// newGrad adds a buffer for a gradient of v that is written at a step of Backward.
func (p *Pass) newGrad(v *Value, step int) int {
	p.grads = append(p.grads, &gradBuffer{layout: v.layout(p.chunk), first: step, last: step})
	return len(p.grads) - 1
}

// trains tells whether a node has parameters with gradients.
func trains(n *Node) bool {
	return slices.ContainsFunc(n.Params, func(p *Param) bool { return p.Trainable })
}

// frozen tells whether the caller needs no gradients of a node's parameters.
func (p *Pass) frozen(n *Node) bool {
	return trains(n) && !slices.ContainsFunc(n.Params, func(q *Param) bool { return q.Trainable && !slices.Contains(p.o.Frozen, q.Name) })
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

// planNode plans t's operator by whichever rule it has.
func (p *Pass) planNode(t *passNode) error {
	l := t.lowering(p.o.Batch, p.o.Kernels)
	l.In, l.Out = t.x, t.y
	var err error
	switch o := t.Op.(type) {
	case linear:
		return p.planLinear(t)
	case BatchNorm:
		t.kernel = newBatchNorm(o, t)
	case Dropout:
		t.kernel = newDrop(o, t)
	default:
		t.kernel, err = lowerTraining(o, l)
	}
	return err
}
