package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/graphfile"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// roles are the names that PyTorch gives to what package model calls otherwise.
var roles = map[string]string{
	"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var", "slope": "weight",
}

// counter is the tensor of a BatchNorm that counts batches, which nothing needs.
const counter = "num_batches_tracked"

// assignment gives a model's parameters their values.
type assignment struct {
	tensors map[string]*tensor
	order   []string // names in the file's order
	used    map[string]bool
	chw     map[string]model.Shape // flat values whose features PyTorch has as (C, H, W) of such an image
	pixels  map[string]float64     // the parameters of the layer that gives pixels their range
	items   []string               // what is wrong
	found   []Assigned
}

// Assigned is one tensor's way into a model.
type Assigned struct {
	Parameter string // "conv2d3.weight"
	Tensor    string // "main.3.weight"
	Shape     []int  // of the tensor
}

// assign fills the model of a graph, which has no weights yet, with tensors.
func assign(f *graphfile.File, m *model.Model, tensors []*tensor, values map[string]float64) (*model.Model, []Assigned, error) {
	a := &assignment{tensors: map[string]*tensor{}, used: map[string]bool{}, chw: map[string]model.Shape{}, pixels: values}
	for _, t := range tensors {
		a.tensors[t.name] = t
		a.order = append(a.order, t.name)
	}
	layers := m.Layers()
	a.orders(layers)
	params := m.Params()
	prefixes := a.prefixes(f, layers)
	for i, l := range layers {
		for range l.Params {
			p := params[0]
			params = params[1:]
			a.fill(l, p, prefixes[i])
		}
	}
	for _, name := range a.order {
		if !a.used[name] && !strings.HasSuffix(name, counter) {
			a.items = append(a.items, fmt.Sprintf("tensor %q of %v: no layer has it", name, a.tensors[name].shape))
		}
	}
	if len(a.items) > 0 {
		return nil, a.found, &ir.UnsupportedError{Items: a.items}
	}
	return m, a.found, nil
}

// prefixes returns what the names of each layer's tensors begin with: what the graph says or, if it
// says so nowhere, one module of the file after the other.
func (a *assignment) prefixes(f *graphfile.File, layers []model.LayerInfo) []string {
	out := make([]string, len(layers))
	said := slices.ContainsFunc(f.Layers, func(l graphfile.Layer) bool { return l.Weights != "" })
	list := modulesOf(a.order)
	for i, l := range layers {
		if l.Name == pixels {
			continue
		}
		switch {
		case said && i < len(f.Layers): // what stands behind these has none
			out[i] = f.Layers[i].Weights
		case !said && len(l.Params) > 0 && len(list) > 0:
			out[i], list = list[0], list[1:]
		}
		if len(l.Params) > 0 && out[i] == "" {
			a.items = append(a.items, fmt.Sprintf("layer %s: no weights are left for it", l.Name))
		}
	}
	return out
}

// modulesOf lists what stands before the last dot of names, each once.
func modulesOf(names []string) (list []string) {
	for _, n := range names {
		i := strings.LastIndex(n, ".")
		if i < 0 || len(list) > 0 && list[len(list)-1] == n[:i] || slices.Contains(list, n[:i]) {
			continue
		}
		list = append(list, n[:i])
	}
	return list
}

// orders finds the flat values that are images before or after: PyTorch has their features in
// another order.
func (a *assignment) orders(layers []model.LayerInfo) {
	makes := map[string]model.LayerInfo{}
	for _, l := range layers {
		makes[l.Name] = l
		if l.Op.Kind() != "reshape" || !l.In[0].Shape.IsFlat() || !turns(l.Out.Shape) {
			continue
		}
		for name := l.Inputs[0]; ; { // back to the layer that makes the features
			a.chw[name] = l.Out.Shape
			from, ok := makes[name]
			if !ok || !featurewise(from) {
				break
			}
			name = from.Inputs[0]
		}
	}
	for _, l := range layers {
		kind := l.Op.Kind()
		switch s := a.chw[l.Inputs[0]]; {
		case (kind == "reshape" || kind == "flatten") && l.Out.Shape.IsFlat() && turns(l.In[0].Shape):
			a.chw[l.Name] = l.In[0].Shape
		case s != model.Shape{} && featurewise(l):
			a.chw[l.Name] = s
		}
	}
}

// turns tells whether (H, W, C) and (C, H, W) differ.
func turns(s model.Shape) bool { return s.H*s.W > 1 && s.C > 1 }

// featurewise tells whether a layer treats the features of a flat value one by one.
func featurewise(l model.LayerInfo) bool {
	return len(l.In) == 1 && l.In[0].Shape == l.Out.Shape && l.In[0].Type.Kind == model.Float32 && l.Op.Kind() != "dense" && l.Op.Kind() != "softmax"
}

// feature maps a feature of a value to PyTorch's number of it.
func (a *assignment) feature(name string) func(i int) int {
	s, ok := a.chw[name]
	if !ok {
		return func(i int) int { return i }
	}
	return func(i int) int { return i%s.C*s.H*s.W + i/s.C }
}

// fill gives one parameter its values.
func (a *assignment) fill(l model.LayerInfo, p *model.Param, prefix string) {
	role := p.Name[strings.LastIndex(p.Name, ".")+1:]
	if l.Name == pixels {
		for i := range p.Data {
			p.Data[i] = float32(a.pixels[role])
		}
		return
	}
	if prefix == "" {
		return
	}
	name := prefix + "." + roles[role]
	t := a.tensors[name]
	norm := role == "gamma" || role == "beta"
	if t == nil {
		if norm && a.tensors[prefix+".weight"] == nil && a.tensors[prefix+".bias"] == nil && a.tensors[prefix+".running_mean"] != nil {
			return // a normalization without weights of its own
		}
		a.items = append(a.items, fmt.Sprintf("layer %s: no tensor %q", l.Name, name))
		return
	}
	a.used[name] = true
	want, at := a.layout(l, p, role)
	if n := slices.Equal(t.shape, want); !n && !(role == "slope" && t.n == 1) {
		a.items = append(a.items, fmt.Sprintf("layer %s: tensor %q of %v, want %v", l.Name, name, t.shape, want))
		return
	}
	if role == "slope" && t.n == 1 {
		at = func(int) int { return 0 }
	}
	for i := range p.Data {
		p.Data[i] = float32(t.at(at(i)))
	}
	a.found = append(a.found, Assigned{p.Name, name, t.shape})
}

// layout returns the shape that PyTorch has for a parameter, and where in it element i is.
func (a *assignment) layout(l model.LayerInfo, p *model.Param, role string) (shape []int, at func(i int) int) {
	in, out := func(i int) int { return i }, a.feature(l.Name)
	if len(l.Inputs) > 0 {
		in = a.feature(l.Inputs[0])
	}
	switch o := l.Op.(type) {
	case model.Dense:
		if role == "bias" {
			return p.Shape, out
		}
		n := p.Shape[0]
		return []int{o.Units, n}, func(i int) int { return out(i%o.Units)*n + in(i/o.Units) }
	case model.Embedding:
		return p.Shape, func(i int) int { return i/o.Dim*o.Dim + out(i%o.Dim) }
	case model.Conv2D:
		if role == "bias" {
			return p.Shape, in0
		}
		kh, kw, ci, co := p.Shape[0], p.Shape[1], p.Shape[2], p.Shape[3]
		return []int{co, ci, kh, kw}, func(i int) int { return (i%co*ci+i/co%ci)*kh*kw + i/(ci*co) }
	case model.ConvTranspose2D:
		if role == "bias" {
			return p.Shape, in0
		}
		kh, kw, per, co := p.Shape[0], p.Shape[1], p.Shape[2], p.Shape[3]
		each := co / o.Groups
		return []int{per * o.Groups, each, kh, kw}, func(i int) int {
			c := i % co
			return ((c/each*per+i/co%per)*each+c%each)*kh*kw + i/(per*co)
		}
	}
	return p.Shape, in
}

func in0(i int) int { return i }
