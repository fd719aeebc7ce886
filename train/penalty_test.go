package train

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// conditional returns settings of a small pair with classes, and the pair.
func conditional(t testing.TB, family string) (c Config, g, d *model.Model) {
	t.Helper()
	c = small()
	c.Family, c.Conditional, c.Dropout, c.Embed = family, true, 0, 3
	g, err := networks.Generator(c.Networks(3))
	if err != nil {
		t.Fatal(err)
	}
	if d, err = networks.Discriminator(c.Networks(3)); err != nil {
		t.Fatal(err)
	}
	return c, g, d
}

// smooth is a discriminator without kinks, so that differences tell its derivatives: its logit is
// linear in the pixels, but not in the weights.
func smooth(t testing.TB) *model.Model {
	t.Helper()
	g := &model.Graph{}
	x, class := g.Input("x", model.Shape{H: 8, W: 8, C: 1}), g.Class("class", 3)
	f := g.Add(model.Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Same: true, Bias: true}, x)
	f = g.Add(model.Flatten{}, g.Add(model.Conv2D{Filters: 5, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Same: true, Bias: true}, f))
	logit := g.Add(model.Dense{Units: 1, Bias: true}, f)
	own := g.Add(model.Dense{Units: 1}, g.Add(model.Mul{}, f, g.Add(model.Embedding{Dim: f.Shape.Len()}, class)))
	m, err := model.FromGraph("discriminator", g, g.Add(model.Add{}, logit, own))
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	return m
}

// TestPenaltyGradients holds the gradients that a penalty adds to differences of its value.
func TestPenaltyGradients(t *testing.T) {
	for _, kind := range []string{"r1", "r2", "gp"} {
		t.Run(kind, func(t *testing.T) { checkPenaltyGradients(t, kind) })
	}
}

func checkPenaltyGradients(t *testing.T, kind string) {
	c, g, _ := conditional(t, "dcgan")
	d := smooth(t)
	o := NewGAN("bce", BCE, GANOptions{Penalties: []Penalty{{kind, 3, 2}}})
	tr, err := New(c, g, d, Tuning{Components: Components{Objective: o}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	from := random{5}
	from.Reals(o.reals.data, o.reals.Layout)
	from.Noise(o.noise.data, o.noise.Layout, 1)
	o.takeClasses(from, c.Batch)
	o.gPass.Forward(1)

	grads := o.dPass.Grads()
	value := func() float64 {
		tr.d.repack()
		return o.penalties[0].add(tr, o, 1)
	}
	for i, p := range d.TrainableParams() {
		direction := make([]float32, len(p.Data))
		rng.FillNormal(direction, rng.Key{7}, uint64(i))
		for _, q := range grads {
			clear(q.Data)
		}
		value()
		var want float64
		for j, v := range grads[i].Data {
			want += float64(v) * float64(direction[j])
		}
		const step = 1.0 / 256
		at := append([]float32(nil), p.Data...)
		shift := func(by float32) float64 {
			for j := range p.Data {
				p.Data[j] = at[j] + by*direction[j]
			}
			return value()
		}
		got := (shift(step) - shift(-step)) / (2 * step)
		shift(0)
		if math.Abs(got-want) > 0.02*math.Abs(want)+1e-3 {
			t.Errorf("%s: the value changes by %.5g, the gradient says %.5g", p.Name, got, want)
		}
	}
}

func TestPenaltySettings(t *testing.T) {
	for _, p := range []Penalty{{"r3", 1, 1}, {"r1", 0, 1}, {"r1", -1, 1}, {"gp", math.NaN(), 1}, {"r2", 1, 0}} {
		if err := p.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestPenaltySteps trains every family with classes and penalties: the same bits on any number of
// threads, and another discriminator than without penalties.
func TestPenaltySteps(t *testing.T) {
	for _, family := range networks.Families() {
		var first map[string][]float32
		for _, c := range []struct {
			threads int
			r1, gp  float64
		}{{1, 2, 0.5}, {3, 2, 0.5}, {1, 0, 0}} {
			now, g, d := conditional(t, family)
			now.Threads, now.R1, now.GP, now.PenaltyEvery = c.threads, c.r1, c.gp, 2
			tr, err := New(now, g, d, Tuning{})
			if err != nil {
				t.Fatal(family, err)
			}
			for range 4 {
				if _, err := tr.Step(random{3}); err != nil {
					t.Fatal(family, err)
				}
			}
			state := stateOf(tr)
			tr.Close()
			switch name := differ(state, first); {
			case first == nil:
				first = state
			case c.r1 > 0 && name != "":
				t.Errorf("%s: %d threads: %s is not the same", family, c.threads, name)
			case c.r1 == 0 && name == "":
				t.Errorf("%s: penalties change nothing", family)
			}
		}
	}
}

// TestPenaltyRefused: an operator without a tangent is named.
func TestPenaltyRefused(t *testing.T) {
	c := small()
	c.R1 = 1
	curved, err := model.New("discriminator", model.Shape{H: 8, W: 8, C: 1}, model.Flatten{}, model.Dense{Units: 4}, model.Tanh{}, model.Dense{Units: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(c, model.Generator(c.Model()), curved, Tuning{})
	if !errors.Is(err, model.ErrRule) || !strings.Contains(err.Error(), "tanh2") && !strings.Contains(err.Error(), "layer 2 (tanh)") || !strings.Contains(err.Error(), "penalty r1") {
		t.Errorf("%v", err)
	}
}
