package model_test

import (
	"errors"
	"math"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// TestFirstLayer: the weights are those by which the layer's output changes with each latent, as a
// model of that layer alone computes it.
func TestFirstLayer(t *testing.T) {
	dense := func(g *model.Graph, z *model.Value) {
		g.Add(model.BatchNorm{Epsilon: 1e-3}, g.Add(model.Dense{Units: 12}, z))
	}
	reshaped := func(g *model.Graph, z *model.Value) {
		g.Add(model.BatchNorm{Epsilon: 1e-3}, g.Add(model.Reshape{H: 2, W: 2, C: 3}, g.Add(model.Dense{Units: 12, Bias: true}, z)))
	}
	transposed := func(g *model.Graph, z *model.Value) {
		z = g.Add(model.Reshape{H: 1, W: 1, C: z.Shape.C}, z)
		g.Add(model.BatchNorm{Epsilon: 1e-3}, g.Add(model.ConvTranspose2D{Filters: 3, Kernel: [2]int{2, 2}}, z))
	}
	for name, layers := range map[string]func(g *model.Graph, z *model.Value){"dense": dense, "reshaped": reshaped, "transposed": transposed} {
		g := &model.Graph{}
		layers(g, g.Input("z", model.Flat(5)))
		m, err := model.FromGraph(name, g)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(3, model.Normal(0.5))
		for i, p := range m.Params() { // statistics that are not those of the start
			for k := range p.Data {
				if p.Shape[0] == 12 || p.Shape[0] == 3 {
					p.Data[k] = 0.5 + float32((i+k)%4)
				}
			}
		}
		m.Changed()
		w, units, err := m.FirstLayer()
		if err != nil || units != 12 || len(w) != 5*12 {
			t.Fatalf("%s: %d weights, %d units, %v", name, len(w), units, err)
		}
		s, err := m.NewSession(model.Options{Threads: 1, Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		z, y := make([]float32, 6*5), make([]float32, 6*12) // nothing, and each unit vector
		for i := range 5 {
			z[(i+1)*5+i] = 1
		}
		if err := s.Run(y, z); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			for k := range 12 {
				if got, want := w[i*12+k], y[(i+1)*12+k]-y[k]; math.Abs(float64(got-want)) > 1e-5 {
					t.Errorf("%s: weight %d,%d is %v, the output changes by %v", name, i, k, got, want)
				}
			}
		}
	}
}

// TestFirstLayerInt8: the int8 form has the same weights, but for their steps and a common factor.
func TestFirstLayerInt8(t *testing.T) {
	m := model.Generator(model.Config{Width: 4, Latent: 8, Size: 8, Channels: 1, Seed: 5})
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	a, units, err := m.FirstLayer()
	if err != nil {
		t.Fatal(err)
	}
	b, other, err := q.FirstLayer()
	if err != nil || other != units {
		t.Fatalf("%d units, want %d: %v", other, units, err)
	}
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	if cosine := ab / math.Sqrt(aa*bb); cosine < 0.999 {
		t.Errorf("the two forms' weights have a cosine of %v", cosine)
	}
}

// TestFirstLayerBesides: latents beside a class are found among the layer's inputs; those that go
// elsewhere are refused.
func TestFirstLayerBesides(t *testing.T) {
	g := &model.Graph{}
	class, z := g.Class("class", 4), g.Input("z", model.Flat(5))
	joined := g.Add(model.Concat{}, g.Add(model.Embedding{Dim: 3}, class), z)
	g.Add(model.Dense{Units: 7}, joined)
	m, err := model.FromGraph("beside", g)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3, model.Normal(0.5))
	w, units, err := m.FirstLayer()
	if err != nil || units != 7 {
		t.Fatalf("%d units, %v", units, err)
	}
	weight := m.Params()[1].Data // (3+5, 7)
	for i := range w {
		if w[i] != weight[3*7+i] {
			t.Fatalf("weight %d is %v, want %v", i, w[i], weight[3*7+i])
		}
	}
	g = &model.Graph{}
	z = g.Input("z", model.Flat(5))
	g.Add(model.Add{}, g.Add(model.Dense{Units: 7}, z), g.Add(model.Dense{Units: 7}, z))
	twice, err := model.FromGraph("twice", g)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := twice.FirstLayer(); !errors.Is(err, model.ErrRule) {
		t.Errorf("two readers: %v", err)
	}
}
