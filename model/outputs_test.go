package model

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// TestWithOutputs: other values of a graph are what a model that ends there makes, and the
// parameters are shared.
func TestWithOutputs(t *testing.T) {
	layers := []Op{Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Same: true}, BatchNorm{}, ReLU{}, GlobalAvgPool{}, Dense{Units: 3, Bias: true}}
	in := Shape{6, 6, 2}
	whole, err := New("net", in, layers...)
	if err != nil {
		t.Fatal(err)
	}
	whole.Init(1, Normal(1))
	both, err := whole.WithOutputs("dense4", "globalavgpool3")
	if err != nil {
		t.Fatal(err)
	}
	part, err := whole.WithOutputs("globalavgpool3")
	if err != nil {
		t.Fatal(err)
	}
	if n, all := len(part.Params()), len(whole.Params()); n != all-2 || part.Params()[0] != whole.Params()[0] {
		t.Errorf("%d parameters of %d, without the last layer's two", n, all)
	}
	const n = 5
	x := make([]float32, n*in.Len())
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	run := func(m *Model, sizes ...int) (out [][]float32) {
		s, err := m.NewSession(Options{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f := Feed{In: []Data{{Floats: x}}}
		for _, size := range sizes {
			out = append(out, make([]float32, n*size))
			f.Out = append(f.Out, Data{Floats: out[len(out)-1]})
		}
		if err := s.RunFeed(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		return out
	}
	two, logits, features := run(both, 3, 4), run(whole, 3)[0], run(part, 4)[0]
	if !slices.Equal(two[0], logits) || !slices.Equal(two[1], features) {
		t.Error("two outputs are not those of models with one")
	}
	whole.Params()[0].Data[0]++
	part.Changed()
	if slices.Equal(run(part, 4)[0], features) {
		t.Error("a change of the model's parameters changes nothing")
	}
	for _, names := range [][]string{{"dense5"}, {}, {"dense4", ""}} {
		if _, err := whole.WithOutputs(names...); !errors.Is(err, ErrShape) {
			t.Errorf("outputs %q: error %v", names, err)
		}
	}
}

// The names of classes may be those of a classifier's logits, of which there must be as many.
func TestClassifierClassNames(t *testing.T) {
	m, err := New("net", Shape{4, 4, 1}, Flatten{}, Dense{Units: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		ok    bool
	}{{[]string{"a", "b", "c"}, true}, {[]string{"a"}, true}, {[]string{"a", "b", "c", "d"}, false}} {
		m.ClassNames = c.names
		text, err := m.Architecture()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Build(text)
		if (err == nil) != c.ok || c.ok && !slices.Equal(got.ClassNames, c.names) {
			t.Errorf("%q: %v", c.names, err)
		}
	}
}
