package graph

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// Pair is a model's graph before and after the rewrites. Its JSON names are a contract.
type Pair struct {
	Before   Graph    `json:"before"`
	After    Graph    `json:"after"`
	Rewrites []string `json:"rewrites"` // those that have changed something
}

// Graph is a graph to be shown.
type Graph struct {
	Inputs  []Value  `json:"inputs"`
	Nodes   []Node   `json:"nodes"`
	Outputs []string `json:"outputs"` // the names of nodes, or of inputs
}

// Value is an input, or what a node makes.
type Value struct {
	Name    string  `json:"name"`
	Shape   []int   `json:"shape"`
	Type    string  `json:"type"`
	Classes int     `json:"classes,omitempty"`
	Scale   float32 `json:"scale,omitempty"` // int8: q stands for scale*(q-zero)
	Zero    int32   `json:"zero,omitempty"`
}

// Node is an operator with what is fused into it.
type Node struct {
	Kind       string          `json:"kind"`
	Attributes json.RawMessage `json:"attributes"`
	Fused      []string        `json:"fused,omitempty"` // the names of nodes
	Inputs     []string        `json:"inputs"`
	Value                      // the name is the node's too
	Memory     []int           `json:"memory,omitempty"` // after rewrites: rows, columns and channels in memory
	Parameters []Parameter     `json:"parameters,omitempty"`
}

// Parameter is an array of weights.
type Parameter struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// Of describes the graph of m, and what a program that draws runs of it.
func Of(m *model.Model) (Pair, error) {
	after, rewrites := m.Rewritten(false)
	p := Pair{Rewrites: rewrites}
	var err error
	if p.Before, err = newGraph(m.Graph(), false); err != nil {
		return p, err
	}
	p.After, err = newGraph(after, true)
	return p, err
}

func newGraph(info model.GraphInfo, rewritten bool) (Graph, error) {
	g := Graph{Outputs: info.Outputs}
	for _, in := range info.Inputs {
		g.Inputs = append(g.Inputs, newValue(in.Name, in.Spec))
	}
	for _, l := range info.Nodes {
		attributes, err := json.Marshal(l.Op)
		if err != nil {
			return g, fmt.Errorf("%s: %w", l.Name, err)
		}
		n := Node{Kind: l.Op.Kind(), Attributes: attributes, Fused: l.Fused, Inputs: l.Inputs, Value: newValue(l.Name, l.Out)}
		if rewritten {
			n.Memory = []int{l.Memory.H, l.Memory.W, l.Memory.C}
		}
		for _, p := range l.Params {
			n.Parameters = append(n.Parameters, Parameter{p.Name, p.Shape})
		}
		g.Nodes = append(g.Nodes, n)
	}
	return g, nil
}

func newValue(name string, s model.Spec) Value {
	v := Value{Name: name, Shape: []int{s.Shape.C}, Type: s.Type.String()}
	if !s.Shape.IsFlat() {
		v.Shape = []int{s.Shape.H, s.Shape.W, s.Shape.C}
	}
	switch s.Type.Kind {
	case model.Class:
		v.Type, v.Classes = "class", s.Type.Classes
	case model.Int8:
		v.Scale, v.Zero = s.Type.Scale, s.Type.Zero
	case model.Float32, model.Pixel:
	}
	return v
}

// title is the node's name and those of the nodes fused into it.
func (n *Node) title() string { return strings.Join(append([]string{n.Name}, n.Fused...), " + ") }

// text is the shape and, unless it is float32, the type of a value.
func (v *Value) text() string {
	switch v.Type {
	case "float32":
		return times(v.Shape)
	case "class":
		return fmt.Sprintf("class of %d", v.Classes)
	case "int8":
		if v.Zero == 0 {
			return fmt.Sprintf("%s int8, %.3g*q", times(v.Shape), v.Scale)
		}
		return fmt.Sprintf("%s int8, %.3g*(q%+d)", times(v.Shape), v.Scale, -v.Zero)
	}
	return times(v.Shape) + " " + v.Type
}

// layout is how the values of N images lie in memory, "" before the rewrites.
func (n *Node) layout() string {
	switch {
	case n.Memory == nil:
		return ""
	case n.Type == "pixel": // image by image
		return fmt.Sprintf("[N][%d][%d][%d]", n.Memory[0], n.Memory[1], n.Memory[2])
	}
	return fmt.Sprintf("[%d][%d][N][%d]", n.Memory[0], n.Memory[1], n.Memory[2])
}

// value is what the node makes and, after the rewrites, how it lies in memory.
func (n *Node) value() string {
	if l := n.layout(); l != "" {
		return n.text() + " as " + l
	}
	return n.text()
}

// parameters lists the parameters by their role: "weight (100,12544)".
func (n *Node) parameters() string {
	var list []string
	for _, p := range n.Parameters {
		name := p.Name[strings.LastIndexByte(p.Name, '.')+1:]
		list = append(list, name+" ("+strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Shape), " ", ","), "[]")+")")
	}
	return strings.Join(list, " ")
}

// times writes 7x7x256.
func times(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}
