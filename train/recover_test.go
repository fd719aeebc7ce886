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
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/simd"
)

// notesOf collects a run's notes.
func notesOf(o *Options) *[]string {
	var notes []string
	o.OnNote = func(note string) { notes = append(notes, note) }
	return &notes
}

// wantNote fails unless one note says a text, or without one if there is any note.
func wantNote(t *testing.T, what string, notes []string, says string) {
	t.Helper()
	all := strings.Join(notes, "\n")
	if says == "" && all != "" || !strings.Contains(all, says) {
		t.Errorf("%s: notes %q, want %q", what, all, says)
	}
}

// damages are checkpoints that cannot be resumed.
func damages(t *testing.T, whole []byte) map[string][]byte {
	flipped := bytes.Clone(whole)
	flipped[len(whole)*3/4] ^= 1
	plain := bytes.Replace(whole, []byte(`"crc32c"`), []byte(`"no sum"`), 1) // else every change were a wrong checksum
	damaged := map[string][]byte{
		"empty":        {},
		"a byte short": whole[:len(whole)-1],
		"a bit wrong":  flipped,
		"header only":  whole[:200],
		"no run's":     bytes.Replace(plain, []byte(checkpointKey), []byte("gantiny.other"), 1),
		"other tensor": bytes.Replace(plain, []byte("adam.m."), []byte("adam.x."), 1),
	}
	for name, b := range damaged {
		if bytes.Equal(b, whole) || bytes.Equal(b, plain) {
			t.Errorf("%s: nothing was changed", name)
		}
	}
	return damaged
}

// rewrite returns a checkpoint with another text in its header and right checksums.
func rewrite(t *testing.T, file []byte, old, new string) []byte {
	t.Helper()
	f, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []safetensors.Tensor
	for _, x := range f.Tensors {
		raw, err := f.ReadRaw(x.Name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: x.Name, DType: x.DType, Shape: x.Shape, Raw: raw})
	}
	text := strings.Replace(f.Meta[checkpointKey], old, new, 1)
	if text == f.Meta[checkpointKey] {
		t.Fatalf("no %s in %s", old, text)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{checkpointKey: text}, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A damaged checkpoint is an error that names the file, and the file stays. With the one before
// beside it, the run goes on from there, with a word, to the same end.
func TestDamagedCheckpoint(t *testing.T) {
	end, dir := t.TempDir(), t.TempDir()
	if err := runIn(t, end, nil); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	path, previous := filepath.Join(dir, CheckpointFile), filepath.Join(dir, PreviousFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(previous)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range damages(t, whole) {
		if err := errors.Join(os.WriteFile(path, b, 0o666), os.RemoveAll(previous)); err != nil {
			t.Fatal(err)
		}
		err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true })
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, b) {
			t.Errorf("%s: the file was changed", name)
		}

		if err := os.WriteFile(previous, before, 0o666); err != nil {
			t.Fatal(err)
		}
		var notes *[]string
		if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume, notes = true, notesOf(o) }); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameEnd(t, name, dir, end)
		wantNote(t, name, *notes, "going on from the checkpoint before, of step 0")
		if _, err := os.ReadFile(previous); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A checkpoint whose parts disagree is refused: its checksums say that it is what somebody wrote.
func TestCheckpointThatContradictsItself(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, CheckpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][2]string{
		{`"step":4`, `"step":5`},
		{`"step":4`, `"step":18446744073709551615`},
		{`"epoch":1`, `"epoch":2147483647`},
		{`"epoch":1`, `"epoch":-1`},
		{`"batch":0`, `"batch":1`},
		{`"cursor":{"seed":1`, `"cursor":{"seed":2`},
		{`"steps":0`, `"steps":-1`},
		{`"threads":1`, `"threads":100000000`},
	} {
		if err := os.WriteFile(path, rewrite(t, whole, x[0], x[1]), 0o666); err != nil {
			t.Fatal(err)
		}
		err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true })
		if !errors.Is(err, ErrMismatch) && !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", x[1], err)
		}
	}
}

// A checkpoint of a later program is not damaged: the one before must not take its place.
func TestCheckpointOfALaterProgram(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, CheckpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, rewrite(t, whole, `"format":1`, `"format":9`), 0o666); err != nil {
		t.Fatal(err)
	}
	err = runIn(t, dir, func(c *Config, o *Options) { o.Resume = true })
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("error %v", err)
	}
	if _, err := Saved(dir); !errors.Is(err, ErrMismatch) {
		t.Errorf("settings: %v", err)
	}
}

// The file that holds the newest state may be missing, as after a crash between two renamings.
func TestPreviousCheckpointAlone(t *testing.T) {
	end, dir := t.TempDir(), t.TempDir()
	if err := runIn(t, end, nil); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	if c, err := Saved(dir); err != nil || c.Width != small().Width {
		t.Errorf("settings %+v, %v", c, err)
	}
	var notes *[]string
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume, notes = true, notesOf(o) }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "the one before", dir, end)
	wantNote(t, "the one before", *notes, "of step 4")
}

// The lock of a run that has no checkpoint yet holds its settings.
func TestSettingsBeforeTheFirstCheckpoint(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.Width = 2 }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, PreviousFile, GeneratorFile, MetricsFile, SamplesDir} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Saved(dir)
	if err != nil || c.Width != 2 || c.Batch != small().Batch {
		t.Errorf("settings %+v, %v", c, err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if c, err = Saved(dir); err != nil || c != Default() {
		t.Errorf("of an empty lock: %+v, %v", c, err)
	}
}

// A run that has diverged goes on with a smaller learning rate, with a word.
func TestResumeWithAnotherRate(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, o *Options) { c.LearningRate = 1e37 }); !errors.Is(err, ErrDiverged) {
		t.Fatal(err)
	}
	var notes *[]string
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume, c.ClipNorm, notes = true, 1, notesOf(o) }); err != nil {
		t.Fatal(err)
	}
	wantNote(t, "another rate", *notes, "clip_norm is 1 from here on, it was 0")
	if c, err := Saved(dir); err != nil || c.LearningRate != small().LearningRate {
		t.Errorf("the rate is %g, %v", c.LearningRate, err)
	}
}

func TestResumeOnOtherKernels(t *testing.T) {
	rows := simd.Variants()
	for _, from := range []*simd.Kernels{rows[0], rows[len(rows)-1]} {
		for _, to := range rows {
			dir := t.TempDir()
			if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs, o.Kernels = 1, from }); err != nil {
				t.Fatal(err)
			}
			var notes *[]string
			if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume, o.Kernels, notes = true, to, notesOf(o) }); err != nil {
				t.Fatal(err)
			}
			says := ""
			if from.FMA != to.FMA {
				says = fmt.Sprintf("made on kernels %s, the run goes on with %s", from.Name, to.Name)
			}
			wantNote(t, from.Name+" and then "+to.Name, *notes, says)
		}
	}
}

// Nothing is left to do, which is said; a generator that is gone comes back.
func TestResumeOfAFinishedRun(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, GeneratorFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var notes *[]string
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume, notes = true, notesOf(o) }); err != nil {
		t.Fatal(err)
	}
	wantNote(t, "a finished run", *notes, "complete at epoch 2; raise epochs")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the generator: %v", err)
	}

	// So does one that is not the checkpoint's.
	fresh := t.TempDir()
	if err := runIn(t, fresh, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(fresh, GeneratorFile), path); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("another generator: %v", err)
	}
}

// Where the grid cannot be drawn the epoch's checkpoint is there all the same, and where metrics
// cannot be written too.
func TestCheckpointBeforeWhatFails(t *testing.T) {
	dir := t.TempDir()
	grid := filepath.Join(dir, SamplesDir, "epoch-0002.png")
	err := runIn(t, dir, func(c *Config, o *Options) {
		o.OnStep = func(s Stats) {
			if s.Step == 5 {
				os.Mkdir(grid, 0o777)
			}
		}
	})
	if err == nil || !strings.Contains(err.Error(), grid) {
		t.Errorf("error %v, want one that names the grid", err)
	}
	if at, _, _ := endOf(t, dir); at != 2*perEpoch {
		t.Errorf("the checkpoint is of step %d", at)
	}
	if err := os.Remove(grid); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true }); err != nil || !exists(grid) {
		t.Errorf("once there is room: %v", err)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	r := &run{c: small(), o: Options{Dir: t.TempDir()}, metrics: full, t: newTrainer(t, small(), nil)}
	defer full.Close()
	r.meter.add(Losses{G: 1}, 1)
	before := r.meter
	if err := r.writeMetrics(&Stats{Batch: 1, Batches: 1}, 0); err == nil || r.meter != before {
		t.Errorf("a line that is not written: %v, %+v", err, r.meter)
	}
}

func TestNextGrid(t *testing.T) {
	for _, x := range []struct{ epochs, every, done, want int }{
		{50, 10, 0, 1}, {50, 10, 1, 10}, {50, 10, 9, 10}, {50, 10, 10, 20}, {45, 10, 40, 45}, {50, 10, 50, 0},
		{50, 0, 0, 1}, {50, 0, 1, 50}, {1, 10, 0, 1}, {math.MaxInt32, 0, 5, math.MaxInt32},
	} {
		r := &run{c: Config{Epochs: x.epochs, SampleEvery: x.every}}
		if got := r.nextGrid(x.done); got != x.want || got > 0 && !r.gridDue(got) {
			t.Errorf("%+v: %d", x, got)
		}
	}
}

// A step of an objective that takes no batch, or several, is found out: the cursor would not tell
// the step.
func TestObjectiveTakesOneBatch(t *testing.T) {
	err := Run(context.Background(), small(), pictures, Options{Dir: t.TempDir(), Components: Components{Objective: &greedy{NewGAN("bce", BCE, GANOptions{})}}})
	if err == nil || !strings.Contains(err.Error(), "took 2 batches in 1 steps") {
		t.Errorf("error %v", err)
	}
}

type greedy struct{ *GAN }

func (g *greedy) Step(t *Trainer, from Source) (Losses, error) {
	from.Reals(g.reals.data, g.reals.Layout)
	return g.GAN.Step(t, from)
}

func TestMetricsLongerThanALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	line := func(step int, extra string) string {
		b, err := json.Marshal(map[string]any{"epoch": 1, "step": step, "extra": extra})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	want := line(1, "") + line(2, strings.Repeat("x", 1<<17)) + line(3, "")
	if err := os.WriteFile(path, []byte(line(1, "")+"\x00\x00\n"+line(2, strings.Repeat("x", 1<<17))+line(3, "")+line(4, "")), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := openMetrics(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%d bytes are left, %v; want %d", len(got), err, len(want))
	}
}

// A grid that cannot be written ends a run at the end of its epoch: that epoch's line of metrics is
// written when the run goes on, though the checkpoint has its steps already.
func TestMetricsAfterAFault(t *testing.T) {
	for _, epoch := range []int{1, 2} {
		dir := t.TempDir()
		grid := filepath.Join(dir, SamplesDir, gridName(epoch))
		if err := os.MkdirAll(filepath.Join(grid, "x"), 0o777); err != nil { // no file is written there
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, lockFile), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		resumed := func(c *Config, o *Options) { o.Resume = true }
		if err := runIn(t, dir, resumed); err == nil || !strings.Contains(err.Error(), grid) {
			t.Errorf("epoch %d: error %v, want one about %s", epoch, err, grid)
		}
		if err := os.RemoveAll(grid); err != nil {
			t.Fatal(err)
		}
		if err := runIn(t, dir, resumed); err != nil {
			t.Fatal(err)
		}
		step, _, lines := endOf(t, dir)
		if len(lines) != 2 || lines[0].Step != step/2 || lines[1].Step != step || lines[epoch-1].G == 0 {
			t.Errorf("epoch %d: lines %+v, want one for each epoch", epoch, lines)
		}
	}
}
