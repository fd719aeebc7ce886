package model

import "fmt"

// WithOutputs returns a model with other outputs: the values of m's graph with the given names, of
// nodes or inputs as Graph lists them, in that order. The models share their parameters. The error
// wraps ErrShape and names a value that does not exist.
func (m *Model) WithOutputs(names ...string) (*Model, error) {
	if err := m.detach(); err != nil { // so that the parameters outlive m's file
		return nil, err
	}
	g := m.graph.clone()
	for _, v := range g.Inputs {
		g.name(v)
	}
	for _, n := range g.Nodes {
		g.name(n.Out)
	}
	g.Outputs = nil
	if len(names) == 0 {
		return nil, fmt.Errorf("model: %w: no outputs", ErrShape)
	}
	for _, name := range names {
		v := g.find(name)
		if v == nil {
			return nil, fmt.Errorf("model: %w: no value %q for an output", ErrShape, name)
		}
		g.Outputs = append(g.Outputs, v)
	}
	dropUnused(g, mode{})
	w, err := describe(m.Name, g, g.Outputs...)
	if err != nil {
		return nil, err
	}
	w.inherit(m)
	return w, nil
}
