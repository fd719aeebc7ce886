package model

import (
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// folded are a linear operator's weights and bias with the BatchNorm after it folded in.
type folded struct {
	weight, bias []float32
}

// bytes returns them as bytes behind an input with the Params in, the weights of so many bits.
func (f folded) bytes(in quant.Params, bits int) (quant.Weights, []int32, error) {
	w, err := quant.QuantizeWeights(f.weight, len(f.bias), bits)
	if err != nil {
		return w, nil, err
	}
	w.Fit(f.weight, f.bias, in.Scale)
	bias, err := quant.Bias(f.bias, in.Scale, w.Scale)
	return w, bias, err
}

// rounded returns what the bytes stand for.
func (f folded) rounded(in quant.Params, bits int) (r folded, err error) {
	w, b, err := f.bytes(in, bits)
	if err != nil {
		return r, err
	}
	r.bias = make([]float32, len(b))
	for c, v := range b {
		r.bias[c] = float32(float64(v) * float64(in.Scale) * float64(w.Scale[c]))
	}
	r.weight = w.Floats()
	return r, nil
}

// foldNode returns a linear node's weights and bias with what is fused into it folded in.
func foldNode(n *Node) folded {
	values := n.Params[0].values(make([]float32, n.Params[0].Len()))
	f := folded{weight: slices.Clone(values)}
	var bias []float32
	if len(n.Params) > 1 {
		bias = n.Params[1].Data
	}
	if norm := n.epilogue.norm; norm != nil {
		a, b := norm.folded(n.Params[0])
		fold(f.weight, values, a)
		f.bias = foldBias(bias, a, b)
		return f
	}
	f.bias = make([]float32, n.Params[0].Shape[len(n.Params[0].Shape)-1])
	copy(f.bias, bias)
	return f
}

// finite returns an error unless weights and bias are finite.
func (f folded) finite() error {
	return finite([]*Param{{Name: "weight", Data: f.weight}, {Name: "bias", Data: f.bias}})
}

// finite returns an error unless all of the parameters are.
func finite(params []*Param) error {
	for _, p := range params {
		if err := p.finite(); err != nil {
			return err
		}
	}
	return nil
}
