package model

import (
	"fmt"
	"strings"
)

// GraphInfo describes a graph.
type GraphInfo struct {
	Inputs  []Port
	Nodes   []LayerInfo
	Outputs []string // the names of what is read last: a node's, or an input's
}

// LayerInfo describes a node of a graph.
type LayerInfo struct {
	Name    string // kind and index: conv2d0
	Op      Op
	Inputs  []string // what it reads: the names of nodes or of inputs
	In      []Spec
	Out     Spec
	Params  []*Param // without values
	MACs    int64    // multiply-adds of one image that touch a pixel
	Nominal int64    // multiply-adds of one image as usually quoted, padding included

	// What rewrites have settled. Of a graph as it is, Fused is empty and Memory is Out.Shape.
	Fused  []string // the names of the nodes that it performs besides
	Memory Shape    // how an image's features lie in memory: H*W positions of C values
}

// Parameters is the number of the node's parameters.
func (l LayerInfo) Parameters() int { return count(l.Params) }

// Layers describes the nodes of the graph. Its parameters have no values; Params has them.
func (m *Model) Layers() []LayerInfo { return m.Graph().Nodes }

// Graph describes the graph before any rewrite.
func (m *Model) Graph() GraphInfo { return m.graph.info() }

// Rewritten describes the graph that a Session runs or, for training, a Pass, and lists the
// rewrites that have changed something, in the order in which they were applied.
func (m *Model) Rewritten(training bool) (g GraphInfo, changed []string) {
	c := m.graph.clone()
	was := c.fingerprint()
	c.rewrite(mode{training: training}, func(name string) {
		if is := c.fingerprint(); is != was {
			was, changed = is, append(changed, name)
		}
	})
	return c.info(), changed
}

// fingerprint is a text that differs if two states of a graph do.
func (g *Graph) fingerprint() string {
	var b strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprint(&b, n.title(), n.Op, n.Out.mem)
		for i, v := range n.In {
			fmt.Fprintf(&b, " %q %v", v.storage().Name, n.joins(i))
		}
		b.WriteByte('\n')
	}
	for _, v := range g.Outputs {
		fmt.Fprintf(&b, "%q\n", v.storage().Name)
	}
	return b.String()
}

func (g *Graph) info() GraphInfo {
	info := GraphInfo{Inputs: ports(g.Inputs), Nodes: make([]LayerInfo, len(g.Nodes))}
	for i, n := range g.Nodes {
		l := LayerInfo{Name: n.Name, Op: n.Op, In: n.Specs(), Out: n.Out.Spec, Memory: n.Out.mem}
		for _, p := range n.Params {
			l.Params = append(l.Params, &Param{Name: p.Name, Shape: p.Shape, Trainable: p.Trainable, Init: p.Init, constant: p.constant})
		}
		for _, v := range n.In {
			l.Inputs = append(l.Inputs, v.maker())
		}
		for _, f := range n.epilogue.fused {
			l.Fused = append(l.Fused, f.Name)
		}
		l.MACs, l.Nominal = n.macs()
		info.Nodes[i] = l
	}
	for _, v := range g.Outputs {
		info.Outputs = append(info.Outputs, v.maker())
	}
	return info
}

// maker is the name of the node or the input whose memory v is.
func (v *Value) maker() string {
	if v = v.storage(); v.Node != nil {
		return v.Node.Name
	}
	return v.Name
}
