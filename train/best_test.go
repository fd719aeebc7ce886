package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
)

// scores is a Judge that gives a generator a distance made of its first parameter, so that the same
// generator has the same figures, and counts what it measures.
func scores(n *int) *Judge {
	return &Judge{By: "its first parameter", Measure: func(_ context.Context, g *model.Model) (eval.Figures, error) {
		*n++
		agreement := 0.5
		return eval.Figures{Frechet: 1 + math.Mod(math.Abs(float64(g.Params()[0].Data[0]))*1e4, 7), Precision: 0.25, Coverage: 0.75, Modes: 3, LabelAgreement: &agreement}, nil
	}}
}

// judged are runs of five epochs, measured at the second, fourth and last.
func judged(n *int) func(c *Config, o *Options) {
	return func(c *Config, o *Options) {
		c.Epochs, c.SampleEvery, c.EvalEvery, c.EMAImages, c.TensorBoard = 5, 2, 2, 20, true
		o.Judge = scores(n)
	}
}

// A run that is measured comes to the bits of one that is not, and keeps the best generator with
// its figures.
func TestBestGenerator(t *testing.T) {
	plain, dir, n := t.TempDir(), t.TempDir(), 0
	if err := runIn(t, plain, func(c *Config, o *Options) { c.Epochs, c.EMAImages = 5, 20 }); err != nil {
		t.Fatal(err)
	}
	best := map[int]bool{}
	var told []Stats
	err := runIn(t, dir, func(c *Config, o *Options) {
		judged(&n)(c, o)
		o.OnEpoch = func(s Stats) {
			if s.Eval != (Quality{}) {
				told = append(told, s)
				best[s.Epoch] = s.Best
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := endOf(t, plain)
	_, got, lines := endOf(t, dir)
	if name := differ(want, got); name != "" || len(got) != len(want) {
		t.Errorf("%s has other values where the run was measured", name)
	}
	var epochs []int
	least, at := math.Inf(1), uint64(0)
	for _, m := range lines {
		if m.Eval == (Quality{}) {
			continue
		}
		epochs = append(epochs, m.Epoch)
		if m.Eval.Precision != 0.25 || m.Eval.Modes != 3 || m.Eval.LabelAgreement != 0.5 {
			t.Errorf("figures %+v", m.Eval)
		}
		if better := m.Eval.Frechet < least; better != best[m.Epoch] {
			t.Errorf("epoch %d: best is %v", m.Epoch, best[m.Epoch])
		} else if better {
			least, at = m.Eval.Frechet, m.Step
		}
	}
	if !slices.Equal(epochs, []int{2, 4, 5}) || n != 3 || len(told) != 3 {
		t.Errorf("measured at epochs %v, %d times, told %d times", epochs, n, len(told))
	}
	checkBest(t, dir, least, at, &n)
}

// checkBest looks at what a run leaves: the generator with the least distance, and the figures in
// TensorBoard's file and the report.
func checkBest(t *testing.T, dir string, least float64, at uint64, n *int) {
	t.Helper()
	g, err := model.Load(filepath.Join(dir, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	if p := g.Provenance; p.Frechet != least || p.Step != at || p.Measured != "its first parameter" || p.Command != "test" {
		t.Errorf("provenance %+v, want %v after step %d", p, least, at)
	}
	if f, err := scores(n).Measure(context.Background(), g); err != nil || f.Frechet != least {
		t.Errorf("the file's generator measures %v, %v, want %v", f.Frechet, err, least)
	}
	scalars, _ := toldOf(t, dir)
	if !strings.Contains(scalars, "eval/frechet") || !strings.Contains(scalars, "eval/label_agreement0.5") {
		t.Errorf("TensorBoard's file has %s", scalars)
	}
	page, err := os.ReadFile(filepath.Join(dir, ReportFile))
	if err != nil || !strings.Contains(string(page), "least Frechet distance") || !strings.Contains(string(page), "precision, recall and coverage") {
		t.Errorf("the report has no figures (%v)", err)
	}
}

func toldOf(t *testing.T, dir string) (scalars string, grids []string) {
	t.Helper()
	list, grids := told(eventsOf(t, dir))
	return strings.Join(list, " "), grids
}

// Wherever a run is stopped, it goes on with the best that it has, to the same file.
func TestBestResumes(t *testing.T) {
	n, whole := 0, t.TempDir()
	if err := runIn(t, whole, judged(&n)); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(whole, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int{2 * perEpoch, 2*perEpoch + 1} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		c, o := small(), Options{Dir: dir, Command: "test", Version: "v0"}
		judged(&n)(&c, &o)
		o.OnStep = func(s Stats) {
			if int(s.Step) == stop {
				cancel()
			}
		}
		if err := Run(ctx, c, pictures, o); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if err := runIn(t, dir, func(c *Config, o *Options) { judged(&n)(c, o); o.Resume = true }); err != nil {
			t.Fatal(err)
		}
		sameEnd(t, "measured", dir, whole)
		if got, err := os.ReadFile(filepath.Join(dir, BestFile)); err != nil || string(got) != string(want) {
			t.Errorf("stopped after step %d: another best generator (%v)", stop, err)
		}
	}
}

// A best generator that was measured otherwise, or that cannot be read, gives way, with a word.
func TestBestGivesWay(t *testing.T) {
	for says, spoil := range map[string]func(path string, o *Options){
		"was measured in its first parameter": func(_ string, o *Options) { o.Judge.By = "another way" },
		BestFile + ": ":                       func(path string, _ *Options) { os.WriteFile(path, []byte("no model"), 0o666) },
	} {
		dir, n := t.TempDir(), 0
		if err := runIn(t, dir, judged(&n)); err != nil {
			t.Fatal(err)
		}
		var notes []string
		err := runIn(t, dir, func(c *Config, o *Options) {
			judged(&n)(c, o)
			spoil(filepath.Join(dir, BestFile), o)
			c.Epochs, o.Resume = 6, true
			o.OnNote = func(note string) { notes = append(notes, note) }
		})
		if err != nil || !strings.Contains(strings.Join(notes, "\n"), says) {
			t.Errorf("notes %q, %v, want %q", notes, err, says)
		}
		if g, err := model.Load(filepath.Join(dir, BestFile)); err != nil || g.Provenance.Step != 6*perEpoch {
			t.Errorf("%s: not replaced: %v", says, err)
		}
	}
}

func TestBestRefuses(t *testing.T) {
	err := runIn(t, t.TempDir(), func(c *Config, o *Options) { c.EvalEvery = 1 })
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "eval_every is 1") {
		t.Errorf("nothing to measure by: %v", err)
	}
	for says, change := range map[string]func(c *Config){
		"eval_every is -1":  func(c *Config) { c.EvalEvery = -1 },
		"eval_number is 99": func(c *Config) { c.EvalNumber = 99 },
		"eval_every is set": func(c *Config) { c.EvalEvery, c.Task = 1, "classify" },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	broken := errors.New("broken")
	for _, f := range []func(context.Context, *model.Model) (eval.Figures, error){
		func(context.Context, *model.Model) (eval.Figures, error) { return eval.Figures{}, broken },
		func(context.Context, *model.Model) (eval.Figures, error) {
			return eval.Figures{Frechet: math.NaN()}, nil
		},
	} {
		dir := t.TempDir()
		err := runIn(t, dir, func(c *Config, o *Options) { c.EvalEvery, o.Judge = 1, &Judge{Measure: f} })
		if err == nil || !strings.Contains(err.Error(), "measuring the generator") {
			t.Errorf("a measurement that fails: %v", err)
		}
		if step, _, _ := endOf(t, dir); step != perEpoch || exists(filepath.Join(dir, BestFile)) {
			t.Errorf("it left a checkpoint of step %d", step)
		}
	}
}
