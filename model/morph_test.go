package model

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// ofClasses is a generator of four classes with two embeddings.
func ofClasses(t *testing.T) *Model {
	t.Helper()
	g := &Graph{}
	z, class := g.Input("latent", Flat(6)), g.Class("class", 4)
	h := g.Add(Concat{}, z, g.Add(Embedding{Dim: 3}, class), g.Add(Embedding{Dim: 2}, class))
	h = g.Add(Dense{Units: 4 * 4 * 4}, h)
	h = g.Add(LeakyReLU{Slope: 0.2}, g.Add(Reshape{H: 4, W: 4, C: 4}, h))
	g.Add(Tanh{}, g.Add(ConvTranspose2D{Filters: 1, Kernel: [2]int{4, 4}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, h))
	m, err := FromGraph("classes", g)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(5, Normal(0.5))
	return m
}

// drawClasses draws one latent in each of the classes.
func drawClasses(t *testing.T, m *Model, classes ...int32) []uint8 {
	t.Helper()
	s, err := m.NewSession(Options{Batch: len(classes), Threads: 1, Kernels: simd.Best()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z, one := make([]float32, 6*len(classes)), make([]float32, 6)
	Latents(one, 6, 1, 0)
	for i := range classes {
		copy(z[6*i:], one)
	}
	pix := make([]uint8, len(classes)*m.Output().Len())
	feed := Feed{In: []Data{{Floats: z}, {Classes: classes}}, Out: []Data{{Pixels: pix}}}
	if err := s.RunFeed(context.Background(), feed); err != nil {
		t.Fatal(err)
	}
	return pix
}

// TestMorph: the classes of the path are drawn as before, in floats and in integers, and those
// between by the means of the embeddings' rows.
func TestMorph(t *testing.T) {
	m := ofClasses(t)
	int8s, _, err := m.Quantize(context.Background(), quant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Model{m, int8s} {
		x.Direct = x == m
		path, err := x.Morph([]int{3, 1, 2}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if path.Direct != x.Direct {
			t.Errorf("direct %v, want %v", path.Direct, x.Direct)
		}
		if n := path.Inputs()[1].Type.Classes; n != 5 {
			t.Fatalf("%d classes, want 5", n)
		}
		if got, want := drawClasses(t, path, 0, 2, 4), drawClasses(t, x, 3, 1, 2); !slices.Equal(got, want) {
			t.Errorf("the classes of the path are drawn otherwise")
		}
	}
	path, err := m.Morph([]int{3, 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := ofClasses(t)
	for _, n := range want.graph.Nodes {
		if e, ok := n.Op.(Embedding); ok {
			w := n.Params[0].Data
			for j := range e.Dim {
				w[j] = float32(0.75*float64(w[3*e.Dim+j]) + 0.25*float64(w[e.Dim+j]))
			}
		}
	}
	for i, v := range drawClasses(t, path, 1) {
		if d := math.Abs(float64(v) - float64(drawClasses(t, want, 0)[i])); d > 1 {
			t.Fatalf("pixel %d between two classes is off by %v", i, d)
		}
	}
	if slices.Equal(drawClasses(t, path, 1), drawClasses(t, path, 0)) {
		t.Error("between two classes is the first one")
	}
}

func TestMorphRefuses(t *testing.T) {
	m := ofClasses(t)
	for _, path := range [][]int{nil, {1}, {1, 4}, {-1, 2}} {
		if _, err := m.Morph(path, 1); !errors.Is(err, ErrShape) {
			t.Errorf("path %v: %v", path, err)
		}
	}
	for _, between := range []int{-1, math.MaxInt32, math.MaxInt} {
		if _, err := m.Morph([]int{0, 1}, between); !errors.Is(err, ErrShape) {
			t.Errorf("%d between: %v", between, err)
		}
	}
	plain, err := New("plain", Flat(3), Dense{Units: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Morph([]int{0, 1}, 1); !errors.Is(err, ErrShape) {
		t.Errorf("without classes: %v", err)
	}
}
