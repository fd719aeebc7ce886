package model

import (
	"context"
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// calibrationChunk is how many images go through an operator at a time.
const calibrationChunk = 32

// judgedImages is how many of the calibration's images choose between observers: each choice draws
// them all.
const judgedImages = 64

// simulation runs a model in float32 as it is, and with values and weights rounded to what bytes
// stand for. It is the quant.Network of a calibration.
type simulation struct {
	ctx     context.Context
	bits    int // of weights
	graph   *Graph
	program *program
	worker  Worker
	memory  memory

	kept    map[*Value]quant.Params // the steps that values have to keep
	pixels  map[*Value]bool         // outputs that are pixels
	ranged  map[*Value]int          // the values that have a range of their own: their number
	order   []*Value                // and these values by number
	tails   map[*Node]*Node         // linear operators that end in pixels: the tanh after them
	weights map[*Node]folded        // of linear operators, as the graph has them
	kernels map[*Node]*contraction

	chunks     [][]Data      // inputs of all calibration images
	want       [][][]float32 // the model's own outputs of those that judge: of each chunk, of each output
	errorScale []float64     // by output: the factor on its errors
	packed     map[*Node][]float32
}

// newSimulation prepares a model for calibration. The error names the first node that has no int8
// form and wraps quant.ErrModel.
func newSimulation(ctx context.Context, m *Model, o quant.Options) (*simulation, error) {
	s := &simulation{ctx: ctx, bits: o.WeightBits, graph: m.graph.rewritten(mode{int8: true}), pixels: map[*Value]bool{}, ranged: map[*Value]int{}, tails: map[*Node]*Node{}, weights: map[*Node]folded{}, kernels: map[*Node]*contraction{}, packed: map[*Node][]float32{}}
	s.kept = keepSteps(s.graph)
	s.findTails()
	for _, n := range s.graph.Nodes {
		if err := s.checkNode(n); err != nil {
			return nil, cannot(n, err)
		}
	}
	s.findRanges()
	var err error
	if s.program, err = newProgram(s.graph, calibrationChunk, Options{Kernels: o.Kernels, Strict: true}); err != nil {
		return nil, err
	}
	for _, st := range s.program.steps {
		if k, ok := st.Kernel.(*contraction); ok {
			s.kernels[st.node], s.packed[st.node] = k, make([]float32, k.plan.PackedLen())
		}
	}
	s.worker = s.program.newWorkers(1, o.Kernels)[0]
	s.memory = s.program.newMemory(1)[0]
	if err := s.drawInputs(o); err != nil {
		return nil, err
	}
	return s, s.judgeExact()
}

// findTails finds the outputs that are pixels, those that a tanh makes and nothing reads, and the
// linear operators that make them.
func (s *simulation) findTails() {
	for _, v := range s.graph.Outputs {
		n := v.storage().Node
		if _, ok := n.Op.(Tanh); !ok || n.Out.mem != v.Shape || len(s.graph.consumers(n.Out)) > 0 {
			continue
		}
		s.pixels[n.Out] = true
		before := n.In[0].storage().Node
		if before == nil || before.Out.mem != n.Out.mem || before.epilogue.slope != 1 || s.graph.consumer(n.In[0]) != n {
			continue
		}
		if _, keeps := s.kept[before.Out]; keeps {
			continue
		}
		if _, ok := before.Op.(linear); ok {
			s.tails[before] = n
		}
	}
}

func (s *simulation) isTail(n *Node) bool {
	before := n.In[0].storage().Node
	return before != nil && s.tails[before] == n
}

// checkNode returns an error unless a node has an int8 form, and folds its weights.
func (s *simulation) checkNode(n *Node) error {
	switch n.Op.(type) {
	case linear:
		f := foldNode(n)
		s.weights[n] = f
		return f.finite()
	case int8Former, quantizer, Pointwise:
		return finite(n.Params)
	}
	return fmt.Errorf("%w: it has no int8 form", ErrRule)
}

// findRanges numbers the values that have a range of their own: the float inputs, and what nodes
// make unless it is pixels, or sums on their way to pixels, or has the scale of what the node
// reads.
func (s *simulation) findRanges() {
	add := func(v *Value) {
		s.ranged[v] = len(s.order)
		s.order = append(s.order, v)
	}
	for _, v := range s.graph.Inputs {
		if v.Type.Kind == Float32 {
			add(v)
		}
	}
	for _, n := range s.graph.Nodes {
		o, passes := n.Op.(passesScale)
		if s.tails[n] == nil && !s.pixels[n.Out] && !(passes && o.passesScale()) {
			add(n.Out)
		}
	}
}

// drawInputs makes the calibration's inputs: those of the options or latents, and all classes by
// turns.
func (s *simulation) drawInputs(o quant.Options) error {
	chunks := (o.Images + calibrationChunk - 1) / calibrationChunk
	all := make([]Data, len(s.graph.Inputs))
	given := o.Inputs
	for i, v := range s.graph.Inputs {
		n, each := chunks*calibrationChunk, v.Shape.Len()
		switch {
		case v.Type.Kind == Class:
			all[i].Classes = make([]int32, n)
			for k := range n {
				all[i].Classes[k] = int32(k % v.Type.Classes)
			}
		case o.Inputs == nil:
			all[i].Floats = make([]float32, n*each)
			quant.CalibrationLatents(all[i].Floats, each, o.Seed+uint64(i))
		case len(given) == 0 || len(given[0]) == 0 || len(given[0])%each != 0:
			return fmt.Errorf("%w: calibration inputs of %s, want some of %v", ErrShape, v.Name, v.Shape)
		default:
			for len(all[i].Floats) < n*each {
				all[i].Floats = append(all[i].Floats, given[0]...)
			}
			given = given[1:]
		}
	}
	for c := range chunks {
		part := make([]Data, len(all))
		for i, d := range all {
			lo, hi := c*calibrationChunk, (c+1)*calibrationChunk
			if d.Classes != nil {
				part[i].Classes = d.Classes[lo:hi]
			} else {
				each := s.graph.Inputs[i].Shape.Len()
				part[i].Floats = d.Floats[lo*each : hi*each]
			}
		}
		s.chunks = append(s.chunks, part)
	}
	return nil
}

// judged is how many chunks judge.
func (s *simulation) judged() int { return min(len(s.chunks), judgedImages/calibrationChunk) }

// Values is the number of values with a range of their own.
func (s *simulation) Values() int { return len(s.order) }

// Input tells whether a value is an input.
func (s *simulation) Input(v int) bool { return s.order[v].Node == nil }

// Fixed returns the steps that a value has to keep.
func (s *simulation) Fixed(v int) (quant.Params, bool) {
	p, ok := s.kept[s.order[v]]
	if n := s.order[v].Node; n != nil && !ok {
		var o FakeQuantize
		o, ok = n.Op.(FakeQuantize)
		p = o.Steps
	}
	return p, ok
}

// Observe runs the model as it is on all calibration images.
func (s *simulation) Observe(see func(value int, x []float32)) error {
	if err := s.setWeights(nil); err != nil {
		return err
	}
	for _, in := range s.chunks {
		err := s.run(in, func(v *Value, t Tensor) {
			if i, ok := s.ranged[v]; ok {
				eachRow(t, func(row []float32) { see(i, row) })
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachRow calls f for what of a value lies together.
func eachRow(t Tensor, f func(row []float32)) {
	c := spansOf(Share{N1: t.N}, &t)
	for i := range c.count() {
		f(c.of(&t, i))
	}
}

// judgeExact computes the model's own outputs of those that judge. Errors count in images of [-1,
// 1]: those of an output that is no pixels by its range.
func (s *simulation) judgeExact() error {
	if err := s.setWeights(nil); err != nil {
		return err
	}
	for _, in := range s.chunks[:s.judged()] {
		if err := s.run(in, func(*Value, Tensor) {}); err != nil {
			return err
		}
		s.want = append(s.want, s.outcome())
	}
	for i, v := range s.graph.Outputs {
		var lo, hi float32
		for _, chunk := range s.want {
			lo, hi = min(lo, slices.Min(chunk[i])), max(hi, slices.Max(chunk[i]))
		}
		unit := 1.0
		if !s.pixels[v.storage()] && hi > lo {
			unit = 2 / (float64(hi) - float64(lo))
		}
		s.errorScale = append(s.errorScale, unit)
	}
	return nil
}

// outcome returns each output's values of the chunk that has just run.
func (s *simulation) outcome() [][]float32 {
	list := make([][]float32, len(s.program.outputs))
	for i, v := range s.program.outputs {
		eachRow(s.memory.values[v], func(row []float32) { list[i] = append(list[i], row...) })
	}
	return list
}

// Judge returns the mean squared error of the outputs, each of which counts alike, with every value
// rounded to p.
func (s *simulation) Judge(p []quant.Params) (float64, error) {
	if err := s.setWeights(p); err != nil {
		return 0, err
	}
	sums := make([]float64, len(s.errorScale))
	for c, in := range s.chunks[:s.judged()] {
		if err := s.run(in, s.round(p)); err != nil {
			return 0, err
		}
		for k, got := range s.outcome() {
			for i, v := range got {
				d := float64((float64(v) - float64(s.want[c][k][i])) * s.errorScale[k])
				sums[k] += float64(d * d)
			}
		}
	}
	mean := 0.0
	for k, sum := range sums {
		mean += sum / float64(s.judged()*calibrationChunk*s.graph.Outputs[k].Shape.Len())
	}
	return mean / float64(len(sums)), nil
}

// round returns a function that rounds each value to p: those that have a range, and those that
// have the scale of another, since a mean of bytes is no byte yet.
func (s *simulation) round(p []quant.Params) func(v *Value, t Tensor) {
	return func(v *Value, t Tensor) {
		if !s.pixels[v] && (v.Node == nil || s.tails[v.Node] == nil) {
			eachRow(t, s.params(p, v).Round)
		}
	}
}

// params returns the scale of a value, that of what it was moved from if it has none of its own.
func (s *simulation) params(p []quant.Params, v *Value) quant.Params {
	for v = v.storage(); ; v = v.Node.In[0].storage() {
		if i, ok := s.ranged[v]; ok {
			return p[i]
		}
	}
}

// setWeights packs the linear operators' weights: the model's own, or rounded behind inputs that
// are rounded to p.
func (s *simulation) setWeights(p []quant.Params) error {
	for n, k := range s.kernels {
		f := s.weights[n]
		if p != nil {
			var err error
			if f, err = f.rounded(s.params(p, n.In[0]), s.bits); err != nil {
				return cannot(n, err)
			}
		}
		k.weights = weights{packed: s.packed[n], bias: f.bias}
		k.plan.Pack(s.worker.Conv, k.packed, f.weight)
	}
	return nil
}

// run takes a chunk through the graph and calls after for each input and for what each node makes,
// which it may change.
func (s *simulation) run(in []Data, after func(v *Value, t Tensor)) error {
	m, p := &s.memory, s.program
	for i, v := range p.inputs {
		if p.setClasses(m, v, in[i].Classes); in[i].Classes == nil {
			m.values[v].Import(m.values[v].F, in[i].Floats)
			after(s.graph.Inputs[i], m.values[v])
		}
	}
	for i := range p.steps {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		p.run(i, &s.worker, m, Share{N1: calibrationChunk, Count: 1})
		after(p.steps[i].node.Out, m.values[p.steps[i].out])
	}
	return nil
}

// report says what was chosen, and how far each operator's output in bytes is from the model's.
func (s *simulation) report(c *quant.Calibration) (*quant.Report, error) {
	r := &quant.Report{Images: len(s.chunks) * calibrationChunk, Judged: s.judged() * calibrationChunk, Steps: c.Steps}
	power, err := s.compare(c.Params)
	if err != nil {
		return nil, err
	}
	for _, n := range s.graph.Nodes {
		if s.isTail(n) {
			continue
		}
		l := quant.Layer{Name: n.Name}
		out := n.Out
		if tail := s.tails[n]; tail != nil {
			out = tail.Out
		}
		if n.In[0].Type.Kind == Float32 {
			l.Input = s.params(c.Params, n.In[0])
			if i, ok := s.ranged[n.In[0].storage()]; ok {
				l.Observer = c.Observer[i]
			}
		}
		l.SNR = quant.Decibels(power[out].signal, power[out].noise)
		r.Layers = append(r.Layers, l)
	}
	return r, nil
}

// power is that of a value, and of its error in bytes.
type power struct{ signal, noise float64 }

// compare runs the images that judge, as they are and with every value rounded to p, and returns
// the power of what the nodes make of them.
func (s *simulation) compare(p []quant.Params) (map[*Value]power, error) {
	sums := map[*Value]power{}
	round := s.round(p)
	for _, in := range s.chunks[:s.judged()] {
		exact := map[*Value][]float32{}
		keep := func(v *Value, t Tensor) {
			exact[v] = make([]float32, 0, t.N*v.Shape.Len())
			eachRow(t, func(row []float32) { exact[v] = append(exact[v], row...) })
		}
		add := func(v *Value, t Tensor) {
			round(v, t)
			sum, x := sums[v], exact[v]
			eachRow(t, func(row []float32) {
				for i, y := range row {
					d := float64(x[i]) - float64(y)
					sum.signal += float64(x[i]) * float64(x[i])
					sum.noise += d * d
				}
				x = x[len(row):]
			})
			sums[v] = sum
		}
		for _, of := range []struct {
			p     []quant.Params
			after func(v *Value, t Tensor)
		}{{nil, keep}, {p, add}} {
			if err := s.setWeights(of.p); err != nil {
				return nil, err
			}
			if err := s.run(in, of.after); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}
