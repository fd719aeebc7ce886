package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file puts nodes in place of one: the branch of an If, the body of a function.

// branch converts the branch of an If that its condition, a constant, chooses.
func (im *importer) branch(s *step) error {
	c, err := s.constant(0)
	if err != nil {
		return err
	}
	if c.n != 1 {
		return ir.Refuse("a condition of %v", c.dims)
	}
	names := []string{"else_branch", "then_branch"}
	s.ignore(names...)
	a := s.attribute(names[truth(c.float(0) != 0)])
	if a == nil || a.Graph == nil || len(a.Graph.Inputs) > 0 || len(a.Graph.Outputs) != len(s.Out) {
		return ir.Damaged("%s lacks a branch", s.Title())
	}
	if err := im.addInitializers(a.Graph.Initializers); err != nil {
		return err
	}
	if err := im.convertAll(a.Graph.Nodes); err != nil {
		return err
	}
	for i, o := range a.Graph.Outputs {
		if err := im.alias(s.Out[i], o.Name); err != nil {
			return err
		}
	}
	return nil
}

// alias gives what the name from has another name.
func (im *importer) alias(name, from string) error {
	if name == from {
		return nil
	}
	o, ok := im.values[from]
	why, lost := im.missing[from]
	switch {
	case ok:
		im.values[name] = o
	case lost:
		im.missing[name] = why
	default:
		return ir.Damaged("nothing makes %q", from)
	}
	if im.guessed[from] {
		im.guessed[name] = true
	}
	return nil
}

// functionKey names an operator of the file's own.
type functionKey struct{ domain, name, overload string }

// addFunctions notes the operators of the file's own.
func (im *importer) addFunctions() {
	im.functions = map[functionKey]*ir.Function{}
	for i := range im.file.Functions {
		f := &im.file.Functions[i]
		im.functions[functionKey{f.Domain, f.Name, f.Overload}] = f
	}
}

// function returns the operator of the file's own that a node is, nil for none.
func (im *importer) function(n *ir.Node) *ir.Function {
	return im.functions[functionKey{n.Domain, n.Op, n.Overload}]
}

// mostCalls bounds how many functions may call one another.
const mostCalls = 16

// call converts the body of a function, whose names are made different from all others.
func (im *importer) call(s *step, f *ir.Function) error {
	if im.calls++; im.calls > mostCalls {
		return ir.Damaged("more than %d functions that call one another", mostCalls)
	}
	defer func() { im.calls-- }()
	if len(s.Out) == 0 || len(s.Node.In) > len(f.In) || len(s.Out) > len(f.Out) {
		return ir.Damaged("%s has %d inputs and %d outputs, its function %d and %d", s.Title(), len(s.Node.In), len(s.Out), len(f.In), len(f.Out))
	}
	b, err := im.body(s.Node, f)
	if err != nil {
		return err
	}
	for i, name := range f.In {
		if b.names[name] = ""; i < len(s.Node.In) {
			b.names[name] = s.Node.In[i]
		}
	}
	nodes, err := b.nodes(f.Nodes)
	if err != nil {
		return err
	}
	if f.Opset != 0 {
		defer func(v int) { im.file.Opset = v }(im.file.Opset)
		im.file.Opset = f.Opset
	}
	if err := im.convertAll(nodes); err != nil {
		return err
	}
	for i, name := range s.Out {
		if name == "" {
			continue
		}
		if err := im.alias(name, b.name(f.Out[i])); err != nil {
			return err
		}
	}
	return nil
}

// body is a function's, as one call has it.
type body struct {
	im     *importer
	prefix string            // of names that the call has by itself
	names  map[string]string // of the function: those of the caller
	given  map[string]ir.Attribute
}

// body returns what a call says of a function's names and attributes.
func (im *importer) body(n *ir.Node, f *ir.Function) (*body, error) {
	b := &body{im: im, names: map[string]string{"": ""}, given: map[string]ir.Attribute{}}
	for _, name := range n.Out { // which no other node makes
		if b.prefix = name + "/"; name != "" {
			break
		}
	}
	attributes := int64(len(f.Attributes) + len(n.Attributes))
	if err := im.meter.Take(2*ir.AttributeBytes*attributes + 64*int64(len(f.In)+1)); err != nil {
		return nil, err
	}
	for _, a := range f.Attributes {
		b.given[a.Name] = a
	}
	for _, a := range n.Attributes {
		b.given[a.Name] = a
	}
	return b, nil
}

func (b *body) name(s string) string {
	if to, ok := b.names[s]; ok {
		return to
	}
	return b.prefix + s
}

func (b *body) list(names []string) ([]string, error) {
	out, bytes := make([]string, len(names)), 0
	for i, s := range names {
		out[i] = b.name(s)
		bytes += ir.WordBytes + len(out[i])
	}
	return out, b.im.meter.Take(int64(bytes))
}

// nodes returns the body's nodes with the caller's names and attributes.
func (b *body) nodes(list []ir.Node) ([]ir.Node, error) {
	if err := b.im.meter.Take(ir.NodeBytes * int64(len(list))); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	for i := range out {
		n := &out[i]
		var err error
		if n.In, err = b.list(n.In); err != nil {
			return nil, err
		}
		if n.Out, err = b.list(n.Out); err != nil {
			return nil, err
		}
		if n.Name = b.prefix + n.Name; n.Name == b.prefix && len(n.Out) > 0 {
			n.Name = n.Out[0]
		}
		if n.Attributes, err = b.attributes(n.Attributes); err != nil {
			return nil, err
		}
		if err := b.im.meter.Take(int64(len(n.Name))); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// attributes returns a node's attributes with those of the call in place of references to them.
func (b *body) attributes(list []ir.Attribute) ([]ir.Attribute, error) {
	if err := b.im.meter.Take(ir.AttributeBytes * int64(len(list))); err != nil {
		return nil, err
	}
	var out []ir.Attribute
	for _, a := range list {
		if a.Ref != "" {
			to, ok := b.given[a.Ref]
			if !ok {
				continue // unset, as the caller has left it
			}
			to.Name = a.Name
			a = to
		}
		if a.Graph != nil {
			g, err := b.graph(a.Graph)
			if err != nil {
				return nil, err
			}
			a.Graph = g
		}
		out = append(out, a)
	}
	return out, nil
}

// graph returns a branch with the caller's names.
func (b *body) graph(g *ir.Graph) (*ir.Graph, error) {
	to := *g
	var err error
	if to.Nodes, err = b.nodes(g.Nodes); err != nil {
		return nil, err
	}
	if err := b.im.meter.Take(ir.TensorBytes*int64(len(g.Initializers)) + ir.InfoBytes*int64(len(g.Outputs))); err != nil {
		return nil, err
	}
	to.Initializers = make([]*ir.Tensor, len(g.Initializers))
	for i, t := range g.Initializers {
		renamed := *t
		renamed.Name = b.name(t.Name)
		to.Initializers[i] = &renamed
	}
	to.Outputs = slices.Clone(g.Outputs)
	for i, o := range to.Outputs {
		to.Outputs[i].Name = b.name(o.Name)
	}
	return &to, nil
}
