package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train/networks"
)

// tuneRun is the metadata of testdata/finetune.oracle.
type tuneRun struct {
	batch, latent, embed, classes int
	steps                         map[string][2]float64
	labels                        []int32
	loss                          float64
	params                        []string
	file                          *oracle.File
}

func openTune(t *testing.T) tuneRun {
	t.Helper()
	var r tuneRun
	r.file = openOracle(t, "testdata/finetune.oracle", map[string]any{
		"batch": &r.batch, "latent": &r.latent, "embed": &r.embed, "classes": &r.classes,
		"steps": &r.steps, "labels": &r.labels, "loss": &r.loss, "params": &r.params,
	})
	return r
}

// network builds the oracle's generator, with or without its steps.
func (r tuneRun) network(t *testing.T, params string, rounded bool) *model.Model {
	t.Helper()
	g := &model.Graph{}
	round := func(v *model.Value, name string) *model.Value {
		if !rounded {
			return v
		}
		p := quant.Params{Scale: float32(r.steps[name][0]), Zero: int32(r.steps[name][1])}
		return g.Add(model.FakeQuantize{Steps: p}, v)
	}
	kernel, stride := [2]int{5, 5}, [2]int{2, 2}
	z, class := g.Input("z", model.Flat(r.latent)), g.Class("class", r.classes)
	z = round(z, "z")
	e := round(g.Add(model.Embedding{Dim: r.embed}, class), "embedding")
	x := round(g.Add(model.Concat{}, z, e), "concat")
	x = g.Add(model.LeakyReLU{Slope: 0.3}, g.Add(model.Dense{Units: 24, Bias: true}, x))
	x = g.Add(model.Reshape{H: 2, W: 2, C: 6}, round(x, "dense"))
	x = g.Add(model.LeakyReLU{Slope: 0.3}, g.Add(model.ConvTranspose2D{Filters: 4, Kernel: kernel, Stride: stride, Same: true, Bias: true}, x))
	x = g.Add(model.ConvTranspose2D{Filters: 1, Kernel: kernel, Stride: stride, Same: true, Bias: true}, round(x, "first"))
	m, err := model.FromGraph(params, g, g.Add(model.Tanh{}, x))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		copy(p.Data, r.file.Float32(params+"."+r.params[i]))
	}
	m.Changed()
	return m
}

// TestOracleFineTune takes a step beside PyTorch in float64: rounded weights, images, loss and
// gradients.
func TestOracleFineTune(t *testing.T) {
	r := openTune(t)
	for _, k := range simd.Variants() {
		t.Run(k.Name, func(t *testing.T) { r.check(t, k) })
	}
}

func (r tuneRun) check(t *testing.T, k *simd.Kernels) {
	student := r.network(t, "student", true)
	rounded, err := twinOf(student)
	if err != nil {
		t.Fatal(err)
	}
	o := newFineTune(student, r.network(t, "teacher", false))
	c := Default()
	c.Batch, c.Threads = r.batch, 1
	tr, err := New(c, rounded, nil, Tuning{Kernels: k, Components: Components{Objective: o}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	o.classOf = func(i int) int32 { return r.labels[i] }
	l, err := tr.Step(oneNoise(r.file.Float32("z")))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(l.Teacher-r.loss) > 1e-5*r.loss {
		t.Errorf("the loss is %g, want %g", l.Teacher, r.loss)
	}
	near := func(what string, got, want []float32, bound float64) {
		t.Helper()
		most := 0.0
		for _, v := range want {
			most = max(most, math.Abs(float64(v)))
		}
		for i, v := range got {
			if d := math.Abs(float64(v) - float64(want[i])); !(d <= bound*most) {
				t.Errorf("%s: value %d is %g, want %g", what, i, v, want[i])
				return
			}
		}
	}
	images := make([]float32, o.images.Len())
	o.images.Export(images, o.images.data)
	near("images", images, r.file.Float32("images"), 1e-5)
	for _, p := range rounded.Params() {
		name := r.params[indexOf(rounded.Params(), p)]
		if !strings.HasPrefix(name, "embedding") {
			near("rounded "+name, p.Data, r.file.Float32("rounded."+name), 0)
		}
	}
	grads, _ := tr.Gradients()
	for i, g := range grads {
		near("gradient of "+r.params[i], g.Data, r.file.Float32("grad."+r.params[i]), 2e-5)
	}
	if exact := student.Params()[1].Data; slices.Equal(exact, r.file.Float32("student."+r.params[1])) {
		t.Error("the weights that are trained have not changed")
	}
}

// oneNoise is a Source of given latents.
type oneNoise []float32

func (oneNoise) Reals([]float32, conv.Layout)                   {}
func (oneNoise) Labels([]int32)                                 {}
func (n oneNoise) Noise(dst []float32, m conv.Layout, _ uint64) { m.Import(dst, n) }

// tuned fine-tunes a small generator of classes and returns it in bytes.
func tuned(t *testing.T, o FineTuning) (before, after *model.Model, teacher *model.Model) {
	t.Helper()
	c := small()
	c.Conditional, c.Embed, c.Width = true, 3, 6
	g, _ := networksOf(t, c, 3)
	for _, p := range g.Params() { // images of some contrast
		for i := range p.Data {
			if strings.HasSuffix(p.Name, "gamma") {
				p.Data[i] = 1 + float32(i%7)/4
			} else if strings.HasPrefix(p.Name, "convtranspose2d") {
				p.Data[i] *= 3
			}
		}
	}
	g.Changed()
	f, _, err := g.Simulate(t.Context(), quant.Options{Images: 64})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range f.Params() { // so that there is something to learn
		for j := range p.Data {
			p.Data[j] *= 1 + float32((i+j)%5)/10
		}
	}
	f.Changed()
	if before, _, err = f.Quantize(t.Context(), quant.Options{Images: 64}); err != nil {
		t.Fatal(err)
	}
	if err := FineTune(t.Context(), f, g, o); err != nil {
		t.Fatal(err)
	}
	if after, _, err = f.Quantize(t.Context(), quant.Options{Images: 64}); err != nil {
		t.Fatal(err)
	}
	return before, after, g
}

// distance is the mean squared distance of the pixels that two models draw.
func distance(t *testing.T, a, b *model.Model) (sum float64) {
	t.Helper()
	const n = 60
	latent, class, err := a.GeneratorInputs()
	if err != nil {
		t.Fatal(err)
	}
	in := make([]model.Data, 2)
	in[latent].Floats = make([]float32, n*a.Inputs()[latent].Shape.Len())
	model.Latents(in[latent].Floats, a.Inputs()[latent].Shape.Len(), 1, 0)
	for i := range n {
		in[class].Classes = append(in[class].Classes, int32(i%3))
	}
	var pixels [2][]uint8
	for i, m := range []*model.Model{a, b} {
		s, err := m.NewSession(model.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		pixels[i] = make([]uint8, n*m.Output().Len())
		if err := s.RunFeed(t.Context(), model.Feed{In: in, Out: []model.Data{{Pixels: pixels[i]}}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range pixels[0] {
		d := float64(v) - float64(pixels[1][i])
		sum += d * d
	}
	return sum / float64(len(pixels[0]))
}

// TestFineTune: the bytes come nearer to the floats, the same for any number of threads.
func TestFineTune(t *testing.T) {
	steps := 0
	before, after, teacher := tuned(t, FineTuning{Steps: 60, Batch: 16, Rate: 1e-3, Seed: 3, Threads: 1, Log: func(step int, loss, _ float64) {
		if steps++; step != steps || !(loss > 0) {
			t.Errorf("step %d after %d, loss %g", step, steps-1, loss)
		}
	}})
	if steps != 60 {
		t.Errorf("%d steps", steps)
	}
	if was, is := distance(t, teacher, before), distance(t, teacher, after); !(is < 0.5*was) {
		t.Errorf("pixels are %g from those of the floats, %g before", is, was)
	}
	_, again, _ := tuned(t, FineTuning{Steps: 60, Batch: 16, Rate: 1e-3, Seed: 3, Threads: 3})
	for i, p := range after.Params() {
		if q := again.Params()[i]; !slices.Equal(p.Int8, q.Int8) || !slices.Equal(p.Int32, q.Int32) || !slices.Equal(p.Data, q.Data) {
			t.Errorf("%s differs with another number of threads", p.Name)
		}
	}
}

func TestFineTuneRefuses(t *testing.T) {
	c := small()
	c.Conditional, c.Embed = true, 3
	g, _ := networksOf(t, c, 3)
	other, _ := networksOf(t, c, 4)
	f, _, err := g.Simulate(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	for want, test := range map[string]struct {
		m, teacher *model.Model
		steps      int
	}{
		"0 steps":                   {f, g, 0},
		"the teacher has 4 classes": {f, other, 1},
		"that no weights precede":   {g, g, 1},
		"input x of 8x8x1":          {f, model.Discriminator(c.Model()), 1},
	} {
		err := FineTune(t.Context(), test.m, test.teacher, FineTuning{Steps: test.steps, Threads: 1})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := FineTune(t.Context(), f, g, FineTuning{Steps: 1, WeightBits: 5, Threads: 1}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "5 bits") {
		t.Errorf("weights of 5 bits: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := FineTune(t.Context(), f, g, FineTuning{Steps: 1, Features: g, Threads: 1}); !errors.Is(err, model.ErrShape) || !strings.Contains(err.Error(), "features") {
		t.Errorf("features of latents: %v", err)
	}
	if err := FineTune(ctx, f, g, FineTuning{Steps: 1, Threads: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	g.Params()[1].Data[0] = float32(math.NaN())
	g.Changed()
	if err := FineTune(t.Context(), f, g, FineTuning{Steps: 1, Threads: 1}); !errors.Is(err, ErrDiverged) {
		t.Errorf("a teacher of no numbers: %v", err)
	}
	f.Params()[1].Data[0] = float32(math.NaN())
	if err := FineTune(t.Context(), f, g, FineTuning{Steps: 1, Threads: 1}); err == nil || !strings.Contains(err.Error(), "value 0 is NaN") {
		t.Errorf("a weight that is no number: %v", err)
	}
}

// TestFeatureLossByFiniteDifferences moves single pixels and watches the loss.
func TestFeatureLossByFiniteDifferences(t *testing.T) {
	c := small()
	net, err := networks.Classifier(networks.Config{Family: "dcgan", Size: 8, Channels: 1, Width: 4, Levels: 2, Classes: 3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	folded, err := net.Folded()
	if err != nil {
		t.Fatal(err)
	}
	g, _ := networksOf(t, c, 0)
	f, _, err := g.Simulate(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	o := newFineTune(f, g)
	rounded, err := twinOf(f)
	if err != nil {
		t.Fatal(err)
	}
	o.features = &featureLoss{network: folded, weight: 0.7}
	tr, err := New(c, rounded, nil, Tuning{Components: Components{Objective: o}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	x, y, grad := o.images, o.images, o.images
	x.data, y.data, grad.data = make([]float32, x.Len()), make([]float32, x.Len()), make([]float32, x.Len())
	rng.FillUniform(x.data, rng.Key{1}, 0)
	rng.FillUniform(y.data, rng.Key{2}, 0)
	for i := range grad.data {
		grad.data[i] = 5
	}
	if loss := o.features.add(tr, grad, x, y); !(loss > 1e-3) {
		t.Errorf("features of other images are %g off", loss)
	}
	got := slices.Clone(grad.data)
	for _, at := range []int{0, 77, x.Len() - 1} {
		const h = 1e-2
		move := func(by float32) float64 {
			x.data[at] += by
			defer func() { x.data[at] -= by }()
			return 0.7 * o.features.add(tr, grad, x, y)
		}
		want := (move(h) - move(-h)) / (2 * h)
		if d := float64(got[at] - 5); math.Abs(d-want) > 0.02*math.Abs(want)+2e-5 {
			t.Errorf("gradient of pixel %d is %g, want %g", at, d, want)
		}
	}
	if loss := o.features.add(tr, grad, y, y); loss != 0 {
		t.Errorf("features of the same images are %g off", loss)
	}
}
