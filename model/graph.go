package model

import (
	"errors"
	"fmt"
	"slices"
)

// ErrLayer is wrapped by errors about a node of a graph: its operator, attributes or inputs.
var ErrLayer = errors.New("bad layer")

// Graph is a network of operators: inputs, nodes and outputs. Each node reads only inputs and the
// outputs of earlier nodes. Input, Class and Add build a graph. They keep the first mistake for
// FromGraph to return, so callers need not check each call.
type Graph struct {
	Inputs  []*Value
	Nodes   []*Node
	Outputs []*Value

	names map[string]*Value
	err   error
}

// Value is an input of a graph or the output of a node.
type Value struct {
	Name string // an input's own, else its node's
	Spec
	Node *Node // that makes it; nil of an input

	mem  Shape  // how its features lie in memory: as many, in the same order
	root *Value // of a reshaped view: the value whose memory it is

	whole *Value // what a Concat makes whose channels these are, from channel first on; nil of others
	first int
}

// Node is one operator in a graph.
type Node struct {
	Op     Op
	Name   string // kind and index: conv2d0
	In     []*Value
	Out    *Value
	Params []*Param

	epilogue epilogue
	index    int // in the graph that it was added to, which messages name
}

// epilogue is what a node's kernel applies to what it computes before it writes it: the operators
// that rewrites have fused into the node.
type epilogue struct {
	norm  *Node   // a BatchNorm at inference, nil for none
	slope float32 // of a leaky activation, 1 for none
	table *Param  // of a QTable, nil for none
	fused []*Node // into the node, in the order of the graph
}

// maxNodes bounds a graph: many times what small networks have, and few enough for rewrites that
// look at every node for every node.
const maxNodes = 4096

// Input adds a float32 input. Session.Run reads the first input.
func (g *Graph) Input(name string, s Shape) *Value { return g.input(name, Floats(s)) }

// Class adds an input that is one class index per image, 0 to classes-1.
func (g *Graph) Class(name string, classes int) *Value {
	return g.input(name, Spec{Shape: Flat(1), Type: Type{Kind: Class, Classes: classes}})
}

func (g *Graph) input(name string, s Spec) *Value {
	v := &Value{Name: name, Spec: s, mem: s.Shape}
	if err := s.check(); err != nil && g.err == nil {
		g.err = fmt.Errorf("model: input: %w", err)
	}
	if !g.name(v) && g.err == nil {
		g.err = fmt.Errorf("model: input %q: %w: the name is taken or empty", name, ErrLayer)
	}
	g.Inputs = append(g.Inputs, v)
	return v
}

// Add adds a node that applies o to the values in, and returns the node's output. Without in, the
// node reads the value that was added last.
func (g *Graph) Add(o Op, in ...*Value) *Value { return g.add("", o, in...) }

// add is Add of a node with a name, or none for kind and index.
func (g *Graph) add(name string, o Op, in ...*Value) *Value {
	if o == nil {
		if g.err == nil {
			g.err = fmt.Errorf("model: layer %d: %w: nil", len(g.Nodes), ErrLayer)
		}
		return &Value{}
	}
	if d, ok := o.(defaulter); ok {
		o = d.withDefaults()
	}
	if len(in) == 0 {
		in = g.last()
	}
	if name == "" {
		name = fmt.Sprint(o.Kind(), len(g.Nodes))
	}
	n := &Node{Op: o, Name: name, In: slices.Clone(in), epilogue: epilogue{slope: 1}, index: len(g.Nodes)}
	n.Out = &Value{Name: n.Name, Node: n}
	if g.err == nil {
		err := n.describe(g)
		if err == nil && n.index == maxNodes {
			err = fmt.Errorf("more than %d", maxNodes)
		}
		if err != nil {
			g.fail(o.Kind(), err)
		}
	}
	n.Out.mem = n.Out.Shape
	if !g.name(n.Out) {
		g.fail(o.Kind(), fmt.Errorf("the name %q is taken", n.Name))
	}
	g.Nodes = append(g.Nodes, n)
	return n.Out
}

// Err returns the first mistake made while the graph was built, or nil. FromGraph returns it too.
func (g *Graph) Err() error { return g.err }

func (g *Graph) fail(kind string, err error) {
	if g.err == nil {
		g.err = fmt.Errorf("model: layer %d (%s): %w: %w", len(g.Nodes), kind, ErrLayer, err)
	}
}

// last returns what was added last.
func (g *Graph) last() []*Value {
	switch {
	case len(g.Nodes) > 0:
		return []*Value{g.Nodes[len(g.Nodes)-1].Out}
	case len(g.Inputs) > 0:
		return g.Inputs[:1:1]
	}
	return nil
}

// describe fills in what follows from the operator and its inputs.
func (n *Node) describe(g *Graph) error {
	for i, v := range n.In {
		if v == nil || g.find(v.Name) != v {
			return fmt.Errorf("%w: input %d is no value of this graph", ErrShape, i)
		}
	}
	specs := n.Specs()
	var err error
	if n.Out.Spec, err = n.Op.Infer(specs); err != nil {
		return err
	}
	if err := n.Out.Spec.check(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	for _, p := range n.Op.Params(specs) {
		if !fits(p.Shape...) {
			return fmt.Errorf("%s: %w: %s", p.Name, ErrShape, dims(p.Shape))
		}
		p.Name = n.Name + "." + p.Name
		n.Params = append(n.Params, &p)
	}
	return nil
}

// Specs returns the Specs of the node's inputs.
func (n *Node) Specs() []Spec {
	s := make([]Spec, len(n.In))
	for i, v := range n.In {
		s[i] = v.Spec
	}
	return s
}

// error says what is wrong with a node.
func (n *Node) error(err error) error {
	return fmt.Errorf("model: layer %d (%s): %w", n.index, n.Op.Kind(), err)
}

// name enters v under its name, which must be new.
func (g *Graph) name(v *Value) bool {
	if v.Name == "" || g.names[v.Name] != nil {
		return false
	}
	if g.names == nil {
		g.names = map[string]*Value{}
	}
	g.names[v.Name] = v
	return true
}

// find returns the value of a name, nil for none.
func (g *Graph) find(name string) *Value { return g.names[name] }

// check returns an error unless the graph can be a model's.
func (g *Graph) check() error {
	switch {
	case g.err != nil:
		return g.err
	case len(g.Inputs) == 0:
		return fmt.Errorf("model: %w: no inputs", ErrShape)
	case len(g.Nodes) == 0:
		return fmt.Errorf("model: %w: there are none", ErrLayer)
	case len(g.Outputs) == 0:
		return fmt.Errorf("model: %w: no outputs", ErrShape)
	}
	for _, v := range g.Outputs {
		if v == nil || g.find(v.Name) != v {
			return fmt.Errorf("model: %w: an output is no value of the graph", ErrShape)
		}
	}
	return nil
}

// chain tells whether the graph is a chain from one float32 input to one output.
func (g *Graph) chain() bool {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 || g.Inputs[0].Type.Kind != Float32 {
		return false
	}
	at := g.Inputs[0]
	for _, n := range g.Nodes {
		if len(n.In) != 1 || n.In[0] != at {
			return false
		}
		at = n.Out
	}
	return g.Outputs[0] == at
}

// renamed tells whether a node has another name than the one that Add gives, which a chain's file
// cannot hold.
func (g *Graph) renamed() bool {
	return slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Name != fmt.Sprint(n.Op.Kind(), n.index) })
}

// consumers returns the nodes that read v or a view of it, once for each time they do.
func (g *Graph) consumers(v *Value) []*Node {
	var list []*Node
	for _, n := range g.Nodes {
		for _, in := range n.In {
			if in.storage() == v.storage() {
				list = append(list, n)
			}
		}
	}
	return list
}

// consumer returns the only node that reads v, nil if there are more or v is an output.
func (g *Graph) consumer(v *Value) *Node {
	for _, o := range g.Outputs {
		if o.storage() == v.storage() {
			return nil
		}
	}
	if list := g.consumers(v); len(list) == 1 {
		return list[0]
	}
	return nil
}

// storage returns the value whose memory v is.
func (v *Value) storage() *Value {
	for v.root != nil {
		v = v.root
	}
	return v
}

// clone returns a graph that rewrites may change; operators and parameters are shared.
func (g *Graph) clone() *Graph {
	c := &Graph{}
	copies := map[*Value]*Value{}
	value := func(v *Value) *Value {
		w := *v
		copies[v] = &w
		return &w
	}
	for _, v := range g.Inputs {
		c.Inputs = append(c.Inputs, value(v))
	}
	for _, n := range g.Nodes {
		m := *n
		m.In = make([]*Value, len(n.In))
		for i, v := range n.In {
			m.In[i] = copies[v]
		}
		m.Out = value(n.Out)
		m.Out.Node = &m
		c.Nodes = append(c.Nodes, &m)
	}
	for _, v := range g.Outputs {
		c.Outputs = append(c.Outputs, copies[v])
	}
	return c
}

// macs returns a node's multiply-adds of one image.
func (n *Node) macs() (exact, nominal int64) {
	switch o := n.Op.(type) {
	case linear:
		if g, err := o.geometry(n.In[0].Shape, n.Out.Shape); err == nil { // Infer has accepted it
			return g.MACs()
		}
	case QLinear:
		return o.Geometry.MACs()
	}
	return 0, 0
}
