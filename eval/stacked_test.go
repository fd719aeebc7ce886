package eval

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
)

func stackedHalves(t *testing.T) *Classifier {
	t.Helper()
	c, err := halves(t).Stacked()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stackOf returns n stacked pictures of pictures8.
func stackOf(t *testing.T, from *dataset.Dataset, n int, seed uint64) *dataset.Dataset {
	t.Helper()
	d, err := from.Stacked(n, seed, 2)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A stacked classifier sees each channel as the classifier that it is made of.
func TestSeeStacked(t *testing.T) {
	one, c := halves(t), stackedHalves(t)
	if c.Classes() != 8 || c.Features() != 9 || c.Input() != (model.Shape{H: 8, W: 8, C: 3}) {
		t.Fatalf("%d classes, %d features of %v", c.Classes(), c.Features(), c.Input())
	}
	d := stackOf(t, pictures8(40, 1), 50, 2)
	seen, err := c.See(context.Background(), d.Pix, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if a := seen.Accuracy(d.Labels); a != 1 || seen.N != 50 || seen.D != 9 {
		t.Errorf("%d pictures of %d features, accuracy %v", seen.N, seen.D, a)
	}
	for ch := range 3 {
		gray := make([]uint8, 0, 50*64)
		for i := ch; i < len(d.Pix); i += 3 {
			gray = append(gray, d.Pix[i])
		}
		alone, err := one.See(context.Background(), gray, Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if !slices.Equal(alone.Features[3*i:3*i+3], seen.Features[9*i+3*ch:][:3]) {
				t.Fatalf("picture %d, channel %d: features %v, want %v", i, ch, seen.Features[9*i:9*i+9], alone.Features[3*i:3*i+3])
			}
			if seen.Sure[i] > alone.Sure[i] {
				t.Errorf("picture %d: sure of %v, of channel %d %v", i, seen.Sure[i], ch, alone.Sure[i])
			}
		}
	}
	if _, err := c.See(context.Background(), d.Pix[:64], Options{}); !errors.Is(err, ErrPictures) {
		t.Errorf("pictures of one channel: %v", err)
	}
}

// Of pictures of two modes of eight, in equal number, the figures are known.
func TestStackedModes(t *testing.T) {
	c, gray := stackedHalves(t), pictures8(150, 3)
	frequencies := StackedFrequencies(gray.Labels, 2)
	const n = 120
	r, err := NewReference(context.Background(), c, stackOf(t, gray, n, 1), stackOf(t, pictures8(150, 4), n, 1), n, Options{Frequencies: frequencies, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	d := stackOf(t, gray, 4000, 9)
	var pix []uint8
	for i, k, count := 0, int32(3), 0; count < n; i++ { // by turns of modes 3 (011) and 4 (100)
		if d.Labels[i] == k {
			pix = append(pix, d.Image(i)...)
			count++
			k = 7 - k
		}
	}
	got, err := r.Compare(context.Background(), pix, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := 0.0 // the frequency of class 1
	for _, k := range gray.Labels {
		one += float64(k) / 150
	}
	kl := math.Log(.5/((1-one)*one*one))/2 + math.Log(.5/(one*(1-one)*(1-one)))/2
	if got.Modes != 2 || got.KL == nil || math.Abs(*got.KL-kl) > 1e-9 || math.Abs(got.KLUniform-math.Log(4)) > 1e-9 {
		t.Errorf("%d modes, KL %v and %v, want 2, %v and %v", got.Modes, *got.KL, got.KLUniform, kl, math.Log(4))
	}
	if got.Classes[3] != .5 || got.Classes[4] != .5 || len(got.Classes) != 8 {
		t.Errorf("frequencies %v", got.Classes)
	}
	if f := r.Floor(); f.Modes < 7 || *f.KL > 0.2 || *f.LabelAgreement != 1 {
		t.Errorf("floor: %d modes, KL %v, accuracy %v", f.Modes, *f.KL, *f.LabelAgreement)
	}
}

func TestDivergence(t *testing.T) {
	if v := klOf([]float64{.5, .5, 0}, []float64{.25, .25, .5}); v == nil || math.Abs(*v-math.Ln2) > 1e-15 {
		t.Errorf("KL %v, want log 2", v)
	}
	if v := klOf([]float64{.5, .5}, []float64{1, 0}); v != nil {
		t.Errorf("KL %v where a class is seen that there is none of", *v)
	}
	if f := StackedFrequencies([]int32{0, 1, 1, 1}, 2); len(f) != 8 || f[0] != 1./64 || f[1] != 3./64 || f[6] != 9./64 || f[7] != 27./64 {
		t.Errorf("frequencies %v", f)
	}
}

func TestStackedRefuses(t *testing.T) {
	of := func(in model.Shape, layers ...model.Op) *Classifier {
		m, err := model.New("c", in, layers...)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, model.Normal(1))
		c, err := NewClassifier(m)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gray := model.Shape{H: 4, W: 4, C: 1}
	for says, c := range map[string]*Classifier{
		"color":         of(model.Shape{H: 4, W: 4, C: 3}, model.Flatten{}, model.Dense{Units: 3}),
		"many classes":  of(gray, model.Conv2D{Filters: 33, Kernel: [2]int{4, 4}}),
		"many features": of(gray, model.Flatten{}, model.Dense{Units: maxFeatures/3 + 1}, model.ReLU{}, model.Dense{Units: 3}),
		"a stack":       stackedHalves(t),
	} {
		if _, err := c.Stacked(); !errors.Is(err, ErrClassifier) {
			t.Errorf("%s: error %v", says, err)
		}
	}
	d := stackOf(t, pictures8(40, 1), 220, 2)
	_, err := NewReference(context.Background(), stackedHalves(t), d, d, 120, Options{Frequencies: []float64{.5, .5}})
	if !errors.Is(err, ErrPictures) {
		t.Errorf("frequencies of two classes: %v", err)
	}
}
