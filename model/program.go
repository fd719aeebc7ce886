package model

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/engine"
	"github.com/gantiny/gantiny/simd"
)

// program is a graph lowered for inference: kernels, and a place in a worker's memory for every
// value. It is the same for float32 and int8.
type program struct {
	graph   *Graph
	chunk   int // images that go through it at a time
	steps   []step
	values  []placed // the graph's inputs, then what the steps make
	inputs  []int    // indices in values
	outputs []int
	floats  int // lengths of a worker's arenas
	bytes   int

	plans  []*conv.Plan
	qplans []*conv.QPlan

	scratchFloats, scratchDoubles int // a worker's
}

// step is a node's kernel with its inputs and output, as indices in the program's values.
type step struct {
	Kernel
	node *Node
	in   []int
	out  int
}

// placed is a value with its layout and, unless it is the caller's memory, its buffer in an arena.
type placed struct {
	kind   TypeKind
	layout conv.Layout
	buffer *engine.Buffer // shared by values that are one memory; nil of an input or output in the caller's
	first  int            // where it begins in the buffer
	whole  int            // of a window: the index of the value that it is a part of; else its own
}

// planned is a Kernel that tells which plans of package conv it runs.
type planned interface {
	plans() (float []*conv.Plan, quantized []*conv.QPlan)
}

// overwriter is a Kernel that may write its output over its first input.
type overwriter interface{ overwrites() }

// newProgram lowers a graph for chunks of images.
func newProgram(g *Graph, chunk int, o Options) (*program, error) {
	p := &program{graph: g, chunk: chunk}
	at := map[*Value]int{} // storage: index in values
	for _, v := range g.Inputs {
		at[v] = len(p.values)
		p.inputs = append(p.inputs, len(p.values))
		p.values = append(p.values, placed{kind: v.Type.Kind, layout: v.layout(chunk), whole: len(p.values)})
	}
	for _, n := range g.Nodes {
		s := step{node: n, out: len(p.values)}
		for _, v := range n.In {
			s.in = append(s.in, at[v.storage()])
		}
		at[n.Out] = s.out
		p.values = append(p.values, placed{kind: n.Out.Type.Kind, layout: n.Out.layout(chunk), first: n.Out.first, whole: s.out})
		for i := range n.In {
			if n.joins(i) {
				p.values[s.in[i]].whole = s.out
			}
		}
		if n.joined() {
			continue
		}
		l := n.lowering(chunk, o.Kernels)
		l.options = o
		var err error
		if s.Kernel, err = lower(n.Op, l); err != nil {
			return nil, n.error(err)
		}
		p.scratchFloats, p.scratchDoubles = scratchOf(s.Kernel, p.scratchFloats, p.scratchDoubles)
		if k, ok := s.Kernel.(planned); ok {
			f, q := k.plans()
			p.plans, p.qplans = append(p.plans, f...), append(p.qplans, q...)
		}
		p.steps = append(p.steps, s)
	}
	for _, v := range g.Outputs {
		p.outputs = append(p.outputs, at[v.storage()])
	}
	p.place()
	return p, nil
}

// layout is how n images of v lie in memory. A view of a window is one too.
func (v *Value) layout(n int) conv.Layout {
	if whole := v.storage().whole; whole != nil {
		l := whole.layout(n)
		l.H, l.W, l.C = v.mem.H, v.mem.W, v.mem.C
		return l
	}
	if v.Type.Kind == Float32 {
		return conv.NewLayout(v.mem.H, v.mem.W, v.mem.C, n)
	}
	return conv.Layout{H: v.mem.H, W: v.mem.W, C: v.mem.C, N: n, Row: v.mem.C, Stride: n * v.mem.C}
}

// lowering is what a rule learns of n for n images.
func (n *Node) lowering(images int, k *simd.Kernels) *Lowering {
	l := &Lowering{Name: n.Name, Out: n.Out.layout(images), Specs: n.Specs(), Result: n.Out.Spec, Params: n.Params, Kernels: k, node: n}
	for _, v := range n.In {
		l.In = append(l.In, v.layout(images))
	}
	return l
}

// lower plans an operator for inference by whichever rule it has.
func lower(o Op, l *Lowering) (Kernel, error) {
	switch o := o.(type) {
	case linear:
		return lowerLinear(l)
	case moveOp:
		return newGather(l, o.runs(l.Specs), constantOf(o)), nil
	case averageOp:
		return &blend{sums: sumsOf(o, l)}, nil
	case Lowerer:
		return o.Lower(l)
	case Pointwise:
		return &pointwise{o}, nil
	}
	return nil, fmt.Errorf("%w: nothing says how to compute it", ErrRule)
}

// lowerTraining plans an operator for training by whichever rule it has. Without parameters, the
// kernel for inference will do if it has a Backward.
func lowerTraining(o Op, l *Lowering) (TrainKernel, error) {
	switch o := o.(type) {
	case moveOp:
		return newGatherPass(l, o.runs(l.Specs), constantOf(o)), nil
	case averageOp:
		return newBlendPass(l, sumsOf(o, l)), nil
	case TrainLowerer:
		return o.LowerTraining(l)
	}
	if o, ok := o.(Lowerer); ok && len(l.Params) == 0 {
		k, err := o.Lower(l)
		if k, ok := k.(TrainKernel); ok || err != nil {
			return k, err
		}
	}
	if o, ok := o.(Pointwise); ok {
		return &pointwise{o}, nil
	}
	return nil, fmt.Errorf("%w: nothing says how to train it", ErrRule)
}

// findWindows makes every window one of a value that is no window itself.
func (p *program) findWindows() {
	for i := range slices.Backward(p.values) {
		if v := &p.values[i]; v.whole != i {
			v.first += p.values[v.whole].first
			v.whole = p.values[v.whole].whole
		}
	}
}

// lastReads lists for each value the last step that reads it or a window of it.
func (p *program) lastReads() []int {
	last := make([]int, len(p.values))
	for i, s := range p.steps {
		last[s.out] = i
		for _, v := range s.in {
			last[v] = i
		}
	}
	for _, v := range p.outputs {
		last[v] = len(p.steps)
	}
	for i, v := range p.values {
		last[v.whole] = max(last[v.whole], last[i])
	}
	return last
}

// place finds a place in the arenas for every value that a step makes. Values that are never in use
// at the same time share memory.
func (p *program) place() {
	p.findWindows()
	last := p.lastReads()
	var floats, bytes []*engine.Buffer
	add := func(v, first int) {
		at := &p.values[v]
		b := &engine.Buffer{Size: at.layout.Len(), First: first, Last: last[v]}
		switch at.kind {
		case Float32:
			floats, at.buffer = append(floats, b), b
		case Int8:
			bytes, at.buffer = append(bytes, b), b
		}
	}
	for _, v := range p.inputs { // loaded before the first step
		if p.values[v].kind == Float32 {
			add(v, -1)
		}
	}
	for i, s := range p.steps {
		out := &p.values[s.out]
		whole, in := &p.values[out.whole], &p.values[s.in[0]]
		if _, ok := s.Kernel.(overwriter); ok && last[s.in[0]] == i && in.layout == out.layout && in.buffer != nil && out.whole == s.out {
			out.buffer = in.buffer
			out.buffer.Last = last[s.out]
			continue
		}
		if whole.buffer == nil { // else the first of its windows has made it
			add(out.whole, i)
		}
	}
	for i := range p.values {
		if v := &p.values[i]; v.whole != i {
			v.buffer = p.values[v.whole].buffer
		}
	}
	p.floats, p.bytes = engine.Place(floats), engine.Place(bytes)
}

// memory is one worker's own: its arenas, and every value in them.
type memory struct {
	values []Tensor
	args   [][]Tensor // of each step: its inputs among values
	pixels [][]uint8  // of a Pixel output whose pixels are not the caller's
	floats []float32  // of a float32 output of which only pixels are wanted
}

// newMemory makes n workers' memories.
func (p *program) newMemory(n int) []memory {
	floats, bytes := arena.Floats(n*p.floats), make([]int8, n*p.bytes)
	list := make([]memory, n)
	for i := range list {
		m := &list[i]
		f, q := floats[i*p.floats:][:p.floats], bytes[i*p.bytes:][:p.bytes]
		for _, v := range p.values {
			t := Tensor{Layout: v.layout}
			if b := v.buffer; b != nil && v.kind == Float32 {
				t.F = f[b.At:][v.first:b.Size:b.Size]
			} else if b != nil {
				t.Q = q[b.At:][v.first:b.Size:b.Size]
			}
			m.values = append(m.values, t)
		}
		for _, s := range p.steps {
			x := make([]Tensor, len(s.in))
			for j, v := range s.in {
				x[j] = m.values[v]
			}
			m.args = append(m.args, x)
		}
	}
	return list
}

// setClasses makes c the classes of value v, an input.
func (p *program) setClasses(m *memory, v int, c []int32) {
	m.values[v].Class = c
	for i, s := range p.steps {
		for j, in := range s.in {
			if in == v {
				m.args[i][j].Class = c
			}
		}
	}
}

// run computes share s of step i of a memory's values.
func (p *program) run(i int, w *Worker, m *memory, s Share) {
	st := &p.steps[i]
	st.Forward(w, m.values[st.out], m.args[i], s)
}

// newWorkers makes n workers with workspaces for all plans.
func (p *program) newWorkers(n int, k *simd.Kernels) []Worker {
	list := make([]Worker, n)
	for i := range list {
		list[i] = Worker{ID: i, Of: n, Kernels: k, Conv: conv.NewForwardWorkspace(p.plans...), Int8: conv.NewQWorkspace(p.qplans...)}
	}
	makeScratch(list, p.scratchFloats, p.scratchDoubles)
	return list
}
