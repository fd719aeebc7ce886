package weights

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/internal/graphfile"
	"github.com/gantiny/gantiny/model"
)

// pixels is the name of the layer that gives an image package model's range: a BatchNorm.
const pixels = "pixels"

// mostColors is how many channels an image can have.
const mostColors = 4

// empty makes the model of a graph, without weights. Where its image has another range than -1 to
// 1, a layer changes it, with these parameters: of a sigmoid, which becomes a tanh, what it reads,
// and of anything else what comes out.
func (o Options) empty(g *graphfile.File) (m *model.Model, values map[string]float64, err error) {
	r := o.Range
	switch {
	case !slices.Contains([]Range{RangeAuto, RangeNone, RangeTanh, RangeSigmoid, RangeBytes}, r):
		return nil, nil, fmt.Errorf("no range %q", string(r))
	case r == RangeAuto && len(g.Outputs) == 0 && g.Layers[len(g.Layers)-1].Kind == "sigmoid":
		r = RangeSigmoid
	}
	white := map[Range]float64{RangeSigmoid: 1, RangeBytes: 255}[r] // black is 0
	if white == 0 {
		m, err = g.Model()
		return m, nil, err
	}
	const epsilon = 0.5 // and as much as variance, so that it divides by 1
	values = map[string]float64{"gamma": 2 / white, "beta": -1, "moving_mean": 0, "moving_variance": 1 - epsilon}
	layer := graphfile.Layer{Kind: "batchnorm", Name: pixels, In: g.Outputs, Attributes: map[string]any{"epsilon": epsilon, "momentum": 0.9}}
	w := *g
	w.Outputs = nil
	if last := g.Layers[len(g.Layers)-1]; last.Kind == "sigmoid" && white == 1 && len(g.Outputs) == 0 { // 2*sigmoid(x)-1 is tanh(x/2)
		layer.In, values["gamma"], values["beta"] = last.In, 0.5, 0
		w.Layers = append(slices.Clone(g.Layers[:len(g.Layers)-1]), layer, graphfile.Layer{Kind: "tanh"})
	} else {
		w.Layers = append(slices.Clone(g.Layers), layer)
	}
	if len(g.Outputs) > 1 {
		return nil, nil, fmt.Errorf("a range of %q for %d outputs: which is the image?", string(r), len(g.Outputs))
	}
	if m, err = w.Model(); err != nil {
		return nil, nil, err
	}
	if s := m.Output(); s.IsFlat() || s.C > mostColors { // no image
		m, err = g.Model()
		return m, nil, err
	}
	return m, values, nil
}
