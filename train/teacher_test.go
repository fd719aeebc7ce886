package train

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// taught is small with a wider generator to imitate.
func taught(t *testing.T, c Config) *Trainer {
	t.Helper()
	wide := c
	wide.Width, wide.Seed = 2*c.Width, c.Seed+1
	tr, err := New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), Tuning{Components: Components{Teacher: model.Generator(wide.Model())}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// TestTeacherByFiniteDifferences moves single weights of the generator and watches its whole loss,
// most of which is the distance from the teacher.
func TestTeacherByFiniteDifferences(t *testing.T) {
	c := small()
	c.Seed, c.TeacherWeight = 5, 30
	loss := func(param, at int, h float32) float64 {
		tr := taught(t, c)
		defer tr.Close()
		tr.Generator().TrainableParams()[param].Data[at] += h
		tr.g.repack()
		l, err := tr.Step(random{2})
		if err != nil {
			t.Fatal(err)
		}
		return l.G + c.TeacherWeight*l.Teacher
	}
	tr := taught(t, c)
	first, err := tr.Step(random{2})
	if err != nil {
		t.Fatal(err)
	}
	if first.Teacher < 1e-3 {
		t.Errorf("the distance from a teacher of other weights is %g", first.Teacher)
	}
	grads, _ := tr.Gradients()
	for i, p := range grads {
		var worst, scale float64
		for _, at := range []int{0, len(p.Data) / 3, len(p.Data) - 1} {
			const h = 1e-3
			want := (loss(i, at, h) - loss(i, at, -h)) / (2 * h)
			worst = max(worst, math.Abs(float64(p.Data[at])-want))
			scale = max(scale, math.Abs(want))
		}
		if worst > 0.02*scale+5e-4 {
			t.Errorf("gradient of %s: off by %g where they reach %g", p.Name, worst, scale)
		}
	}
}

// A generator that is its own teacher has nothing to learn from it.
func TestTeacherOfItself(t *testing.T) {
	c := small()
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	tr, err := New(c, g, d, Tuning{Components: Components{Teacher: model.Generator(c.Model())}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	// In training BatchNorm normalizes by the batch, in drawing by moving statistics.
	l, err := tr.Step(random{1})
	if err != nil {
		t.Fatal(err)
	}
	other := taught(t, c)
	away, err := other.Step(random{1})
	if err != nil {
		t.Fatal(err)
	}
	if l.Teacher >= away.Teacher {
		t.Errorf("%g from its own images, %g from those of another", l.Teacher, away.Teacher)
	}
}

func TestTeacherStepIsTheSameForAnyThreads(t *testing.T) {
	var want map[string][]float32
	for threads := 1; threads <= 3; threads++ {
		c := small()
		c.Threads = threads
		tr := taught(t, c)
		for range 3 {
			if _, err := tr.Step(random{1}); err != nil {
				t.Fatal(err)
			}
		}
		if want == nil {
			want = stateOf(tr)
		} else if name := differ(want, stateOf(tr)); name != "" {
			t.Errorf("%d threads change %q", threads, name)
		}
	}
}

// TestTeacherRun stops a run half way and goes on without the model that it was given: the run has
// kept it.
func TestTeacherRun(t *testing.T) {
	wide := small()
	wide.Width = 5
	teach := func(o *Options) { o.Teacher = model.Generator(wide.Model()) }
	whole, parts := t.TempDir(), t.TempDir()
	if err := runIn(t, whole, func(c *Config, o *Options) { teach(o) }); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { c.Epochs = 1; teach(o) }); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "resumed", parts, whole)
	_, _, lines := endOf(t, whole)
	if lines[0].Teacher <= 0 {
		t.Errorf("the metrics say that the distance is %g", lines[0].Teacher)
	}

	if err := os.Remove(filepath.Join(parts, TeacherFile)); err != nil {
		t.Fatal(err)
	}
	err := runIn(t, parts, func(c *Config, o *Options) { c.Epochs, c.Teacher, o.Resume = 3, "wide.safetensors", true })
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), TeacherFile) {
		t.Errorf("without the teacher: %v", err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { c.Epochs, o.Resume = 3, true }); !errors.Is(err, ErrMismatch) {
		t.Errorf("without the teacher and its name: %v", err)
	}
}

func TestTeacherRefuses(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"latents": func(c *Config) { c.Latent = 7 },
		"draws":   func(c *Config) { c.Size = 12 },
	} {
		c := small()
		change(&c)
		teacher := model.Generator(c.Model())
		c = small()
		_, err := New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), Tuning{Components: Components{Teacher: teacher}})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("other %s: %v", name, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := runIn(t, dir, func(c *Config, _ *Options) { c.Teacher = "wide.safetensors" }); !errors.Is(err, ErrConfig) || exists(dir) {
		t.Errorf("a teacher that was not given: %v", err)
	}
}
