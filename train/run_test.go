package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// images returns n random pictures that fit small.
func images(n int, seed uint32) *dataset.Dataset {
	d := &dataset.Dataset{Name: "random", H: 8, W: 8, C: 1, N: n, SHA256: fmt.Sprintf("%064d", seed)}
	words := rng.NewStream(rng.Key{seed})
	for range n * 8 * 8 {
		d.Pix = append(d.Pix, uint8(words.Below(256)))
	}
	return d
}

// perEpoch is the number of whole batches of small in the images of these tests.
const perEpoch = 4

var pictures = images(perEpoch*6+5, 1)

func runIn(t *testing.T, dir string, change func(*Config, *Options)) error {
	t.Helper()
	c, o := small(), Options{Dir: dir, Command: "test", Version: "v0"}
	if change != nil {
		change(&c, &o)
	}
	return Run(context.Background(), c, pictures, o)
}

// runWith is runIn on other images; it must succeed.
func runWith(t *testing.T, dir string, data *dataset.Dataset, change func(*Config, *Options)) {
	t.Helper()
	c, o := small(), Options{Dir: dir, Command: "test", Version: "v0"}
	change(&c, &o)
	if err := Run(context.Background(), c, data, o); err != nil {
		t.Fatal(err)
	}
}

// endOf reads the state that a run has left, and its metrics without the times.
func endOf(t *testing.T, dir string) (uint64, map[string][]float32, []Metrics) {
	t.Helper()
	c, err := openCheckpoint(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	state := checkpointState(t, filepath.Join(dir, CheckpointFile))
	text, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var lines []Metrics
	for line := range bytes.Lines(text) {
		var m Metrics
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		m.ImagesPerSecond, m.Seconds = 0, 0
		lines = append(lines, m)
	}
	return c.Step, state, lines
}

// sameEnd fails unless two runs have come to the same bits and the same metrics.
func sameEnd(t *testing.T, what, got, want string) {
	t.Helper()
	gs, gstate, glines := endOf(t, got)
	ws, wstate, wlines := endOf(t, want)
	if name := differ(wstate, gstate); name != "" || len(gstate) != len(wstate) || gs != ws {
		t.Errorf("%s: step %d with other values of %q, want those of step %d", what, gs, name, ws)
	}
	if !slices.Equal(glines, wlines) {
		t.Errorf("%s: metrics %+v, want %+v", what, glines, wlines)
	}
	for _, name := range []string{GeneratorFile, SamplesDir + "/epoch-0002.png"} {
		a, err := os.ReadFile(filepath.Join(got, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(want, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: %s is not the same", what, name)
		}
	}
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	var steps, epochs []Stats
	err := runIn(t, dir, func(c *Config, o *Options) {
		c.Epochs, c.SampleEvery, c.MetricsEvery = 5, 3, 3
		o.OnStep = func(s Stats) { steps = append(steps, s) }
		o.OnEpoch = func(s Stats) { epochs = append(epochs, s) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 5*perEpoch || len(epochs) != 5 {
		t.Fatalf("%d steps, %d epochs seen", len(steps), len(epochs))
	}
	for i, s := range steps {
		if s.Epoch != i/perEpoch+1 || s.Batch != i%perEpoch+1 || s.Step != uint64(i+1) || s.Epochs != 5 || s.Batches != perEpoch {
			t.Errorf("step %d: %+v", i+1, s)
		}
		if !(s.G > 0) || !(s.D > 0) || !(s.ImagesPerSecond > 0) || (s.Left > 0) != (i < len(steps)-1) {
			t.Errorf("step %d: %+v", i+1, s)
		}
	}
	var grids []string
	for _, e := range epochs {
		if e.Grid != "" {
			grids = append(grids, filepath.Base(e.Grid))
		}
	}
	if want := []string{"epoch-0001.png", "epoch-0003.png", "epoch-0005.png"}; !slices.Equal(grids, want) {
		t.Errorf("grids %v, want %v", grids, want)
	}
	f, err := os.Open(epochs[4].Grid)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 4*8 || img.Bounds().Dx() != img.Bounds().Dy() {
		t.Errorf("grid: %v", err)
	}

	_, _, lines := endOf(t, dir)
	var at []uint64
	for _, l := range lines {
		at = append(at, l.Step)
	}
	if want := []uint64{3, 4, 7, 8, 11, 12, 15, 16, 19, 20}; !slices.Equal(at, want) {
		t.Errorf("metrics at steps %v, want %v", at, want)
	}
	if got, want := lines[0].G, (steps[0].G+steps[1].G+steps[2].G)/3; got != want {
		t.Errorf("the first line's loss is %g, want %g", got, want)
	}
	checkSaved(t, dir)
}

// checkSaved: the generator says where it comes from, and the settings are those of the run.
func checkSaved(t *testing.T, dir string) {
	t.Helper()
	g, err := model.Load(filepath.Join(dir, GeneratorFile))
	if err != nil {
		t.Fatal(err)
	}
	want := model.Provenance{Command: "test", Version: "v0", Seed: 1, Epochs: 5, Dataset: "random", DatasetSHA256: pictures.SHA256}
	if g.Provenance != want {
		t.Errorf("provenance %+v, want %+v", g.Provenance, want)
	}
	c, err := Saved(dir)
	if err != nil || c.Epochs != 5 || c.Width != small().Width {
		t.Errorf("saved settings %+v, %v", c, err)
	}
}

func TestResumeAfterAnEpoch(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	if err := runIn(t, whole, nil); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	// The lock's file may be missing, as in a copy of the directory.
	if err := os.Remove(filepath.Join(parts, lockFile)); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { o.Resume, c.Threads = true, 2 }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "one epoch and one more", parts, whole)
	// Nothing is left to do, and nothing changes.
	if err := runIn(t, parts, func(c *Config, o *Options) { o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "resumed at its end", parts, whole)
}

func TestInterruptAtAnyStep(t *testing.T) {
	whole := t.TempDir()
	every := func(c *Config) { c.MetricsEvery = 3 }
	if err := runIn(t, whole, func(c *Config, o *Options) { every(c) }); err != nil {
		t.Fatal(err)
	}
	for stop := 0; stop < 2*perEpoch; stop++ {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		if stop == 0 {
			cancel()
		}
		c := small()
		every(&c)
		err := Run(ctx, c, pictures, Options{Dir: dir, Command: "test", Version: "v0", OnStep: func(s Stats) {
			if s.Step == uint64(stop) {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
			t.Fatalf("stop at step %d: %v", stop, err)
		}
		if at, _, _ := endOf(t, dir); at != uint64(stop) {
			t.Errorf("stop at step %d: the checkpoint is of step %d", stop, at)
		}
		if err := runIn(t, dir, func(c *Config, o *Options) { every(c); o.Resume = true }); err != nil {
			t.Fatal(err)
		}
		sameEnd(t, fmt.Sprintf("stopped at step %d", stop), dir, whole)
	}
}

// A process that ends without warning leaves what it has written so far, as a
// panic does.
func TestEndWithoutWarningAtAnyStep(t *testing.T) {
	whole := t.TempDir()
	if err := runIn(t, whole, func(c *Config, o *Options) { c.MetricsEvery = 1 }); err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop <= 2*perEpoch; stop++ {
		dir := t.TempDir()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the run went on")
				}
			}()
			runIn(t, dir, func(c *Config, o *Options) {
				c.MetricsEvery = 1
				o.OnStep = func(s Stats) {
					if s.Step == uint64(stop) {
						panic("end")
					}
				}
			})
		}()
		// A line may be cut short.
		f, err := os.OpenFile(filepath.Join(dir, MetricsFile), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(`{"epoch":1,"st`)
		f.Close()
		// So may the file that was to replace the checkpoint be torn.
		torn := filepath.Join(dir, "."+CheckpointFile+".tmp-x")
		if err := os.WriteFile(torn, []byte("torn"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := runIn(t, dir, func(c *Config, o *Options) { c.MetricsEvery, o.Resume = 1, true }); err != nil {
			t.Fatal(err)
		}
		sameEnd(t, fmt.Sprintf("ended at step %d", stop), dir, whole)
		if exists(torn) {
			t.Error("a torn file is left")
		}
	}
}

// Before its first checkpoint a run has only its lock file.
func TestResumeBeforeTheFirstCheckpoint(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	if err := runIn(t, whole, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "resumed from nothing", dir, whole)
}

func TestCheckpointMinutes(t *testing.T) {
	dir := t.TempDir()
	seen := map[uint64]bool{}
	if err := runIn(t, dir, func(c *Config, o *Options) {
		c.CheckpointMinutes, c.CheckpointEpochs = 1e-12, 0
		o.OnStep = func(s Stats) {
			at, _, _ := endOf(t, dir)
			seen[s.Step] = at == s.Step
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []uint64{1, 2, 3, 5, 6, 7, 8} {
		if !seen[step] {
			t.Errorf("no checkpoint after step %d", step)
		}
	}

	// Long minutes spare the ends of short epochs their checkpoints.
	dir = t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) {
		c.CheckpointMinutes, c.Epochs = 30, 3
		o.OnStep = func(s Stats) {
			if at, _, _ := endOf(t, dir); s.Step < 3*perEpoch && at != 0 {
				t.Errorf("after step %d the checkpoint is of step %d", s.Step, at)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if at, _, _ := endOf(t, dir); at != 3*perEpoch {
		t.Errorf("at the end the checkpoint is of step %d", at)
	}
}

func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*Config){
		"seed is 2, the checkpoint has 1":  func(c *Config) { c.Seed = 2 },
		"batch is 5, the checkpoint has 6": func(c *Config) { c.Batch = 5 },
		"beta1 is 0.5":                     func(c *Config) { c.Beta1 = 0.5 },
		"width is 4":                       func(c *Config) { c.Width = 4 },
	} {
		err := runIn(t, dir, func(c *Config, o *Options) { change(c); o.Resume = true })
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	err = Run(context.Background(), small(), images(40, 2), Options{Dir: dir, Resume: true})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "the images are random (40") {
		t.Errorf("other images: %v", err)
	}
	after, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the checkpoint has changed: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true }); !errors.Is(err, ErrNoRun) {
		t.Errorf("resume of nothing: %v", err)
	}
	if _, err := Saved(dir); !errors.Is(err, ErrNoRun) {
		t.Errorf("settings of nothing: %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("it has left %v, %v", list, err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a second run: %v", err)
	}
	if err := runIn(t, t.TempDir(), func(c *Config, o *Options) { c.Size = 12 }); !errors.Is(err, ErrConfig) {
		t.Errorf("pictures of another size: %v", err)
	}
	if err := runIn(t, t.TempDir(), func(c *Config, o *Options) { c.Batch = 100 }); !errors.Is(err, ErrConfig) {
		t.Errorf("a batch of more than all pictures: %v", err)
	}
	if err := runIn(t, t.TempDir(), func(c *Config, o *Options) { c.Size = 10 }); !errors.Is(err, ErrConfig) {
		t.Errorf("a size that is no multiple of 4: %v", err)
	}
}

func TestOneRunADirectory(t *testing.T) {
	if f, err := os.Create(filepath.Join(t.TempDir(), "lock")); err != nil {
		t.Fatal(err)
	} else {
		defer f.Close()
		g, err := os.Open(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		if held, err := tryLock(f); !held || err != nil {
			t.Fatal(held, err)
		}
		if held, _ := tryLock(g); held {
			t.Skip("this system has no such lock")
		}
	}
	dir := t.TempDir()
	var second error
	if err := runIn(t, dir, func(c *Config, o *Options) {
		c.Epochs = 1
		o.OnEpoch = func(Stats) {
			second = runIn(t, dir, func(c *Config, o *Options) { o.Resume = true })
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(second, ErrLocked) {
		t.Errorf("the second run: %v", second)
	}
}

func TestRunThatDiverges(t *testing.T) {
	dir := t.TempDir()
	err := runIn(t, dir, func(c *Config, o *Options) { c.LearningRate = 1e37 })
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "the checkpoint of step 0 is kept") {
		t.Errorf("error %v", err)
	}
	step, state, _ := endOf(t, dir)
	fresh := stateOf(newTrainer(t, small(), nil))
	if name := differ(fresh, state); name != "" || step != 0 {
		t.Errorf("the checkpoint is of step %d, with other values of %q", step, name)
	}
}

func TestCheckpointNeverHoldsNaN(t *testing.T) {
	tr := newTrainer(t, small(), nil)
	path := filepath.Join(t.TempDir(), "c")
	for i := range tr.state() {
		x := tr.state()[i]
		good := x.Floats[len(x.Floats)-1]
		x.Floats[len(x.Floats)-1] = float32(math.NaN())
		if err := tr.checkState(); !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), x.Name) {
			t.Errorf("NaN in %s: %v", x.Name, err)
		}
		x.Floats[len(x.Floats)-1] = good
	}
	if err := tr.checkState(); err != nil {
		t.Error(err)
	}
	if err := tr.save(path, "", header{}); err != nil {
		t.Error(err)
	}
}
