package model

import (
	"context"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// Simulate returns the model in floats that computes what Quantize's would in bytes, but for the
// weights: BatchNorm is folded into them, they are not rounded, and a FakeQuantize rounds each
// value that a byte will hold. It is for fine-tuning, see train.FineTune. Quantize of it keeps its
// steps.
//
// A BatchNorm that no weights precede stays, with the moving statistics that it has.
func (m *Model) Simulate(ctx context.Context, o quant.Options) (*Model, *quant.Report, error) {
	s, c, report, err := m.calibrate(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.floats(m, c)
	if err != nil {
		return nil, nil, quantizeError(err)
	}
	return f, report, nil
}

// Folded returns the model as it is at inference, for a Pass that is not to train it or is to train
// it with the moving statistics: each BatchNorm that follows weights is folded into them.
func (m *Model) Folded() (*Model, error) {
	if err := m.detach(); err != nil {
		return nil, err
	}
	s := &simulation{graph: m.graph.rewritten(mode{int8: true})}
	return s.floats(m, &quant.Calibration{})
}

// roundedGraph is a graph in the making that rounds its values.
type roundedGraph struct {
	sim    *simulation
	params []quant.Params // of the values that have a range
	graph  *Graph
	values map[*Value]*Value // of the simulation's graph
}

// floats makes the model of a calibration in floats.
func (s *simulation) floats(m *Model, c *quant.Calibration) (*Model, error) {
	r := &roundedGraph{sim: s, params: c.Params, graph: &Graph{}, values: map[*Value]*Value{}}
	for _, v := range s.graph.Inputs {
		if v.Type.Kind == Class {
			r.values[v] = r.graph.Class(v.Name, v.Type.Classes)
		} else {
			r.values[v] = r.round(v, r.graph.Input(v.Name, v.Shape))
		}
	}
	for _, n := range s.graph.Nodes {
		v := r.round(n.Out, r.node(n))
		if s := n.Out.Shape; v.Shape != s { // of a dense operator that a reshaped normalization is folded into
			v = r.graph.add(n.Out.Name+" (shape)", Reshape(s), v)
		}
		r.values[n.Out] = v
	}
	var outputs []*Value
	for _, v := range s.graph.Outputs {
		outputs = append(outputs, r.of(v))
	}
	f, err := Assemble(m.Name, r.graph, outputs...)
	if err != nil {
		return nil, err
	}
	f.inherit(m)
	f.ClassNames = m.ClassNames
	return f, nil
}

// of returns what stands for a value of the simulation's graph, which may be a view of another.
func (r *roundedGraph) of(v *Value) *Value {
	w := r.values[v.storage()]
	if w.Shape == v.Shape {
		return w
	}
	if r.values[v] == nil {
		r.values[v] = r.graph.add(v.Name, Reshape(v.Shape), w)
	}
	return r.values[v]
}

// round adds a FakeQuantize behind w, which stands for v, if v has a range.
func (r *roundedGraph) round(v, w *Value) *Value {
	i, ok := r.sim.ranged[v]
	if !ok {
		return w
	}
	return r.graph.add(w.Name+" (steps)", FakeQuantize{Steps: r.params[i]}, w)
}

// node adds what a node computes, with the activation that is fused into it.
func (r *roundedGraph) node(n *Node) *Value {
	in := make([]*Value, len(n.In))
	for i, v := range n.In {
		in[i] = r.of(v)
	}
	var v *Value
	switch o := n.Op.(type) {
	case copyOp:
		return in[0]
	case linear:
		f := foldNode(n)
		v = r.add(n.Name, o.biased(), in, f.weight, f.bias)
	default:
		var values [][]float32
		for _, p := range n.Params {
			values = append(values, p.Data)
		}
		v = r.add(n.Name, o, in, values...)
	}
	if n.epilogue.slope != 1 {
		v = r.graph.add(n.Out.Name, LeakyReLU{Slope: n.epilogue.slope}, v)
	}
	return v
}

// add adds a node with copies of its parameters' values.
func (r *roundedGraph) add(name string, o Op, in []*Value, values ...[]float32) *Value {
	v := r.graph.add(name, o, in...)
	if r.graph.err == nil {
		for i, p := range v.Node.Params {
			p.Data = slices.Clone(values[i])
		}
	}
	return v
}

// RoundWeights sets the parameters of to, a copy of m, which Simulate has made, to those of m with
// the weights and biases of linear operators rounded to what bytes stand for, as Quantize rounds
// them:
//
//	w[k][c] = Scale[c] * q, q = round(W[k][c]/Scale[c]), Scale[c] = max over k of |W[k][c]| / 127
//
// or, with other bits than 8, as quant.QuantizeWeights says. bits is what Quantize will be told. The
// error names the layer and wraps quant.ErrRange: a weight is not finite.
func (m *Model) RoundWeights(to *Model, bits int) error {
	for i, n := range m.graph.Nodes {
		rounded := to.graph.Nodes[i].Params
		for k, p := range n.Params {
			copy(rounded[k].Data, p.Data)
		}
		if _, ok := n.Op.(linear); !ok {
			continue
		}
		in, ok := stepsOf(n.In[0]).steps()
		if !ok {
			continue
		}
		f, err := foldNode(n).rounded(in, bits)
		if err != nil {
			return n.error(err)
		}
		copy(rounded[0].Data, f.weight)
		copy(rounded[1].Data, f.bias)
	}
	to.Changed()
	return nil
}

// steps returns those that a FakeQuantize rounds a value to, false without one.
func (v *Value) steps() (quant.Params, bool) {
	if v.Node == nil {
		return quant.Params{}, false
	}
	o, ok := v.Node.Op.(FakeQuantize)
	return o.Steps, ok
}
