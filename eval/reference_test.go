package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// pictures8 returns n noisy pictures of two classes, bright above or below, of 8x8.
func pictures8(n int, seed uint32) *dataset.Dataset {
	d := &dataset.Dataset{Name: "halves", H: 8, W: 8, C: 1, N: n}
	words := rng.NewStream(rng.Key{seed})
	for range n {
		label := int32(words.Below(5) / 4) // one of five is of class 1
		d.Labels = append(d.Labels, label)
		for p := range 64 {
			v := uint8(words.Below(100))
			if label == int32(p/32) {
				v += 120
			}
			d.Pix = append(d.Pix, v)
		}
	}
	return d
}

// halves tells them apart by one feature for each half, its mean.
func halves(t *testing.T) *Classifier {
	t.Helper()
	m, err := model.New("halves", model.Shape{H: 8, W: 8, C: 1}, model.Conv2D{Filters: 3, Kernel: [2]int{8, 8}}, model.Flatten{}, model.Dense{Units: 2, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Params()
	for i := range 64 {
		p[0].Data[3*i+i/32] = 1.0 / 32
		p[0].Data[3*i+2] = float32(i%2) / 32
	}
	copy(p[1].Data, []float32{20, -20, -20, 20, 0, 0}) // (3, 2)
	m.Changed()
	c, err := NewClassifier(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSee(t *testing.T) {
	c, d := halves(t), pictures8(atOnce+33, 1)
	if c.Features() != 3 || c.Classes() != 2 || c.Input() != (model.Shape{H: 8, W: 8, C: 1}) {
		t.Fatalf("%d features, %d classes of %v", c.Features(), c.Classes(), c.Input())
	}
	all, err := c.See(context.Background(), d.Pix, Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	if a := all.Accuracy(d.Labels); a != 1 {
		t.Errorf("accuracy %v", a)
	}
	for i := range d.N {
		above := 0.0
		for _, v := range d.Image(i)[:32] {
			above += (float64(v) - 127.5) / 127.5 / 32
		}
		if got := float64(all.Features[3*i]); math.Abs(got-above) > 1e-6 {
			t.Fatalf("picture %d: feature %v, want %v", i, got, above)
		}
		if p := all.Sure[i]; !(p > 0.99 && p <= 1) {
			t.Errorf("picture %d: probability %v", i, p)
		}
		if i%97 > 0 {
			continue
		}
		one, err := c.See(context.Background(), d.Image(i), Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one.Features, all.Features[3*i:3*i+3]) || one.Sure[0] != all.Sure[i] {
			t.Errorf("picture %d is seen otherwise alone", i)
		}
	}
}

// Classifiers that end otherwise than in a Dense layer.
func TestHeads(t *testing.T) {
	in := model.Shape{H: 4, W: 4, C: 1}
	for says, c := range map[string]struct {
		in       model.Shape
		layers   []model.Op
		features int
	}{
		"softmax":   {in, []model.Op{model.Flatten{}, model.Dense{Units: 7}, model.ReLU{}, model.Dense{Units: 3}, model.Softmax{}}, 7},
		"conv":      {in, []model.Op{model.Conv2D{Filters: 3, Kernel: [2]int{4, 4}}}, 3},
		"of pixels": {in, []model.Op{model.Flatten{}, model.Dense{Units: 3}}, 16},
		"picture":   {model.Flat(9), []model.Op{model.Dense{Units: 3}}, 0},
		"logits":    {in, []model.Op{model.Flatten{}, model.Dense{Units: 1}}, 0},
		"many":      {in, []model.Op{model.Flatten{}, model.Dense{Units: maxFeatures + 1}, model.Dense{Units: 3}}, 0},
	} {
		m, err := model.New("c", c.in, c.layers...)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, model.Normal(1))
		got, err := NewClassifier(m)
		if c.features == 0 {
			if !errors.Is(err, ErrClassifier) {
				t.Errorf("%s: error %v", says, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", says, err)
			continue
		}
		seen, err := got.See(context.Background(), make([]uint8, 16*5), Options{})
		if err != nil || got.Features() != c.features || len(seen.Features) != 5*c.features {
			t.Errorf("%s: %d features, want %d (%v)", says, got.Features(), c.features, err)
		}
	}
}

func TestAsked(t *testing.T) {
	r := &Reference{frequencies: []float64{0.5, 0.2, 0, 0.3}}
	for _, n := range []int{1, 10, 97, 1000} {
		var counts [4]float64
		for _, k := range r.Asked(n) {
			counts[k]++
		}
		for k, f := range r.frequencies {
			if math.Abs(counts[k]-f*float64(n)) > 1 || f == 0 && counts[k] > 0 {
				t.Errorf("%d pictures: %v of class %d, want %v", n, counts[k], k, f*float64(n))
			}
		}
	}
}

func reference(t *testing.T, train, test *dataset.Dataset, n int, o Options) *Reference {
	t.Helper()
	r, err := NewReference(context.Background(), halves(t), train, test, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCompare: new pictures of the same kind are near the floor, pictures of one class are not, and
// training pictures are found out. All are the same bits for any number of threads.
func TestCompare(t *testing.T) {
	const n = 300
	training, test, fresh := pictures8(700, 1), pictures8(400, 2), pictures8(n, 3)
	var texts []string
	for _, threads := range []int{1, 2, 5} {
		r := reference(t, training, test, n, Options{Threads: threads, Nearest: 200, Seed: 3})
		floor := r.Floor()
		good, err := r.Compare(context.Background(), fresh.Pix, fresh.Labels)
		if err != nil {
			t.Fatal(err)
		}
		if *good.LabelAgreement != 1 || *floor.LabelAgreement != 1 || good.Modes != 2 || good.N != n {
			t.Errorf("good pictures: %+v", good)
		}
		if good.Precision < 0.8 || good.Recall < 0.8 || good.Coverage < 0.8 || good.TV > 0.1 || good.Frechet > 10*floor.Frechet+1e-3 {
			t.Errorf("good pictures: %+v, the floor is %+v", good, floor)
		}
		if q := good.Nearest; q.Pixels.Closer > 0.05 || q.Pixels.Least < 10 || q.N != 200 {
			t.Errorf("good pictures are copies: %+v", q)
		}

		poor := slices.Repeat(fresh.Image(slices.Index(fresh.Labels, 0)), n)
		bad, err := r.Compare(context.Background(), poor, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bad.LabelAgreement != nil || bad.Modes != 1 || bad.Coverage > 0.1 || bad.Frechet < 20*floor.Frechet || bad.KID < 10*math.Abs(floor.KID) || math.Abs(bad.TV-r.frequencies[1]) > 1e-9 {
			t.Errorf("one picture: %+v", bad)
		}

		copied, err := r.Compare(context.Background(), training.Pix[100*64:(100+n)*64], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []Distances{copied.Nearest.Features, copied.Nearest.Pixels} {
			if d.Closer != 1 || d.Least != 0 || d.Median != 0 || d.Training != d.Picture+100 {
				t.Errorf("copies: %+v", copied.Nearest)
			}
		}
		text, err := json.Marshal([]*Result{floor, good, bad, copied})
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	if texts[0] != texts[1] || texts[0] != texts[2] {
		t.Errorf("figures depend on the number of threads:\n%s", strings.Join(texts, "\n"))
	}
}

// Without test pictures one half of the training pictures is compared with the other.
func TestHalves(t *testing.T) {
	training := pictures8(401, 1)
	r := reference(t, training, nil, 200, Options{Nearest: 50})
	floor := r.Floor()
	if floor.Nearest.Pixels.Least < 10 || floor.Nearest.Features.Least == 0 {
		t.Errorf("training pictures find themselves: %+v", floor.Nearest)
	}
	if floor.Precision < 0.8 || *floor.LabelAgreement != 1 {
		t.Errorf("floor %+v", floor)
	}
	if r.N() != 200 || MostPictures(training, nil) != 200 {
		t.Errorf("%d pictures", r.N())
	}
}

func TestReferenceRefuses(t *testing.T) {
	c, d := halves(t), pictures8(300, 1)
	wide := &dataset.Dataset{Name: "wide", H: 8, W: 16, C: 1, N: 300, Pix: make([]uint8, 300*128)}
	for says, f := range map[string]func() error{
		"wide has pictures of 8x16x1, the classifier reads 8x8x1": func() error { _, err := NewReference(t.Context(), c, wide, nil, 100, Options{}); return err },
		"151 of them, want from 100 to 150":                       func() error { _, err := NewReference(t.Context(), c, d, nil, 151, Options{}); return err },
		"99 of them":                                              func() error { _, err := NewReference(t.Context(), c, d, d, 99, Options{}); return err },
		"100 neighbors":                                           func() error { _, err := NewReference(t.Context(), c, d, d, 100, Options{K: 100}); return err },
		"6336 bytes of pixels and 0 classes, want 100 pictures": func() error {
			_, err := reference(t, d, nil, 100, Options{}).Compare(t.Context(), d.Pix[:99*64], nil)
			return err
		},
		"100 pictures of 8x8x1": func() error {
			_, err := reference(t, d, nil, 100, Options{}).Compare(t.Context(), d.Pix[:100*64], make([]int32, 99))
			return err
		},
		"10 bytes of pixels": func() error { _, err := c.See(t.Context(), make([]uint8, 10), Options{}); return err },
	} {
		if err := f(); !errors.Is(err, ErrPictures) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewReference(ctx, c, d, d, 100, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// A network that makes no numbers is an error that says so.
func TestSeeNotFinite(t *testing.T) {
	m, err := networks.Classifier(networks.Config{Size: 8, Channels: 1, Width: 4, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		for i := range p.Data {
			p.Data[i] = math.MaxFloat32
		}
	}
	m.Changed()
	c, err := NewClassifier(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.See(t.Context(), pictures8(3, 1).Pix, Options{}); !errors.Is(err, ErrPictures) {
		t.Errorf("error %v", err)
	}
}
