package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// joinedNet joins two dense layers. With another reader, the first one's values are a thousand times
// smaller, and read by a layer of their own with as much larger weights.
func joinedNet(t *testing.T, reader bool) *Model {
	t.Helper()
	g := &Graph{}
	z := g.Input("z", Flat(6))
	small, large := g.Add(ReLU{}, g.Add(Dense{Units: 32}, z)), g.Add(ReLU{}, g.Add(Dense{Units: 32}, z))
	y := g.Add(Dense{Units: 4}, g.Add(Concat{}, small, large))
	if reader {
		y = g.Add(Add{}, y, g.Add(Dense{Units: 4}, small))
	}
	m, err := FromGraph("t", g, g.Add(Tanh{}, y))
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, GlorotUniform)
	if p := m.Params(); reader {
		for i := range p[0].Data {
			p[0].Data[i] /= 1000
		}
		for i := range p[3].Data {
			p[3].Data[i] *= 1000
		}
		m.Changed()
	}
	return m
}

// TestJoinSteps: what a Concat joins has the steps of its output, unless the images would suffer.
func TestJoinSteps(t *testing.T) {
	for _, c := range []struct {
		reader bool
		ops    string // those of the int8 model that run behind the latents
	}{
		{false, "dense0 dense2 dense5"}, {true, "dense0 dense2 concat4 dense5 dense6 add7 tanh8"},
	} {
		m := joinedNet(t, c.reader)
		q, r, err := m.Quantize(t.Context(), quant.Options{Images: 32})
		if err != nil {
			t.Fatal(err)
		}
		step := slices.IndexFunc(r.Steps, func(s quant.Step) bool { return s.Name == "steps of what joins" })
		if step < 1 || r.Steps[step].PSNR < r.Steps[step-1].PSNR-joinLoss-1e-9 {
			t.Errorf("another reader %v: steps %+v", c.reader, r.Steps)
		}
		if _, ops, _ := strings.Cut(opsOf(t, q, Options{Threads: 1}), " "); ops != c.ops {
			t.Errorf("another reader %v: %s, want %s", c.reader, ops, c.ops)
		}
	}
}
