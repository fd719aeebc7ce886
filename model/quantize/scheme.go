package quantize

import (
	"math"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// scheme is one way to quantise a network: everything but its weights' bytes, which follow.
type scheme struct {
	layers   []model.Linear
	step     int32          // of the latents
	act      []quant.Params // of each layer's input
	observer []string       // that chose it
}

func (s *scheme) clone() *scheme {
	c := *s
	c.act = append([]quant.Params(nil), s.act...)
	c.observer = append([]string(nil), s.observer...)
	return &c
}

// setRange makes [lo, hi] the range of layer i's input.
func (s *scheme) setRange(i int, name string, lo, hi float64) {
	s.observer[i] = name
	if i == 0 {
		s.step = quant.LatentStep(math.Max(-lo, hi))
		s.act[0] = quant.Params{Scale: quant.LatentScale(s.step)}
		return
	}
	s.act[i] = quant.Range(lo, hi)
}

// weights returns layer i's weights as bytes.
func (s *scheme) weights(i int) (quant.Weights, error) {
	l := &s.layers[i]
	q, err := quant.QuantizeWeights(l.Weight, len(l.Bias))
	if err == nil {
		q.Fit(l.Weight, l.Bias, s.act[i].Scale)
	}
	return q, err
}

// rounded returns what layer i's bytes stand for.
func (s *scheme) rounded(i int) (weight, bias []float32, err error) {
	q, err := s.weights(i)
	if err != nil {
		return nil, nil, err
	}
	b, err := quant.Bias(s.layers[i].Bias, s.act[i].Scale, q.Scale)
	if err != nil {
		return nil, nil, err
	}
	bias = make([]float32, len(b))
	for c, v := range b {
		bias[c] = float32(float64(v) * float64(s.act[i].Scale) * float64(q.Scale[c]))
	}
	return q.Floats(), bias, nil
}

// run takes x, the input of layer from before it is rounded, to the images.
func (n *network) run(s *scheme, from int, x tensor) (tensor, error) {
	for i := from; i < len(n.layers); i++ {
		w, b, err := s.rounded(i)
		if err != nil {
			return nil, err
		}
		if x, err = n.apply(i, x.rounded(s.act[i]), w, b); err != nil {
			return nil, err
		}
	}
	return x, nil
}
