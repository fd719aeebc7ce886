package importer

import (
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// node is an operator of package model at its place in the graph to be, or an input.
type node struct {
	op     model.Op // nil of an input
	in     []*node
	spec   model.Spec
	params []param
	name   string    // of an input
	orders []ordered // what permuting it has given
	zeros  bool      // puts zeros between the elements of its input, see importer.stuff
	stamp  int       // of the last walk that has met it
	reads  int       // how many nodes read it, while the graph is rewritten
	next   *node     // what the rewrite at hand has made of it
}

// param gives element i of a parameter, in the order of package model. Its values are computed when
// the model is made, so that rewrites before that cost no memory.
type param func(i int) float64

// add makes a node.
func (im *importer) add(o model.Op, params []param, in ...*node) (*node, error) {
	specs := make([]model.Spec, len(in))
	for i, n := range in {
		specs[i] = n.spec
	}
	spec, err := o.Infer(specs)
	if err != nil {
		return nil, ir.Refuse("%v", err)
	}
	if n := spec.Shape.Len(); n < 1 || n > ir.MaxElements {
		return nil, ir.Refuse("%v of an image", spec.Shape)
	}
	if err := im.meter.Take(ir.OperatorBytes); err != nil {
		return nil, err
	}
	return &node{op: o, in: in, spec: spec, params: params}, nil
}

func (n *node) shape() model.Shape { return n.spec.Shape }

// reshape gives a node's features another shape.
func (im *importer) reshape(n *node, s model.Shape) (*node, error) {
	if n.shape() == s {
		return n, nil
	}
	if _, ok := n.op.(model.Reshape); ok {
		return im.reshape(n.in[0], s)
	}
	return im.add(model.Reshape(s), nil, n)
}

// affine makes y = a*x + b, with a value for each channel of n; nil for 1 and for 0. It is a
// BatchNorm whose statistics divide by 1: a form that package model folds into weights.
func (im *importer) affine(n *node, a, b param) (*node, error) {
	if a == nil {
		a = value1
	}
	if b == nil {
		b = value0
	}
	return im.add(model.BatchNorm{Epsilon: unit, Momentum: 0.99}, []param{a, b, value0, valueHalf}, n)
}

// unit is the epsilon, and the variance, of a BatchNorm that is an affine: their sum is 1.
const unit = 0.5

func value0(int) float64    { return 0 }
func value1(int) float64    { return 1 }
func valueHalf(int) float64 { return unit }

// fixed returns a param of one number.
func fixed(v float64) param { return func(int) float64 { return v } }

// build makes package model's graph of all that outputs need.
func (im *importer) build(name string, inputs, outputs []*node) (*model.Model, error) {
	g := &model.Graph{}
	values := map[*node]*model.Value{}
	for _, n := range inputs {
		if n.spec.Type.Kind == model.Class {
			values[n] = g.Class(n.name, n.spec.Type.Classes)
		} else {
			values[n] = g.Input(n.name, n.shape())
		}
	}
	for _, n := range im.sorted(outputs) {
		if values[n] != nil {
			continue
		}
		var in []*model.Value
		for _, v := range n.in {
			in = append(in, values[v])
		}
		v := g.Add(n.op, in...)
		if v.Node == nil || len(v.Node.Params) != len(n.params) {
			break // an error, which Assemble returns
		}
		for i, p := range v.Node.Params {
			if err := im.meter.Take(4 * int64(p.Len())); err != nil {
				return nil, err
			}
			p.Data = make([]float32, p.Len())
			for k := range p.Data {
				p.Data[k] = float32(n.params[i](k))
			}
		}
		values[n] = v
	}
	var out []*model.Value
	for _, n := range outputs {
		out = append(out, values[n])
	}
	m, err := model.Assemble(name, g, out...)
	if err != nil {
		return nil, &ir.UnsupportedError{Items: []string{err.Error()}}
	}
	return m, nil
}

// sorted returns the nodes that outputs need, each after what it reads.
func (im *importer) sorted(outputs []*node) (list []*node) {
	im.stamp++
	type place struct {
		n    *node
		next int
	}
	var stack []place
	for _, o := range outputs {
		stack = append(stack[:0], place{o, 0})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			switch {
			case top.n.stamp == im.stamp:
				stack = stack[:len(stack)-1]
			case top.next < len(top.n.in):
				top.next++
				if v := top.n.in[top.next-1]; v.stamp != im.stamp {
					stack = append(stack, place{v, 0})
				}
			default:
				top.n.stamp = im.stamp
				list = append(list, top.n)
				stack = stack[:len(stack)-1]
			}
		}
	}
	return list
}
