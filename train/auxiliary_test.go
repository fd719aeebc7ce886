package train

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train/networks"
)

// headsRun is the metadata of testdata/heads.oracle.
type headsRun struct {
	batch, latent, width, embed, classes int
	rate, weight, r1                     float64
	labels                               [][]int32
	losses                               map[string][][5]float64 // by case and step: G, D, ClassReal, ClassFake, Penalty
	names                                map[string]map[string][]string
	file                                 *oracle.File
}

func openHeads(t *testing.T) headsRun {
	t.Helper()
	var r headsRun
	r.file = openOracle(t, "testdata/heads.oracle", map[string]any{
		"batch": &r.batch, "latent": &r.latent, "width": &r.width, "embed": &r.embed, "classes": &r.classes,
		"rate": &r.rate, "weight": &r.weight, "r1": &r.r1, "labels": &r.labels, "losses": &r.losses, "names": &r.names,
	})
	return r
}

// trainer returns a Trainer at the case's first values.
func (r headsRun) trainer(t *testing.T, name string, k *simd.Kernels) *Trainer {
	t.Helper()
	c := small()
	c.Batch, c.Latent, c.Width, c.Embed, c.Dropout, c.Conditional = r.batch, r.latent, r.width, r.embed, 0, true
	c.Optimizer, c.LearningRate = "sgd", r.rate
	c.PenaltyEvery = 1
	switch name {
	case "projection":
	case "auxiliary":
		c.Projection, c.Auxiliary = false, r.weight
	case "both":
		c.Auxiliary, c.R1 = r.weight, r.r1
	case "spectral":
		c.Auxiliary, c.R1, c.SpectralNorm = r.weight, r.r1, true
	case "san":
		c.Projection, c.Auxiliary, c.SAN = false, r.weight, true
	case "all":
		c.Projection, c.Auxiliary, c.R1, c.SpectralNorm, c.SAN = false, r.weight, r.r1, true, true
	default:
		t.Fatalf("the oracle has a case %s", name)
	}
	g, d := networksOf(t, c, r.classes)
	for net, m := range map[string]*model.Model{"g": g, "d": d} {
		params := m.Params()
		if len(params) != len(r.names[name][net]) {
			t.Fatalf("%s: %d parameters, want %v", name, len(params), r.names[name][net])
		}
		for i, p := range params {
			copy(p.Data, r.file.Float32(name+"."+net+"."+r.names[name][net][i]))
		}
		m.Changed()
	}
	tr, err := New(c, g, d, Tuning{Kernels: k})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	for _, w := range tr.d.normalized {
		param := r.names[name]["d"][indexOf(d.Params(), w.param)]
		if !w.direction {
			copy(w.u, r.file.Float32(name+".u."+param))
			copy(w.v, r.file.Float32(name+".v."+param))
			w.step()
			w.apply()
		}
	}
	tr.d.repack()
	return tr
}

// networksOf returns the pair that c describes.
func networksOf(t testing.TB, c Config, classes int) (g, d *model.Model) {
	t.Helper()
	g, err := networks.Generator(c.Networks(classes))
	if err != nil {
		t.Fatal(err)
	}
	if d, err = networks.Discriminator(c.Networks(classes)); err != nil {
		t.Fatal(err)
	}
	return g, d
}

// TestOracleHeads takes pairs with classes through two steps beside PyTorch in float64.
func TestOracleHeads(t *testing.T) {
	r := openHeads(t)
	for _, k := range simd.Variants() {
		for name := range r.losses {
			t.Run(k.Name+"/"+name, func(t *testing.T) { r.check(t, name, k) })
		}
	}
}

func (r headsRun) check(t *testing.T, name string, k *simd.Kernels) {
	tr := r.trainer(t, name, k)
	reals, noise := r.file.Float32("reals"), r.file.Float32("noise")
	for step, want := range r.losses[name] {
		nr, nz := len(reals)/2, len(noise)/2
		l, err := tr.StepOn(reals[step*nr:][:nr], noise[step*nz:][:nz], r.labels[step])
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range []float64{l.G, l.D, l.ClassReal, l.ClassFake, l.Penalty} {
			if math.Abs(got-want[i]) > 1e-5*math.Abs(want[i]) {
				t.Errorf("step %d: %s is %.9g, want %.9g", step+1, []string{"G", "D", "ClassReal", "ClassFake", "Penalty"}[i], got, want[i])
			}
		}
		if step > 0 {
			continue
		}
		for net, n := range map[string]*Network{"g": tr.g, "d": tr.d} {
			for i, p := range n.model.Params() {
				at := indexOf(n.params, n.trainable(p))
				if at < 0 {
					continue
				}
				param := r.names[name][net][i]
				if e := oracle.Error(n.grads[at].Data, r.file.Float32(name+"."+net+"."+param+".grad")); !(e <= 4e-6) {
					t.Errorf("gradient of %s.%s: error %.3g of the largest value", net, param, e)
				}
			}
		}
	}
}

func indexOf(list []*model.Param, p *model.Param) int {
	for i, q := range list {
		if p == q {
			return i
		}
	}
	return -1
}

// withAuxiliary are settings of a small pair with both kinds of judging classes.
func withAuxiliary(t testing.TB) Config {
	c, _, _ := conditional(t, "dcgan")
	c.Auxiliary = 0.7
	return c
}

// TestAuxiliaryByFiniteDifferences moves single weights and watches the losses, each with its own
// part of the head's.
func TestAuxiliaryByFiniteDifferences(t *testing.T) {
	c := withAuxiliary(t)
	at := func(net, param, at int, h float32) (float64, []*model.Param) {
		g, d := networksOf(t, c, 3)
		p := []*model.Model{g, d}[net].TrainableParams()[param]
		p.Data[at] += h
		tr, err := New(c, g, d, Tuning{})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		l, err := tr.Step(random{5})
		if err != nil {
			t.Fatal(err)
		}
		grads, dGrads := tr.Gradients()
		if net == 1 {
			return l.D + c.Auxiliary*l.ClassReal, dGrads
		}
		return l.G + c.Auxiliary*l.ClassFake, grads
	}
	for net := range 2 {
		_, grads := at(net, 0, 0, 0)
		for i, p := range grads {
			var worst, scale float64
			for _, e := range []int{0, len(p.Data) / 3, len(p.Data) - 1} {
				const h = 1e-4
				up, _ := at(net, i, e, h)
				down, _ := at(net, i, e, -h)
				want := (up - down) / (2 * h)
				worst, scale = max(worst, math.Abs(float64(p.Data[e])-want)), max(scale, math.Abs(want))
			}
			if worst > 0.02*scale+5e-4 {
				t.Errorf("gradient of %s: off by %g where they reach %g", p.Name, worst, scale)
			}
		}
	}
}

// TestAuxiliarySteps: the same bits on any number of threads, with and without augmentation and
// projection, and no allocation.
func TestAuxiliarySteps(t *testing.T) {
	for _, set := range []func(c *Config){
		func(c *Config) {}, func(c *Config) { c.Augment = "translate,color" },
		func(c *Config) { c.Projection = false }, func(c *Config) { c.Dropout, c.Loss = 0.3, "relativistic" },
	} {
		var first map[string][]float32
		for threads := 1; threads <= 3; threads += 2 {
			c := withAuxiliary(t)
			set(&c)
			c.Threads = threads
			g, d := networksOf(t, c, 3)
			tr, err := New(c, g, d, Tuning{})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			for range 3 {
				if _, err := tr.Step(random{3}); err != nil {
					t.Fatal(err)
				}
			}
			if first == nil {
				first = stateOf(tr)
			} else if name := differ(first, stateOf(tr)); name != "" {
				t.Errorf("%d threads: %s is not the same", threads, name)
			}
			var from Source = random{1}
			if n := alloctest.PerRun(func() {
				if _, err := tr.Step(from); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%d allocations a step", n)
			}
		}
	}
}

// TestAuxiliaryResumes: a run that was stopped goes on to the same bits, and its metrics tell of
// the head.
func TestAuxiliaryResumes(t *testing.T) {
	data := images(perEpoch*6, 1)
	for i := range data.N {
		data.Labels = append(data.Labels, int32(i%3))
	}
	with := func(epochs, threads int, resume bool) func(*Config, *Options) {
		return func(c *Config, o *Options) {
			*c = withAuxiliary(t)
			c.Epochs, c.Threads, o.Resume = epochs, threads, resume
		}
	}
	whole, parts := t.TempDir(), t.TempDir()
	runWith(t, whole, data, with(2, 1, false))
	runWith(t, parts, data, with(1, 2, false))
	runWith(t, parts, data, with(2, 1, true))
	sameEnd(t, "auxiliary", parts, whole)
	_, _, lines := endOf(t, whole)
	if m := lines[len(lines)-1]; !(m.ClassReal > 0) || !(m.ClassFake > 0) {
		t.Errorf("the metrics are %+v", m)
	}
}

func TestAuxiliaryRefused(t *testing.T) {
	for says, set := range map[string]func(c *Config){
		"projection":     func(c *Config) { c.Auxiliary, c.Projection = 0, false },
		"auxiliary is -": func(c *Config) { c.Auxiliary = -1 },
		"auxiliary is N": func(c *Config) { c.Auxiliary = math.NaN() },
	} {
		c := withAuxiliary(t)
		set(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	c := withAuxiliary(t)
	g, d := networksOf(t, c, 3)
	plain, other := c, c
	plain.Auxiliary, other.Conditional = 0, false
	_, noHead := networksOf(t, plain, 3)
	noClasses := model.Generator(c.Model())
	_, four := networksOf(t, c, 4)
	for what, pair := range map[string][2]*model.Model{"no head": {g, noHead}, "no classes": {noClasses, d}, "other classes": {g, four}} {
		if _, err := New(c, pair[0], pair[1], Tuning{}); !errors.Is(err, ErrConfig) && !errors.Is(err, model.ErrShape) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tr, err := New(c, g, d, Tuning{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	labels := make([]int32, c.Batch)
	labels[2] = 3
	if _, err := tr.StepOn(make([]float32, c.Batch*64), make([]float32, c.Batch*c.Latent), labels); !errors.Is(err, model.ErrShape) {
		t.Errorf("a label that is no class: %v", err)
	}
}
