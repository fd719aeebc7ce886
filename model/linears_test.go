package model

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
)

// TestLinears runs the folded chain by the reference convolution against a session.
func TestLinears(t *testing.T) {
	m := Generator(Config{Width: 4, Latent: 10, Size: 16, Seed: 3})
	for _, p := range m.Params() { // BatchNorm that does something
		if strings.Contains(p.Name, "batchnorm") {
			for i := range p.Data {
				p.Data[i] += 0.1 * float32(i%5)
			}
		}
	}
	list, err := m.Linears()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 4 || list[0].Name != "dense0" || !list[3].Tanh || list[1].Slope != leak || list[3].Slope != 1 {
		t.Fatalf("chain %+v", list)
	}
	const n = 3
	x := make([]float32, n*10)
	Latents(x, 10, 1, 0)
	want := make([]float32, n*m.Output().Len())
	s, err := m.NewSession(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(want, x); err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		y := make([]float32, n*l.Out.Len())
		conv.ReferenceForward(l.Geometry, y, x, l.Weight, n)
		for i := range y {
			y[i] += l.Bias[i%len(l.Bias)]
			if y[i] < 0 {
				y[i] *= l.Slope
			}
			if l.Tanh {
				y[i] = float32(math.Tanh(float64(y[i])))
			}
		}
		x = y
	}
	for i := range want {
		if math.Abs(float64(x[i]-want[i])) > 1e-4 {
			t.Fatalf("value %d is %v, the session has %v", i, x[i], want[i])
		}
	}
}

func TestLinearsRefuses(t *testing.T) {
	for want, layers := range map[string][]Layer{
		"layer 1 (sigmoid)":   {Dense{Units: 3}, Sigmoid{}},
		"layer 0 (batchnorm)": {BatchNorm{}, Dense{Units: 3}},
		"layer 0 (leakyrelu)": {LeakyReLU{Slope: 0.1}, Dense{Units: 3}},
		"layer 2 (dense)":     {Dense{Units: 3}, Tanh{}, Dense{Units: 3}},
		"layer 2 (tanh)":      {Dense{Units: 3}, LeakyReLU{Slope: 0.1}, Tanh{}},
	} {
		m, err := New("m", Flat(4), layers...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Linears(); !errors.Is(err, ErrLayer) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
