package train

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/model"
)

// settings are runs beside the reference, each with all that a checkpoint must hold.
var settings = map[string]func(c *Config){
	"adamw":   func(c *Config) { c.Optimizer, c.WeightDecay = "adamw", 0.1 },
	"rmsprop": func(c *Config) { c.Optimizer, c.Loss = "rmsprop", "wasserstein" },
	"sgd":     func(c *Config) { c.Optimizer, c.LearningRate, c.Loss = "sgd", 0.01, "hinge" },
	"nesterov": func(c *Config) {
		c.Optimizer, c.LearningRate, c.Momentum, c.Nesterov, c.Loss = "sgd", 0.01, 0.9, true, "lsgan"
	},
	"two rates": func(c *Config) { c.DLearningRate, c.DBeta1, c.DBeta2, c.Loss = 4e-4, 0, 0.9, "relativistic" },
	"scheduled": func(c *Config) { c.Schedule, c.WarmupSteps, c.DecaySteps, c.FinalRate = "cosine", 3, 4, 0.1 },
	"clipped":   func(c *Config) { c.ClipNorm = 0.01 },
	"averaged":  func(c *Config) { c.EMAImages = 20 },
	"smoothed":  func(c *Config) { c.LabelSmoothing = 0.2 },
	"d steps":   func(c *Config) { c.DSteps = 3 },
	"noisy":     func(c *Config) { c.InstanceNoise, c.InstanceNoiseSteps = 0.5, 6 },
	"spectral":  func(c *Config) { c.SpectralNorm, c.Optimizer = true, "adamw" },
	"san":       func(c *Config) { c.SAN, c.Loss, c.DSteps = true, "hinge", 2 },
	"augmented": func(c *Config) { c.Augment = "translate,color" },
	"stacked":   func(c *Config) { c.Stack, c.Augment = true, "translate,cutout" },
}

// Every setting takes part in the numbers, and a run that was stopped, even with other threads,
// ends at the same bits.
func TestSettingsResume(t *testing.T) {
	reference := t.TempDir()
	if err := runIn(t, reference, nil); err != nil {
		t.Fatal(err)
	}
	_, base, _ := endOf(t, reference)
	for name, set := range settings {
		whole, parts := t.TempDir(), t.TempDir()
		if err := runIn(t, whole, func(c *Config, o *Options) { set(c) }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := runIn(t, parts, func(c *Config, o *Options) { set(c); c.Epochs, c.Threads = 1, 2 }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := runIn(t, parts, func(c *Config, o *Options) { set(c); o.Resume = true }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameEnd(t, name, parts, whole)
		_, state, _ := endOf(t, whole)
		if differ(base, state) == "" && len(base) == len(state) {
			t.Errorf("%s changes nothing", name)
		}
	}
}

func TestSettingsAllocateNothing(t *testing.T) {
	for name, set := range settings {
		c := small()
		set(&c)
		tr := newTrainer(t, c, nil)
		var from Source = random{1}
		if n := alloctest.PerRun(func() {
			if _, err := tr.Step(from); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %d allocations a step", name, n)
		}
	}
}

// The average is that of its definition, and what a run saves.
func TestAverage(t *testing.T) {
	c := small()
	c.EMAImages = 9 // a step of 6 images keeps 0.5^(2/3)
	tr := newTrainer(t, c, nil)
	want := map[string][]float64{}
	for _, p := range tr.Generator().Params() {
		for _, x := range p.Data {
			want[p.Name] = append(want[p.Name], float64(x))
		}
	}
	keep := math.Pow(0.5, 2.0/3)
	for range 5 {
		if _, err := tr.Step(random{1}); err != nil {
			t.Fatal(err)
		}
		for _, p := range tr.Generator().Params() {
			for i, x := range p.Data {
				want[p.Name][i] = keep*want[p.Name][i] + (1-keep)*float64(x)
			}
		}
	}
	for _, p := range tr.Average().Params() {
		for i, x := range p.Data {
			if d := math.Abs(float64(x) - want[p.Name][i]); d > 1e-6 {
				t.Fatalf("%s at %d is %g, want %g", p.Name, i, x, want[p.Name][i])
			}
		}
	}
	if newTrainer(t, small(), nil).Average() != nil {
		t.Error("an average that no setting asks for")
	}

	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.EMAImages = 9 }); err != nil {
		t.Fatal(err)
	}
	g, err := model.Load(dir + "/" + GeneratorFile)
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := endOf(t, dir)
	for _, p := range g.Params() {
		if differ(map[string][]float32{"it": p.Data}, map[string][]float32{"it": state["ema."+p.Name]}) != "" {
			t.Errorf("%s of the saved generator is not the average's", p.Name)
		}
	}
}

// A caller's own pair of networks, in a shape that no Config describes, trains and resumes.
func TestRunOfOtherNetworks(t *testing.T) {
	pair := func(c *Config, o *Options) {
		build := func(name string, in model.Shape, layers ...model.Op) *model.Model {
			m, err := model.New(name, in, layers...)
			if err != nil {
				t.Fatal(err)
			}
			m.Init(3, model.GlorotUniform)
			return m
		}
		o.Generator = build("g", model.Flat(7), model.Dense{Units: 64}, model.Reshape{H: 8, W: 8, C: 1}, model.Tanh{})
		o.Discriminator = build("d", model.Shape{H: 8, W: 8, C: 1}, model.Flatten{}, model.Dense{Units: 9}, model.LeakyReLU{Slope: 0.2}, model.Dense{Units: 1, Bias: true})
		c.Size, c.Latent = 28, 100 // what the Config describes does not count
	}
	whole, parts := t.TempDir(), t.TempDir()
	if err := runIn(t, whole, pair); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { pair(c, o); c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { pair(c, o); o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "other networks", parts, whole)
	err := runIn(t, parts, func(c *Config, o *Options) { pair(c, o); o.Generator, o.Resume, c.Size = nil, true, 28 })
	if !errors.Is(err, ErrConfig) {
		t.Errorf("a generator of another size: %v", err)
	}
	err = runIn(t, parts, func(c *Config, o *Options) {
		pair(c, o)
		o.Resume, o.Discriminator = true, nil
		c.Size, c.Latent = 8, 100
	})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "size is 8") {
		t.Errorf("another discriminator: %v", err)
	}
}
