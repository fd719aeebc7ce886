package model_test

import (
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// TestKeptSteps: values that a FakeQuantize alone reads get its steps, in which no node is left of
// it; one that others read too is calibrated, and rounded anew.
func TestKeptSteps(t *testing.T) {
	steps := func(scale float32, zero int32) model.FakeQuantize {
		return model.FakeQuantize{Steps: quant.Params{Scale: scale, Zero: zero}}
	}
	m := floatNet(t, "kept", func(g *model.Graph) []*model.Value {
		z := g.Add(steps(0.03125, 0), g.Input("z", model.Flat(6)))
		x := g.Add(model.LeakyReLU{Slope: 0.2}, g.Add(model.Dense{Units: 32}, z))
		x = g.Add(model.Reshape{H: 4, W: 4, C: 2}, g.Add(steps(0.0625, -100), x))
		x = g.Add(steps(0.0625, -100), g.Add(model.MaxPool{Kernel: two, Stride: two}, x)) // has them already
		a := g.Add(conv3(2), x)
		b := g.Add(steps(0.125, 7), a)
		return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(1), g.Add(model.Add{}, a, b)))}
	})
	q, report, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]quant.Params{}
	var kinds []string
	for _, l := range q.Layers() {
		have[l.Name] = l.Out.Type.Params
		kinds = append(kinds, l.Op.Kind())
	}
	for name, want := range map[string]quant.Params{
		"qlatents0": {Scale: 0.03125}, "dense1": {Scale: 0.0625, Zero: -100}, "maxpool5": {Scale: 0.0625, Zero: -100}, "fakequantize8": {Scale: 0.125, Zero: 7},
	} {
		if have[name] != want {
			t.Errorf("%s in steps of %v, want %v", name, have[name], want)
		}
	}
	if n := have["conv2d7"]; n == (quant.Params{Scale: 0.125, Zero: 7}) || n.Scale == 0 {
		t.Errorf("a value that others read too has steps %v", n)
	}
	if want := []string{"qlatents", "qlinear", "qmaxpool", "qlinear", "qtable", "qadd", "qlinear"}; !slices.Equal(kinds, want) {
		t.Errorf("operators %v, want %v", kinds, want)
	}
	if i := slices.IndexFunc(report.Layers, func(l quant.Layer) bool { return l.Name == "dense1" }); i < 0 || report.Layers[i].Observer != quant.Kept {
		t.Errorf("report %+v", report.Layers)
	}
}
