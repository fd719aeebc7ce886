package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// TestCrossEntropy holds the loss and its gradient to PyTorch's, in a layout with room between
// rows.
func TestCrossEntropy(t *testing.T) {
	f, err := oracle.Open("testdata/crossentropy.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var wantLoss, wantRight float64
	var labels []int32
	for name, to := range map[string]any{"loss": &wantLoss, "right": &wantRight, "labels": &labels} {
		if err := f.Meta(name, to); err != nil {
			t.Fatal(err)
		}
	}
	shape := f.Shape("logits")
	n, k := shape[0], shape[1]
	m := conv.Layout{H: 1, W: 1, C: k, N: n, Row: k + 3, Stride: n * (k + 3)}
	o := &Classify{logits: window{m, make([]float32, m.Len())}, dLogits: make([]float32, m.Len()), labels: labels}
	m.Import(o.logits.data, f.Float32("logits"))
	loss, right := o.crossEntropy()
	if math.Abs(loss-wantLoss) > 1e-12*wantLoss || right != wantRight {
		t.Errorf("loss %v, right %v, want %v and %v", loss, right, wantLoss, wantRight)
	}
	got := make([]float32, n*k)
	m.Export(got, o.dLogits)
	if e := oracle.Error(got, f.Float32("grad")); e > 1e-7 {
		t.Errorf("the gradient is off by %g", e)
	}
}

// moved is the image that move has made, for a batch of images of their own indices as pixels.
func TestMove(t *testing.T) {
	const n, h, w, c, shift = 64, 5, 4, 2, 2
	m := conv.Layout{H: h, W: w, C: c, N: n, Row: c, Stride: n * c}
	still, image := window{m, make([]float32, m.Len())}, window{m, make([]float32, m.Len())}
	for i := range still.data {
		still.data[i] = float32(i)
	}
	o := &Classify{shift: shift, shifted: image, still: still, key: rng.NewKey(1, rng.Augment)}
	o.move(3)
	seen := map[[2]int]bool{}
	for i := range n {
		found := false
		for dy := -shift; dy <= shift && !found; dy++ {
			for dx := -shift; dx <= shift && !found; dx++ {
				if found = isMoved(image, still, i, dy, dx); found {
					seen[[2]int{dy, dx}] = true
				}
			}
		}
		if !found {
			t.Errorf("image %d is not the one before, moved by %d at most", i, shift)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d ways to move 64 images", len(seen))
	}
	first := slices.Clone(image.data)
	o.move(4)
	if slices.Equal(first, image.data) {
		t.Error("two steps move images alike")
	}
	o.move(3)
	if !slices.Equal(first, image.data) {
		t.Error("a step moves images otherwise the next time")
	}
}

// TestClassifyAugment asks that a step's images are those of the data set, about half of them
// mirrored, and that the next step mirrors others.
func TestClassifyAugment(t *testing.T) {
	c := classifying()
	c.Shift, c.Augment = 0, "flip"
	g, err := networks.Classifier(networks.Config{Size: 8, Channels: 1, Width: 4, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := New(c, g, nil, Tuning{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	o := trainer.objective.(*Classify)
	mirrored := func() (flips []bool) {
		t.Helper()
		if _, err := trainer.Step(random{1}); err != nil {
			t.Fatal(err)
		}
		for i := range o.image.N {
			same, flip := true, true
			for p := range 64 {
				got := o.image.pixel(p, i)[0]
				same = same && got == o.shifted.pixel(p, i)[0]
				flip = flip && got == o.shifted.pixel(p/8*8+7-p%8, i)[0]
			}
			if same == flip {
				t.Fatalf("image %d is neither as it was nor mirrored", i)
			}
			flips = append(flips, flip)
		}
		return flips
	}
	first, second := mirrored(), mirrored()
	if !slices.Contains(first, true) || !slices.Contains(first, false) {
		t.Errorf("mirrored: %v", first)
	}
	if slices.Equal(first, second) {
		t.Error("two steps mirror the same images")
	}
}

func isMoved(image, still window, n, dy, dx int) bool {
	for y := range image.H {
		for x := range image.W {
			fy, fx := min(max(y+dy, 0), image.H-1), min(max(x+dx, 0), image.W-1)
			for c := range image.C {
				at := func(w window, y, x int) float32 { return w.data[(y*w.W+x)*w.Stride+n*w.Row+c] }
				if at(image, y, x) != at(still, fy, fx) {
					return false
				}
			}
		}
	}
	return true
}

// labeled returns n noisy pictures of three classes: bright above, below, or on the left.
func labeled(n int, seed uint32) *dataset.Dataset {
	d := images(n, seed)
	words := rng.NewStream(rng.Key{seed, 1})
	for i := range n {
		label := int32(words.Below(3))
		d.Labels = append(d.Labels, label)
		for p := range 64 {
			y, x := p/8, p%8
			if label == 0 && y < 4 || label == 1 && y >= 4 || label == 2 && x < 4 {
				d.Pix[i*64+p] = 128 + d.Pix[i*64+p]/2
			} else {
				d.Pix[i*64+p] /= 2
			}
		}
	}
	return d
}

func classifying() Config {
	c := small()
	c.Task, c.Shift, c.Width, c.LearningRate, c.EMAImages, c.MetricsEvery = "classify", 1, 8, 1e-2, 20, 3
	return c
}

func classify(t *testing.T, dir string, data *dataset.Dataset, change func(*Config, *Options)) error {
	t.Helper()
	c, o := classifying(), Options{Dir: dir, Command: "test", Version: "v0"}
	if change != nil {
		change(&c, &o)
	}
	return Run(context.Background(), c, data, o)
}

// classifyEnd reads what a run of a classifier has left, without times.
func classifyEnd(t *testing.T, dir string) (map[string][]float32, []ClassifyMetrics, []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var lines []ClassifyMetrics
	for line := range bytes.Lines(text) {
		var m ClassifyMetrics
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		m.ImagesPerSecond, m.Seconds = 0, 0
		lines = append(lines, m)
	}
	product, err := os.ReadFile(filepath.Join(dir, ClassifierFile))
	if err != nil {
		t.Fatal(err)
	}
	return checkpointState(t, filepath.Join(dir, CheckpointFile)), lines, product
}

func TestClassify(t *testing.T) {
	data, test := labeled(300, 1), labeled(100, 2)
	data.Classes = []string{"above", "below", "left"}
	dir := t.TempDir()
	var last float64
	err := classify(t, dir, data, func(c *Config, o *Options) {
		c.Epochs, c.Batch, o.Test = 3, 20, test
		o.OnEpoch = func(s Stats) {
			last = s.TestRight
			if s.Grid != "" || s.NextGrid != 0 {
				t.Errorf("a classifier draws a grid: %+v", s)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if last < 0.95 {
		t.Errorf("%v of the test pictures are named right after the last epoch", last)
	}
	_, lines, _ := classifyEnd(t, dir)
	for i, m := range lines {
		if end := m.Step%15 == 0; end != (m.Test > 0) {
			t.Errorf("line %d: %+v", i, m)
		}
		if !(m.Loss > 0) || !(m.Accuracy > 0 && m.Accuracy <= 1) {
			t.Errorf("line %d: %+v", i, m)
		}
	}
	if got := lines[len(lines)-1].Test; got != last {
		t.Errorf("the last line says %v, the last epoch %v", got, last)
	}
	m, err := model.Load(filepath.Join(dir, ClassifierFile))
	if err != nil {
		t.Fatal(err)
	}
	if m.Output() != model.Flat(3) || !slices.Equal(m.ClassNames, data.Classes) || m.Provenance.Epochs != 3 {
		t.Errorf("it makes %v of classes %q, made by %+v", m.Output(), m.ClassNames, m.Provenance)
	}
	for _, name := range []string{GeneratorFile, SamplesDir} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("a classifier's run has left %s", name)
		}
	}
}

// A classifier's run has the same bits for any number of threads, and wherever it was stopped.
func TestClassifyResumes(t *testing.T) {
	data, test := labeled(perEpoch*6+5, 1), labeled(50, 2)
	whole := t.TempDir()
	if err := classify(t, whole, data, func(c *Config, o *Options) { o.Test = test }); err != nil {
		t.Fatal(err)
	}
	state, lines, product := classifyEnd(t, whole)
	for stop := range 2 * perEpoch {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		c := classifying()
		c.Threads = 1 + stop%3
		o := Options{Dir: dir, Command: "test", Version: "v0", Test: test, OnStep: func(s Stats) {
			if int(s.Step) == stop {
				cancel()
			}
		}}
		if stop == 0 {
			cancel()
		}
		if err := Run(ctx, c, data, o); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at step %d: %v", stop, err)
		}
		cancel()
		err := classify(t, dir, data, func(c *Config, o *Options) { o.Resume, c.Threads, o.Test = true, 2, test })
		if err != nil {
			t.Fatal(err)
		}
		s, l, p := classifyEnd(t, dir)
		if name := differ(state, s); name != "" || len(s) != len(state) {
			t.Errorf("stopped at step %d, it ends with other values of %q", stop, name)
		}
		if !slices.Equal(l, lines) {
			t.Errorf("stopped at step %d, its metrics are %+v, want %+v", stop, l, lines)
		}
		if !bytes.Equal(p, product) {
			t.Errorf("stopped at step %d, it ends with another classifier", stop)
		}
	}
}

func TestClassifyRefuses(t *testing.T) {
	data := labeled(30, 1)
	unlabeled := images(30, 1)
	one := images(30, 1)
	one.Labels = make([]int32, 30)
	two, err := networks.Classifier(networks.Config{Size: 8, Channels: 1, Width: 4, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	other, err := networks.Classifier(networks.Config{Size: 9, Channels: 1, Width: 4, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	for says, x := range map[string]struct {
		data   *dataset.Dataset
		change func(c *Config, o *Options)
	}{
		"random has none":                    {unlabeled, nil},
		"a classifier of 1 classes":          {one, nil},
		"3 classes, the classifier tells 2":  {data, func(_ *Config, o *Options) { o.Generator = two }},
		"8x8x1, the classifier reads 9x9x1":  {data, func(_ *Config, o *Options) { o.Generator = other }},
		"less than one batch of 31":          {data, func(c *Config, _ *Options) { c.Batch = 31 }},
		"shift is 65, want at most 64":       {data, func(c *Config, _ *Options) { c.Shift = 65 }},
		"dropout is 1":                       {data, func(c *Config, _ *Options) { c.Dropout = 1 }},
		"task is judge, want classify, gan":  {data, func(c *Config, _ *Options) { c.Task = "judge" }},
		"trained alone, without a discrimin": {data, func(_ *Config, o *Options) { o.Discriminator = model.Discriminator(small().Model()) }},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		err := classify(t, dir, x.data, x.change)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
		if _, err := os.Stat(filepath.Join(dir, CheckpointFile)); err == nil {
			t.Errorf("%s: a run has begun", says)
		}
	}
	if err := classify(t, t.TempDir(), data, nil); err != nil {
		t.Fatal(err)
	}
	// A run of one task does not go on as another.
	dir := t.TempDir()
	if err := classify(t, dir, data, nil); err != nil {
		t.Fatal(err)
	}
	err = classify(t, dir, data, func(c *Config, o *Options) { c.Task, o.Resume = "gan", true })
	if !errors.Is(err, ErrMismatch) {
		t.Errorf("resumed as a GAN: %v", err)
	}
}

func TestClassifyDiverges(t *testing.T) {
	err := classify(t, t.TempDir(), labeled(60, 1), func(c *Config, _ *Options) { c.LearningRate, c.Epochs, c.Optimizer = 1e38, 5, "sgd" })
	if !errors.Is(err, ErrDiverged) {
		t.Errorf("error %v", err)
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	c := classifying()
	m, err := networks.Classifier(c.classifier(3))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := New(c, m, nil, Tuning{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.StepOn(nil, nil, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("a step with noise: %v", err)
	}
	s, err := newStream(labeled(60, 1), c, dataset.Cursor{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	step := func() {
		if _, err := tr.Step(s); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := alloctest.PerRun(step); n != 0 {
		t.Errorf("%d allocations a step", n)
	}
	if d := tr.Discriminator(); d != nil {
		t.Errorf("a classifier's discriminator is %v", d)
	}
	if _, err := New(c, m, nil, Tuning{Components: Components{Objective: NewGAN("bce", BCE, GANOptions{})}}); !errors.Is(err, ErrConfig) {
		t.Errorf("a GAN of one network: %v", fmt.Sprint(err))
	}
}
