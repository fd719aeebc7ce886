package train

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestAdaptation follows the probability by its definition: up while the mean sign of four steps is
// not below the target, down while it is, and within [0, 1].
func TestAdaptation(t *testing.T) {
	a := &adaptation{Adaptive: Adaptive{Target: 0.5, Images: 160}} // 16 images are a tenth
	up, down := []float32{1, 2, 3, -1}, []float32{-1, 2, 0, 1}     // mean signs 0.5 and 0.25
	want := 0.0
	for i := range 120 {
		logits, mean, by := up, 0.5, 0.1
		if i >= 60 {
			logits, mean, by = down, 0.25, -0.1
		}
		if sign := a.observe(logits); sign != mean {
			t.Fatalf("mean sign %g, want %g", sign, mean)
		}
		if i%4 == 3 {
			want = min(max(want+by, 0), 1)
		}
		if math.Abs(a.P-want) > 1e-12 {
			t.Fatalf("after step %d the probability is %g, want %g", i+1, a.P, want)
		}
	}
}

// TestAdaptiveShare: as many images are changed as the probability says, each kind by itself.
func TestAdaptiveShare(t *testing.T) {
	c := small()
	c.Batch, c.Augment, c.ADA = 64, "flip,translate,color", 0.6
	tr := newTrainer(t, c, nil)
	o := tr.objective.(*GAN)
	for _, p := range []float64{0, 0.3, 1} {
		o.adapt.P = p
		var colored, flipped, n float64
		for step := range uint64(40) {
			o.augment.draw(step)
			for _, c := range o.augment.changes {
				n++
				if c.contrast != 1 {
					colored++
				}
				if c.flip {
					flipped++
				}
			}
		}
		if math.Abs(colored/n-p) > 0.03*min(1, 10*p) || math.Abs(flipped/n-p/2) > 0.03*min(1, 10*p) {
			t.Errorf("at probability %g, %.3f are colored and %.3f flipped", p, colored/n, flipped/n)
		}
	}
}

func TestAdaptiveRefused(t *testing.T) {
	for says, set := range map[string]func(c *Config){
		"augment is":       func(c *Config) { c.Augment = "" },
		"ada is 1":         func(c *Config) { c.ADA = 1 },
		"ada is NaN":       func(c *Config) { c.ADA = math.NaN() },
		"ada_images is 0":  func(c *Config) { c.ADAImages = 0 },
		"loss is lsgan":    func(c *Config) { c.Loss = "lsgan" },
		"loss is wasserst": func(c *Config) { c.Loss = "wasserstein" },
	} {
		c := small()
		c.Augment, c.ADA = "flip", 0.6
		set(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// TestAdaptiveResumes: the probability goes on where a run was stopped, within an adjustment's
// steps too.
func TestAdaptiveResumes(t *testing.T) {
	with := func(epochs int, resume bool) func(*Config, *Options) {
		return func(c *Config, o *Options) {
			c.Augment, c.ADA, c.ADAImages, c.DLearningRate, c.Epochs, o.Resume = "translate,flip,color", 0.05, 60, 1e-2, epochs, resume
			c.Batch, c.SampleEvery = 4, 1 // seven steps an epoch
		}
	}
	whole, parts := t.TempDir(), t.TempDir()
	for _, run := range []struct {
		dir    string
		epochs int
		resume bool
	}{{whole, 3, false}, {parts, 1, false}, {parts, 3, true}} {
		if err := runIn(t, run.dir, with(run.epochs, run.resume)); err != nil {
			t.Fatal(err)
		}
	}
	sameEnd(t, "adaptive", parts, whole)
	_, _, lines := endOf(t, whole)
	if p := lines[len(lines)-1].AugmentP; !(p > 0) {
		t.Errorf("the probability is %g at the end", p)
	}
	noState := func(c *Config, o *Options) { with(4, true)(c, o); c.ADA = 0 }
	if err := runIn(t, parts, noState); !errors.Is(err, ErrMismatch) {
		t.Errorf("resumed without ada: %v", err)
	}
}
