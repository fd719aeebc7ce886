package model

import "fmt"

// FirstLayer returns the weights (latent, units) by which the first layer of a generator reads its
// latents, in row-major order, times the factors of a BatchNorm that follows. Of a model in 8-bit
// integers they are in units of the layer's output. The error wraps ErrRule where the latents go
// anywhere but to one fully connected layer, alone or beside other values, or one from a single
// pixel.
func (m *Model) FirstLayer() (w []float32, units int, err error) {
	latent, _, err := m.GeneratorInputs()
	if err != nil {
		return nil, 0, err
	}
	if err := m.detach(); err != nil {
		return nil, 0, err
	}
	v, skip := m.graph.Inputs[latent], 0
	dim := v.Shape.Len()
	for {
		list := m.graph.consumers(v)
		if len(list) != 1 {
			return nil, 0, fmt.Errorf("model: %w: %d layers read the latents", ErrRule, len(list))
		}
		n := list[0]
		switch n.Op.(type) {
		case linear, QLinear:
			return n.latentWeights(m.graph, skip, dim)
		case Concat, QMove[Concat]:
			for _, in := range n.In {
				if in == v {
					break
				}
				skip += in.Shape.Len()
			}
			if !v.Shape.IsFlat() {
				return nil, 0, n.error(fmt.Errorf("%w: the latents are joined with others as an image", ErrRule))
			}
		case Reshape, QReshape, QLatents, PixelNorm, Dropout:
		default:
			return nil, 0, n.error(fmt.Errorf("%w: the latents go there first, which is no fully connected layer", ErrRule))
		}
		v = n.Out
	}
}

// latentWeights returns the rows of n's weights from skip on, dim of them, each of all that follow
// from one number of the input.
func (n *Node) latentWeights(g *Graph, skip, dim int) ([]float32, int, error) {
	if in := n.In[0].Shape; in.H*in.W != 1 {
		return nil, 0, n.error(fmt.Errorf("%w: it reads the latents as an image of %v", ErrRule, in))
	}
	weight := n.Params[0]
	columns := weight.Shape[len(weight.Shape)-1]
	inputs := weight.Shape[len(weight.Shape)-2]
	if inputs < skip+dim {
		return nil, 0, n.error(fmt.Errorf("%w: it multiplies the latents in groups", ErrRule))
	}
	factors := n.factors(g, columns)
	taps := weight.Len() / (inputs * columns)
	units := taps * columns
	w := make([]float32, dim*units)
	for i := range dim {
		for tap := range taps {
			from := (tap*inputs + skip + i) * columns
			to := w[i*units+tap*columns:][:columns]
			for c := range to {
				if weight.Int8 != nil {
					to[c] = float32(weight.Int8[from+c])
				} else {
					to[c] = weight.Data[from+c]
				}
				to[c] *= factors[c%len(factors)]
			}
		}
	}
	return w, units, nil
}

// factors is what the outputs of a linear node are multiplied by: the scales of an int8 one, or a
// BatchNorm after it.
func (n *Node) factors(g *Graph, columns int) []float32 {
	if _, ok := n.Op.(QLinear); ok {
		return n.Params[2].Data
	}
	r := g.consumer(n.Out)
	if r != nil {
		if _, ok := r.Op.(Reshape); ok {
			r = g.consumer(r.Out)
		}
	}
	if r != nil {
		if norm, ok := r.Op.(BatchNorm); ok {
			a, _ := norm.inference(r.Params)
			if columns%len(a) == 0 {
				factors := make([]float32, len(a))
				for i, f := range a {
					factors[i] = float32(f)
				}
				return factors
			}
		}
	}
	return []float32{1}
}
