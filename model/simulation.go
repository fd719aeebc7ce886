package model

import (
	"context"
	"fmt"
	"math"
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
	graph   *Graph
	program *program
	worker  Worker
	memory  memory

	ranged  map[*Value]int   // the values that have a range of their own: their number
	order   []*Value         // and these values by number
	tails   map[*Node]*Node  // linear operators that end in pixels: the tanh after them
	weights map[*Node]folded // of linear operators, as the graph has them
	kernels map[*Node]*contraction

	chunks [][]Data    // inputs of all calibration images
	want   [][]float32 // the model's own images of those that judge
	packed map[*Node][]float32
}

// folded are a linear operator's weights and bias with the BatchNorm after it folded in.
type folded struct {
	weight, bias []float32
}

// bytes returns them as bytes behind an input with the Params in.
func (f folded) bytes(in quant.Params) (quant.Weights, []int32, error) {
	w, err := quant.QuantizeWeights(f.weight, len(f.bias))
	if err != nil {
		return w, nil, err
	}
	w.Fit(f.weight, f.bias, in.Scale)
	bias, err := quant.Bias(f.bias, in.Scale, w.Scale)
	return w, bias, err
}

// rounded returns what the bytes stand for.
func (f folded) rounded(in quant.Params) (r folded, err error) {
	w, b, err := f.bytes(in)
	if err != nil {
		return r, err
	}
	r.bias = make([]float32, len(b))
	for c, v := range b {
		r.bias[c] = float32(float64(v) * float64(in.Scale) * float64(w.Scale[c]))
	}
	r.weight = w.Floats()
	return r, nil
}

// newSimulation prepares a model for calibration. The error names the first node that has no int8
// form and wraps quant.ErrModel.
func newSimulation(ctx context.Context, m *Model, o quant.Options) (*simulation, error) {
	s := &simulation{ctx: ctx, graph: m.graph.rewritten(mode{}), ranged: map[*Value]int{}, tails: map[*Node]*Node{}, weights: map[*Node]folded{}, kernels: map[*Node]*contraction{}, packed: map[*Node][]float32{}}
	if err := s.findTails(); err != nil {
		return nil, err
	}
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
	s.drawLatents(o)
	return s, s.judgeExact()
}

// findTails finds the tanh that ends each output: a linear operator before it makes the pixels.
func (s *simulation) findTails() error {
	for _, v := range s.graph.Outputs {
		n := v.Node
		if _, ok := n.Op.(Tanh); !ok {
			return cannot(n, fmt.Errorf("the last layer has no tanh after it"))
		}
		if before := n.In[0].Node; before != nil && before.epilogue.slope == 1 && s.graph.reader(n.In[0]) == n {
			if _, ok := before.Op.(linear); ok {
				s.tails[before] = n
			}
		}
	}
	return nil
}

func (s *simulation) isTail(n *Node) bool {
	return n.In[0].Node != nil && s.tails[n.In[0].Node] == n
}

// checkNode returns an error unless a node has an int8 form, and folds its weights.
func (s *simulation) checkNode(n *Node) error {
	switch n.Op.(type) {
	case linear:
		f := foldNode(n)
		s.weights[n] = f
		return f.finite()
	case quantizer, Pointwise:
		return nil
	}
	return fmt.Errorf("%w: it has no int8 form", ErrRule)
}

// foldNode returns a linear node's weights and bias with what is fused into it folded in.
func foldNode(n *Node) folded {
	values := n.Params[0].values(make([]float32, n.Params[0].Len()))
	f := folded{weight: slices.Clone(values)}
	var bias []float32
	if len(n.Params) > 1 {
		bias = n.Params[1].Data
	}
	if norm := n.epilogue.norm; norm != nil {
		a, b := norm.folded(n.Params[0])
		fold(f.weight, values, a)
		f.bias = foldBias(bias, a, b)
		return f
	}
	f.bias = make([]float32, n.Params[0].Shape[len(n.Params[0].Shape)-1])
	copy(f.bias, bias)
	return f
}

// finite returns an error unless weights and bias are finite.
func (f folded) finite() error {
	for name, list := range map[string][]float32{"weight": f.weight, "bias": f.bias} {
		for i, v := range list {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s %d is %v", name, i, v)
			}
		}
	}
	return nil
}

func (s *simulation) folded(n *Node) (folded, error) { return s.weights[n], nil }

// findRanges numbers the values that have a range of their own: the float inputs, and what nodes
// make unless it is pixels, or sums on their way to pixels, or has the scale of what the node reads.
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
		_, passes := n.Op.(passesScale)
		if s.tails[n] == nil && !passes && !slices.Contains(s.graph.Outputs, n.Out) {
			add(n.Out)
		}
	}
}

// drawLatents makes the calibration's inputs: latents, and all classes by turns.
func (s *simulation) drawLatents(o quant.Options) {
	chunks := (o.Images + calibrationChunk - 1) / calibrationChunk
	all := make([]Data, len(s.graph.Inputs))
	for i, v := range s.graph.Inputs {
		n := chunks * calibrationChunk
		if v.Type.Kind == Class {
			all[i].Classes = make([]int32, n)
			for k := range n {
				all[i].Classes[k] = int32(k % v.Type.Classes)
			}
			continue
		}
		all[i].Floats = make([]float32, n*v.Shape.Len())
		quant.CalibrationLatents(all[i].Floats, v.Shape.Len(), o.Seed+uint64(i))
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
}

// judged is how many chunks judge.
func (s *simulation) judged() int { return min(len(s.chunks), judgedImages/calibrationChunk) }

// Values is the number of values with a range of their own.
func (s *simulation) Values() int { return len(s.order) }

// Input tells whether a value is an input.
func (s *simulation) Input(v int) bool { return s.order[v].Node == nil }

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

// judgeExact draws the model's own images of those that judge.
func (s *simulation) judgeExact() error {
	if err := s.setWeights(nil); err != nil {
		return err
	}
	for _, in := range s.chunks[:s.judged()] {
		if err := s.run(in, func(*Value, Tensor) {}); err != nil {
			return err
		}
		s.want = append(s.want, s.images())
	}
	return nil
}

// images returns the first output's values of the chunk that has just run.
func (s *simulation) images() []float32 {
	var x []float32
	eachRow(s.memory.values[s.program.outputs[0]], func(row []float32) { x = append(x, row...) })
	return x
}

// Judge returns the mean squared error of the images with every value rounded to p.
func (s *simulation) Judge(p []quant.Params) (float64, error) {
	if err := s.setWeights(p); err != nil {
		return 0, err
	}
	sum, n := 0.0, 0
	for c, in := range s.chunks[:s.judged()] {
		if err := s.run(in, s.round(p)); err != nil {
			return 0, err
		}
		got := s.images()
		for i, v := range got {
			d := float64(v) - float64(s.want[c][i])
			sum += d * d
		}
		n += len(got)
	}
	return sum / float64(n), nil
}

// round returns a function that rounds each value with a range to p.
func (s *simulation) round(p []quant.Params) func(v *Value, t Tensor) {
	return func(v *Value, t Tensor) {
		if i, ok := s.ranged[v]; ok {
			eachRow(t, p[i].Round)
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

// setWeights packs the linear operators' weights: the model's own, or rounded behind inputs that are
// rounded to p.
func (s *simulation) setWeights(p []quant.Params) error {
	for n, k := range s.kernels {
		f := s.weights[n]
		if p != nil {
			var err error
			if f, err = f.rounded(s.params(p, n.In[0])); err != nil {
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
		if m.values[v].Class = in[i].Classes; in[i].Classes == nil {
			m.values[v].Import(m.values[v].F, in[i].Floats)
			after(s.graph.Inputs[i], m.values[v])
		}
	}
	for i := range p.steps {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		p.run(i, &s.worker, m, m, Share{N1: calibrationChunk, Parts: 1})
		after(p.steps[i].node.Out, m.values[p.steps[i].out])
	}
	return nil
}

// report says what was chosen, and how far each operator's output in bytes is from the model's.
func (s *simulation) report(c *quant.Calibration) (*quant.Report, error) {
	r := &quant.Report{Images: len(s.chunks) * calibrationChunk, Judged: s.judged() * calibrationChunk, Steps: c.Steps}
	exact, err := s.outputs(nil)
	if err != nil {
		return nil, err
	}
	rough, err := s.outputs(c.Params)
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
		l.SNR = signalToNoise(exact[out], rough[out])
		r.Layers = append(r.Layers, l)
	}
	return r, nil
}

// outputs runs the images that judge and returns what each node makes of them, rounded to p unless
// that is nil.
func (s *simulation) outputs(p []quant.Params) (map[*Value][]float32, error) {
	if err := s.setWeights(p); err != nil {
		return nil, err
	}
	round := func(*Value, Tensor) {}
	if p != nil {
		round = s.round(p)
	}
	all := map[*Value][]float32{}
	for _, in := range s.chunks[:s.judged()] {
		err := s.run(in, func(v *Value, t Tensor) {
			round(v, t)
			eachRow(t, func(row []float32) { all[v] = append(all[v], row...) })
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// signalToNoise is the ratio of the power of x to that of its difference from y, in dB.
func signalToNoise(x, y []float32) float64 {
	signal, noise := 0.0, 0.0
	for i, v := range x {
		d := float64(v) - float64(y[i])
		signal += float64(v) * float64(v)
		noise += d * d
	}
	return quant.Decibels(signal, noise)
}
