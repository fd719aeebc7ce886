package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// small is the reference scaled down: the same layers on 8x8 pictures.
func small() Config {
	c := Default()
	c.Epochs, c.Batch, c.Latent, c.Width, c.Size, c.Threads = 2, 6, 5, 3, 8, 1
	return c
}

func newTrainer(t testing.TB, c Config, k *simd.Kernels) *Trainer {
	t.Helper()
	tr, err := New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), Tuning{Kernels: k})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// random is a Source of noise that needs no dataset.
type random struct{ seed uint32 }

func (r random) Reals(dst []float32, m conv.Layout) {
	for p := range m.Positions() {
		rng.FillUniform(dst[p*m.Stride:][:m.N*m.C], rng.Key{r.seed, 1}, uint64(p))
	}
}

func (r random) Labels(dst []int32) {
	for n := range dst {
		dst[n] = int32(n % 3)
	}
}

func (r random) Noise(dst []float32, m conv.Layout, step uint64) {
	for n := range m.N {
		rng.FillNormal(dst[n*m.C:][:m.C], rng.Key{r.seed, 2}.Sub(step), uint64(n))
	}
}

// stateOf copies everything that a step changes.
func stateOf(t *Trainer) map[string][]float32 {
	s := map[string][]float32{}
	for _, x := range t.state() {
		s[x.Name] = slices.Clone(x.Floats)
	}
	return s
}

// differ names an array in which two states are not the same to the bit.
func differ(a, b map[string][]float32) string {
	for name := range a {
		for i := range max(len(a[name]), len(b[name])) {
			if i >= len(a[name]) || i >= len(b[name]) || math.Float32bits(a[name][i]) != math.Float32bits(b[name][i]) {
				return name
			}
		}
	}
	return ""
}

func TestStepIsTheSameForAnyThreads(t *testing.T) {
	for _, k := range simd.Variants() {
		var want map[string][]float32
		var losses Losses
		for threads := 1; threads <= 3; threads++ {
			c := small()
			c.Threads = threads
			tr := newTrainer(t, c, k)
			var last Losses
			for range 3 {
				var err error
				if last, err = tr.Step(random{1}); err != nil {
					t.Fatal(err)
				}
			}
			if want == nil {
				want, losses = stateOf(tr), last
				continue
			}
			if name := differ(want, stateOf(tr)); name != "" || last != losses {
				t.Errorf("%s: %d threads change %q, losses %+v, want %+v", k.Name, threads, name, last, losses)
			}
		}
	}
}

// TestGradientsByFiniteDifferences moves single weights and watches the losses,
// which checks the one backward pass for both of them and all that it crosses.
func TestGradientsByFiniteDifferences(t *testing.T) {
	for name, set := range map[string]func(c *Config){
		"reference": func(*Config) {}, "smoothed": func(c *Config) { c.LabelSmoothing = 0.2 },
		"noisy": func(c *Config) { c.InstanceNoise, c.InstanceNoiseSteps = 0.5, 2 },
	} {
		c := small()
		c.Seed = 5
		set(&c)
		t.Run(name, func(t *testing.T) { checkByFiniteDifferences(t, c) })
	}
}

func checkByFiniteDifferences(t *testing.T, c Config) {
	losses := func(net, param, at int, h float32) Losses {
		tr := newTrainer(t, c, nil)
		defer tr.Close()
		p := []*model.Model{tr.Generator(), tr.Discriminator()}[net].TrainableParams()[param]
		p.Data[at] += h
		tr.g.repack()
		tr.d.repack()
		l, err := tr.Step(random{2})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	tr := newTrainer(t, c, nil)
	if _, err := tr.Step(random{2}); err != nil {
		t.Fatal(err)
	}
	g, d := tr.Gradients()
	for net, grads := range [][]*model.Param{g, d} {
		for i, p := range grads {
			var worst, scale float64
			for _, at := range []int{0, len(p.Data) / 3, len(p.Data) - 1} {
				const h = 1e-4
				up, down := losses(net, i, at, h), losses(net, i, at, -h)
				want := (up.G - down.G) / (2 * h)
				if net == 1 {
					want = (up.D - down.D) / (2 * h)
				}
				worst = max(worst, math.Abs(float64(p.Data[at])-want))
				scale = max(scale, math.Abs(want))
			}
			if worst > 0.02*scale+5e-4 {
				t.Errorf("gradient of %s: off by %g where they reach %g", p.Name, worst, scale)
			}
			if scale == 0 {
				t.Errorf("gradient of %s: the losses do not depend on it", p.Name)
			}
		}
	}
}

// Both updates use gradients at the same weights: training one network with
// the other's learning rate at nought would not change what it does.
func TestStepUpdatesBothFromTheSameWeights(t *testing.T) {
	c := small()
	tr := newTrainer(t, c, nil)
	before := stateOf(tr)
	if _, err := tr.Step(random{3}); err != nil {
		t.Fatal(err)
	}
	after := stateOf(tr)
	g, d := tr.Gradients()
	for i, grads := range [][]*model.Param{g, d} {
		net := []string{"generator.", "discriminator."}[i]
		for j, p := range []*model.Model{tr.Generator(), tr.Discriminator()}[i].TrainableParams() {
			for e, x := range grads[j].Data {
				// Adam's first step is the learning rate against the gradient's sign.
				want := -1e-4 * float64(x) / (math.Abs(float64(x)) + 1e-7/math.Sqrt(0.001))
				if got := float64(after[net+p.Name][e]) - float64(before[net+p.Name][e]); math.Abs(got-want) > 3e-7 {
					t.Fatalf("%s%s at %d moves by %g, want %g", net, p.Name, e, got, want)
				}
			}
		}
	}
	if tr.Steps() != 1 {
		t.Errorf("%d steps", tr.Steps())
	}
}

func TestStepOn(t *testing.T) {
	c := small()
	a, b := newTrainer(t, c, nil), newTrainer(t, c, nil)
	reals, noise := make([]float32, c.Batch*c.Size*c.Size), make([]float32, c.Batch*c.Latent)
	rng.FillUniform(reals, rng.Key{9}, 0)
	rng.FillNormal(noise, rng.Key{9}, 1)
	if _, err := a.StepOn(reals, noise, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Step(given{reals, noise, nil}); err != nil {
		t.Fatal(err)
	}
	if name := differ(stateOf(a), stateOf(b)); name != "" {
		t.Errorf("%s is not the same", name)
	}
	for _, x := range [][2][]float32{{reals[1:], noise}, {reals, noise[1:]}, {nil, nil}} {
		if _, err := a.StepOn(x[0], x[1], nil); !errors.Is(err, model.ErrShape) {
			t.Errorf("%d and %d values: %v", len(x[0]), len(x[1]), err)
		}
	}
}

func TestStepThatDiverges(t *testing.T) {
	c := small()
	reals, noise := make([]float32, c.Batch*c.Size*c.Size), make([]float32, c.Batch*c.Latent)
	rng.FillNormal(noise, rng.Key{9}, 1)
	spoil := map[string]func(tr *Trainer){
		"a pixel":      func(*Trainer) { reals[7] = float32(math.NaN()) },
		"a latent":     func(*Trainer) { reals[7], noise[3] = 0, float32(math.Inf(1)) },
		"only a slope": nil,
	}
	// A weight of 1e38 in the last layer but finite logits: the gradient overflows.
	spoil["only a slope"] = func(tr *Trainer) {
		reals[7], noise[3] = 0, 0
		p := tr.Discriminator().TrainableParams()
		clear(p[0].Data)
		clear(p[1].Data)
		for i := range p[2].Data {
			p[2].Data[i] = 1e25
		}
		for i := range p[4].Data {
			p[4].Data[i] = 1e25
		}
		tr.d.repack()
	}
	for _, name := range []string{"a pixel", "a latent", "only a slope"} {
		tr := newTrainer(t, c, nil)
		spoil[name](tr)
		before := stateOf(tr)
		if _, err := tr.StepOn(reals, noise, nil); !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: error %v", name, err)
		}
		after := stateOf(tr)
		for x := range after {
			if strings.Contains(x, ".moving_") { // the forward pass has moved them
				delete(after, x)
				delete(before, x)
			}
		}
		if x := differ(before, after); x != "" || tr.Steps() != 0 {
			t.Errorf("%s: %q has changed, %d steps", name, x, tr.Steps())
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	tr := newTrainer(t, small(), nil)
	var from Source = random{1}
	if n := alloctest.PerRun(func() {
		if _, err := tr.Step(from); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%d allocations a step", n)
	}
}

func TestObserve(t *testing.T) {
	c := small()
	type stage struct {
		network, operator, name string
	}
	seen := map[stage]bool{}
	var tr *Trainer
	observe := func(network string, op int, name string, d time.Duration) {
		g, dops := tr.Ops()
		ops := map[string][]model.OpInfo{"generator": g, "discriminator": dops}[network]
		if op < 0 || op >= len(ops) || d < 0 {
			t.Fatalf("%s: operator %d of %d, %v", network, op, len(ops), d)
		}
		seen[stage{network, ops[op].Name, name}] = true
	}
	tr, err := New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), Tuning{Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Step(random{1}); err != nil {
		t.Fatal(err)
	}
	for network, m := range map[string]*model.Model{"generator": tr.Generator(), "discriminator": tr.Discriminator()} {
		for _, l := range m.Layers() {
			if l.MACs == 0 {
				continue
			}
			found := false
			for s := range seen {
				found = found || s.network == network && strings.HasPrefix(s.operator, l.Name) && s.name == "weight gradient"
			}
			if !found {
				t.Errorf("%s: no weight gradient of %s among %v", network, l.Name, seen)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	c := small()
	net := func(in model.Shape, layers ...model.Op) *model.Model {
		m, err := model.New("x", in, layers...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	image := model.Shape{H: 8, W: 8, C: 1}
	for name, x := range map[string]struct {
		g, d *model.Model
		want error
		says string
	}{
		"batch norm":  {model.Generator(c.Model()), net(image, model.Flatten{}, model.BatchNorm{}, model.Dense{Units: 1}), ErrConfig, "layer 1 (batchnorm)"},
		"two logits":  {model.Generator(c.Model()), net(image, model.Flatten{}, model.Dense{Units: 2}), model.ErrShape, "not one logit"},
		"other image": {net(model.Flat(5), model.Dense{Units: 16}), model.Discriminator(c.Model()), model.ErrShape, "8x8x1"},
	} {
		if _, err := New(c, x.g, x.d, Tuning{}); !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: error %v, want %v that says %q", name, err, x.want, x.says)
		}
	}
	c.Batch = 0
	if _, err := New(c, nil, nil, Tuning{}); !errors.Is(err, ErrConfig) {
		t.Errorf("no batch: %v", err)
	}
}

// Reals much brighter than anything that an untrained generator draws pull it
// towards them.
func TestGeneratorFollowsTheReals(t *testing.T) {
	c := small()
	c.LearningRate, c.Batch = 2e-3, 16
	tr := newTrainer(t, c, nil)
	bright := make([]float32, c.Batch*c.Size*c.Size)
	for i := range bright {
		bright[i] = 0.9
	}
	noise := make([]float32, c.Batch*c.Latent)
	var first, last float32
	for i := range 60 {
		rng.FillNormal(noise, rng.Key{4}, uint64(i))
		if _, err := tr.StepOn(bright, noise, nil); err != nil {
			t.Fatal(err)
		}
		var sum float32
		m, x := tr.g.passes[0].Output()
		for p := range m.Positions() {
			for _, v := range x[p*m.Stride:][:m.N*m.C] {
				sum += v
			}
		}
		last = sum / float32(len(bright))
		if i == 0 {
			first = last
		}
	}
	if last < first+0.3 {
		t.Errorf("the generator's mean pixel went from %g to %g while the reals are 0.9", first, last)
	}
}
