package model

import (
	"encoding/json"
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/quant"
)

// int8Chain is the description of an int8 model that is a chain of linear operators from latents to
// the pixels of a tanh, as files have it in their metadata.
type int8Chain struct {
	Format     int          `json:"format"`
	Name       string       `json:"name"`
	Step       int32        `json:"latent_step"` // of latents, in units of 2^-21
	Ops        []int8Linear `json:"ops"`
	Provenance Provenance   `json:"provenance"`
}

// int8Linear is an operator of such a chain without its tensors.
type int8Linear struct {
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	Geometry conv.Geometry `json:"geometry"`
	In       [3]int        `json:"in"` // H, W, C
	Out      [3]int        `json:"out"`
	Slope    float32       `json:"slope"`
	Input    quant.Params  `json:"input"`
	Output   quant.Params  `json:"output"`
}

func dimensions(s Shape) [3]int { return [3]int{s.H, s.W, s.C} }

// describeInt8Chain returns the description of a model that is such a chain, nil for others.
func (m *Model) describeInt8Chain() *int8Chain {
	nodes := m.graph.Nodes
	latents, ok := nodes[0].Op.(QLatents)
	if !ok || !m.graph.chain() || len(nodes) < 2 {
		return nil
	}
	d := &int8Chain{Format: chainFormat, Name: m.Name, Step: latents.Step, Provenance: m.Provenance}
	for i, n := range nodes[1:] {
		o, ok := n.Op.(QLinear)
		if !ok || o.Tanh != (i+2 == len(nodes)) {
			return nil
		}
		g := o.Geometry
		d.Ops = append(d.Ops, int8Linear{
			Name: n.Name, Kind: o.From, Geometry: g, In: [3]int{g.InH, g.InW, g.InC}, Out: dimensions(n.Out.Shape),
			Slope: o.Slope, Input: n.In[0].Type.Params, Output: o.Output,
		})
	}
	return d
}

// parseInt8 reads the description of an int8 model: a chain's, or a graph's as in floats.
func parseInt8(text []byte) (d description, g *Graph, outputs []*Value, err error) {
	var c int8Chain
	if err := json.Unmarshal(text, &c); err != nil {
		return d, nil, nil, fmt.Errorf("model: %w: %v", ErrFormat, err)
	}
	if c.Format == graphFormat {
		return parse(text)
	}
	if err := strict(text, &c); err != nil {
		return d, nil, nil, fmt.Errorf("model: %w: %v", ErrFormat, err)
	}
	if c.Format != chainFormat || len(c.Ops) == 0 {
		return d, nil, nil, fmt.Errorf("model: %w: int8 format %d of %d operators, want format %d or %d", ErrFormat, c.Format, len(c.Ops), chainFormat, graphFormat)
	}
	d.Name, d.Provenance = c.Name, c.Provenance
	in := c.Ops[0].In
	g = &Graph{}
	g.Input("x", Shape{in[0], in[1], in[2]})
	at := g.Add(QLatents{Step: c.Step})
	for i, o := range c.Ops {
		x := at
		at = g.add(o.Name, QLinear{From: o.Kind, Geometry: o.Geometry, Slope: o.Slope, Output: o.Output, Tanh: i == len(c.Ops)-1}, x)
		if g.err == nil {
			err = o.check(x, at, i == 0)
		}
		if err != nil {
			return d, nil, nil, fmt.Errorf("model: operator %d (%s): %w: %w", i, o.Name, ErrLayer, err)
		}
	}
	return d, g, nil, g.err
}

// check returns an error unless what the description repeats is what the graph has.
func (o *int8Linear) check(in, out *Value, first bool) error {
	switch g := o.Geometry; {
	case o.In != [3]int{g.InH, g.InW, g.InC}:
		return fmt.Errorf("input %v, its geometry has %dx%dx%d", o.In, g.InH, g.InW, g.InC)
	case o.Out != dimensions(out.Shape):
		return fmt.Errorf("output %v, its geometry gives %v", o.Out, out.Shape)
	case o.Input.Zero != in.Type.Zero || !first && o.Input != in.Type.Params:
		return fmt.Errorf("input in steps of %+v after an output in %+v", o.Input, in.Type.Params)
	}
	return nil
}
