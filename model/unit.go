package model

import "github.com/gantiny/gantiny/conv"

// unit is a run of layers that one operator performs, with the shapes that the
// features have in memory. The shape of a vector in memory may be any that has
// its features in the same order.
type unit struct {
	first, last int // layers
	moves       bool
	norm        int     // the BatchNorm folded into a linear layer, 0 for none
	slope       float32 // of the leaky activation at the end, 1 for none
	from, to    Shape
}

// mode says what units are for.
type mode struct {
	training bool
	plain    bool // for tests: one unit a layer, nothing fused or folded
	whole    bool // for tests: Backward takes all images at once
}

// units groups the layers. Layers that do nothing are in none.
func (m *Model) units(md mode) []unit {
	var list []unit
	at := m.input // the features' shape in memory
	for i := 0; i < len(m.nodes); i++ {
		n := &m.nodes[i]
		u := unit{first: i, last: i, slope: 1, from: at, to: at}
		switch l := n.layer.(type) {
		case linear:
			if _, dense := l.(Dense); dense {
				u.to = m.place(i)
			} else {
				if at != n.in { // a vector laid out as something else
					list = append(list, unit{first: i, last: i, moves: true, slope: 1, from: at, to: n.in})
				}
				u.from, u.to = n.in, n.out
			}
			if !md.plain {
				m.extend(&u, md)
			}
		case BatchNorm:
			if !md.plain {
				m.activate(&u, md)
			}
		case LeakyReLU:
			u.slope = l.Slope
		case ReLU:
			u.slope = 0
		case Flatten:
			continue
		case Reshape:
			switch {
			case n.out.IsFlat():
				continue
			case n.out.C == at.C:
				at = n.out
				continue
			case n.out == at:
				continue
			}
			u.moves, u.to = true, n.out
		case Dropout:
			if !md.training || l.Rate == 0 {
				continue
			}
		}
		list = append(list, u)
		at, i = u.to, u.last
	}
	if len(list) == 0 { // output and input are different buffers all the same
		list = append(list, unit{last: len(m.nodes) - 1, moves: true, slope: 1, from: at, to: at})
	}
	return list
}

// place returns how the output of the Dense layer i lies in memory: as the
// Reshape wants it that follows after layers to which this is all the same.
func (m *Model) place(i int) Shape {
	for _, n := range m.nodes[i+1:] {
		switch n.layer.(type) {
		case BatchNorm, LeakyReLU, ReLU, Tanh, Sigmoid, Dropout, Flatten:
		case Reshape:
			if !n.out.IsFlat() {
				return n.out
			}
		default:
			return m.nodes[i].out
		}
	}
	return m.nodes[i].out
}

// extend appends to a linear unit what its operator can do besides.
func (m *Model) extend(u *unit, md mode) {
	if i := m.next(u.last, md); !md.training && i > 0 {
		if _, ok := m.nodes[i].layer.(BatchNorm); ok {
			u.norm, u.last = i, i
		}
	}
	m.activate(u, md)
}

// activate appends a leaky activation to a unit.
func (m *Model) activate(u *unit, md mode) {
	i := m.next(u.last, md)
	if i == 0 {
		return
	}
	switch l := m.nodes[i].layer.(type) {
	case LeakyReLU:
		u.slope, u.last = l.Slope, i
	case ReLU:
		u.slope, u.last = 0, i
	}
}

// next returns the layer after i, passing over Dropouts that do nothing, 0 for none.
func (m *Model) next(i int, md mode) int {
	for i++; i < len(m.nodes); i++ {
		if d, ok := m.nodes[i].layer.(Dropout); !ok || md.training && d.Rate > 0 {
			return i
		}
	}
	return 0
}

// layer returns the layer that gives a unit its operator, nil for one that moves data.
func (m *Model) layer(u unit) Layer {
	if u.moves {
		return nil
	}
	return m.nodes[u.first].layer
}

// unitName is what a unit is called in measurements: its layers' names, joined.
func (m *Model) unitName(u unit) string {
	name := m.nodes[u.first].name
	if u.moves {
		return name + " (copy)"
	}
	for _, n := range m.nodes[u.first+1 : u.last+1] {
		name += "+" + n.layer.Kind()
	}
	return name
}

// layout returns the Layouts of n images on both sides of a unit.
func (u unit) layout(n int) maps {
	return maps{in: conv.NewLayout(u.from.H, u.from.W, u.from.C, n), out: conv.NewLayout(u.to.H, u.to.W, u.to.C, n)}
}
