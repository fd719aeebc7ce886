package model

import (
	"fmt"
	"math"
	"slices"
)

// Morph returns a model whose classes lead from class to class of m: those of the path, and between
// each and the next one so many others, whose rows of each embedding lie on the straight line
// between the two:
//
//	weight'[i] = (1-t)*weight[a] + t*weight[b]
//
// so it has (len(path)-1)*(between+1) + 1 classes. Rows of integers are rounded. It shares m's
// other parameters. The error wraps ErrShape where m has no such classes, and ErrLayer where
// something other than an embedding reads them.
func (m *Model) Morph(path []int, between int) (*Model, error) {
	at := slices.IndexFunc(m.graph.Inputs, func(v *Value) bool { return v.Type.Kind == Class })
	if at < 0 {
		return nil, fmt.Errorf("model: %w: no input of classes to go between", ErrShape)
	}
	classes := m.graph.Inputs[at].Type.Classes
	if len(path) < 2 || between < 0 || between >= math.MaxInt32 || int64(len(path)-1)*int64(between+1)+1 > math.MaxInt32 {
		return nil, fmt.Errorf("model: %w: %d classes with %d between each and the next", ErrShape, len(path), between)
	}
	for _, k := range path {
		if k < 0 || k >= classes {
			return nil, fmt.Errorf("model: %w: class %d of %d", ErrShape, k, classes)
		}
	}
	if err := m.detach(); err != nil { // so that the parameters outlive m's file
		return nil, err
	}
	g := m.graph.clone()
	for _, v := range g.Inputs {
		g.name(v)
	}
	in := g.Inputs[at]
	in.Type.Classes = (len(path)-1)*(between+1) + 1
	for _, n := range g.Nodes {
		g.name(n.Out)
		if !slices.Contains(n.In, in) {
			continue
		}
		if kind := n.Op.Kind(); kind != (Embedding{}).Kind() && kind != (QEmbedding{}).Kind() {
			return nil, n.error(fmt.Errorf("%w: it reads the class, and only embeddings have anything between two of them", ErrLayer))
		}
		n.Params = []*Param{n.Params[0].morph(path, between)}
	}
	w, err := describe(m.Name, g, g.Outputs...)
	if err != nil {
		return nil, err
	}
	w.inherit(m)
	return w, nil
}

// morph returns the rows of an embedding along the path.
func (p *Param) morph(path []int, between int) *Param {
	q, dim := *p, p.Shape[1]
	q.Shape, q.Data, q.Int8 = []int{(len(path)-1)*(between+1) + 1, dim}, nil, nil
	q.allocate()
	for i := range q.Shape[0] {
		leg, step := i/(between+1), i%(between+1)
		a, b := path[leg], path[min(leg+1, len(path)-1)]
		t := float64(step) / float64(between+1)
		for j := range dim { // the conversions keep products from being fused with sums
			if p.array == int8s {
				x, y := float64(p.Int8[a*dim+j]), float64(p.Int8[b*dim+j])
				q.Int8[i*dim+j] = int8(math.RoundToEven(float64((1-t)*x) + float64(t*y)))
			} else {
				x, y := float64(p.Data[a*dim+j]), float64(p.Data[b*dim+j])
				q.Data[i*dim+j] = float32(float64((1-t)*x) + float64(t*y))
			}
		}
	}
	return &q
}
