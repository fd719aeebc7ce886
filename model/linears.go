package model

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// Linear is a linear layer as inference runs it, with the BatchNorm after it folded in: y = tanh(leaky(x W + b)).
type Linear struct {
	Layer    int    // index of the layer that holds the weight
	Name     string // its name: dense0
	Kind     string
	Geometry conv.Geometry
	In, Out  Shape // as the features lie in memory
	Weight   []float32
	Bias     []float32 // one value an output channel, of a Dense one a feature
	Slope    float32   // of negative values, 1 for no activation
	Tanh     bool      // only the last one may have it
}

// Linears returns the model as a chain of Linears: the form that can be quantised. Dropout and layers that only change the shape
// disappear. An error that wraps ErrLayer names the first layer that has no place in such a chain.
func (m *Model) Linears() ([]Linear, error) {
	m.own()
	var list []Linear
	for _, u := range m.units(mode{}) {
		n := &m.nodes[u.first]
		last := len(list) - 1
		switch l := m.layer(u).(type) {
		case linear:
			g, err := l.geometry(u.from, u.to)
			if err != nil {
				return nil, m.unitError(u, err)
			}
			if last >= 0 && list[last].Tanh {
				return nil, m.unitError(u, fmt.Errorf("%w: nothing can follow a tanh", ErrLayer))
			}
			list = append(list, m.foldLinear(u, g))
		case Tanh:
			if last < 0 || list[last].Slope != 1 || list[last].Tanh {
				return nil, m.unitError(u, fmt.Errorf("%w: it does not follow a linear layer", ErrLayer))
			}
			list[last].Tanh = true
		default:
			if u.moves {
				return nil, m.unitError(u, fmt.Errorf("%w: it reorders features", ErrLayer))
			}
			return nil, m.unitError(u, fmt.Errorf("%w: %s cannot be part of a linear layer here", ErrLayer, n.layer.Kind()))
		}
	}
	return list, nil
}

func (m *Model) foldLinear(u unit, g conv.Geometry) Linear {
	n := &m.nodes[u.first]
	f := Linear{Layer: u.first, Name: n.name, Kind: n.layer.Kind(), Geometry: g, In: u.from, Out: u.to, Slope: u.slope}
	w := n.params[0].Data
	var bias []float32
	if len(n.params) > 1 {
		bias = n.params[1].Data
	}
	f.Weight = make([]float32, len(w))
	if u.norm > 0 {
		norm := &m.nodes[u.norm]
		a, b := norm.layer.(BatchNorm).inference(norm.params)
		fold(f.Weight, w, a)
		f.Bias = foldBias(bias, a, b)
		return f
	}
	copy(f.Weight, w)
	f.Bias = make([]float32, n.params[0].Shape[len(n.params[0].Shape)-1])
	copy(f.Bias, bias)
	return f
}
