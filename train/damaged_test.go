package train

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model/safetensors"
)

// parts are the header and the tensors of a checkpoint that a trainer has written.
func parts(t *testing.T, tr *Trainer, h header) (text string, tensors []safetensors.Tensor) {
	t.Helper()
	path := filepath.Join(t.TempDir(), CheckpointFile)
	if err := tr.save(path, "", h); err != nil {
		t.Fatal(err)
	}
	c, err := openCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, i := range c.tensors.Tensors {
		raw, err := c.tensors.ReadRaw(i.Name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: i.Name, DType: i.DType, Shape: i.Shape, Raw: raw})
	}
	return c.tensors.Meta[checkpointKey], tensors
}

func writeParts(t *testing.T, path, text string, tensors []safetensors.Tensor) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := safetensors.Write(f, map[string]string{checkpointKey: text}, tensors); err != nil {
		t.Fatal(err)
	}
}

// A checkpoint with right checksums whose header or tensors are not those of its own settings is
// refused by name, and nothing of it is taken.
func TestCheckpointOfOtherParts(t *testing.T) {
	c := small()
	c.Augment, c.ADA = "translate", 0.6
	tr := newTrainer(t, c, nil)
	data := infoOf(tr.cfg, pictures)
	text, tensors := parts(t, tr, header{Cursor: dataset.Cursor{Seed: c.Seed}, Data: data})
	before := stateOf(tr)
	path := filepath.Join(t.TempDir(), CheckpointFile)
	with := func(change func(x *safetensors.Tensor)) []safetensors.Tensor {
		list := slices.Clone(tensors)
		change(&list[0])
		return list
	}
	if writeParts(t, path, text, tensors); resume(path, tr.cfg, data, tr) != nil {
		t.Fatal(resume(path, tr.cfg, data, tr))
	}
	for name, x := range map[string]struct {
		text    string
		tensors []safetensors.Tensor
		wraps   error
		says    string
	}{
		"text for a number": {strings.Replace(text, `"step":0`, `"step":"x"`, 1), tensors, safetensors.ErrFormat, checkpointKey},
		"no JSON":           {text[:len(text)-1], tensors, safetensors.ErrFormat, checkpointKey},
		"other shape":       {text, with(func(x *safetensors.Tensor) { x.Shape = append([]int{1}, x.Shape...) }), ErrMismatch, tensors[0].Name + " is F32 [1 "},
		"other type":        {text, with(func(x *safetensors.Tensor) { x.DType = safetensors.I32 }), ErrMismatch, tensors[0].Name + " is I32"},
		"one too many":      {text, append(slices.Clone(tensors), safetensors.Tensor{Name: "x", DType: safetensors.U8, Shape: []int{1}, Raw: []byte{1}}), ErrMismatch, "tensors, want"},
		"one missing":       {text, tensors[1:], safetensors.ErrMissing, tensors[0].Name},
		"other objective":   {strings.Replace(text, `"aim":"`, `"aim":"x`, 1), tensors, ErrMismatch, "the objective is"},
		"no adaptation":     {strings.Replace(text, `"adaptive":`, `"adaptation":`, 1), tensors, ErrMismatch, "the augmentation's state is <nil>"},
		"other images":      {strings.Replace(text, data.SHA256, strings.Repeat("7", 64), 1), tensors, ErrMismatch, "the images are random"},
	} {
		if x.text == text && len(x.tensors) == len(tensors) && x.tensors[0].DType == safetensors.F32 && len(x.tensors[0].Shape) == len(tensors[0].Shape) {
			t.Errorf("%s: nothing was changed in %s", name, text)
		}
		writeParts(t, path, x.text, x.tensors)
		if err := resume(path, tr.cfg, data, tr); !errors.Is(err, x.wraps) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
		if d := differ(stateOf(tr), before); d != "" {
			t.Errorf("%s: %s was changed", name, d)
		}
	}
}

// TestHeaderThatDoesNotFit: a run of other labels, and a file that is closed.
func TestHeaderThatDoesNotFit(t *testing.T) {
	tr := newTrainer(t, small(), nil)
	data := infoOf(tr.cfg, pictures)
	text, tensors := parts(t, tr, header{Cursor: dataset.Cursor{Seed: tr.cfg.Seed}, Data: data})
	path := filepath.Join(t.TempDir(), CheckpointFile)
	writeParts(t, path, text, tensors)
	h, err := openCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	h.close()
	h.Data = data
	h.Data.Labels, data.Labels = "1", "2"
	if err := h.fits(tr.cfg, data, perEpoch); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "other labels") {
		t.Errorf("other labels: %v", err)
	}
	if err := h.readHeader(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a file that is closed: %v", err)
	}
}

// What cannot be written is an error that says so.
func TestCheckpointThatCannotBeWritten(t *testing.T) {
	tr := newTrainer(t, small(), nil)
	dir := t.TempDir()
	path := filepath.Join(dir, CheckpointFile)
	if err := tr.save(path, "", header{Meter: meter{Total: math.NaN()}}); err == nil || !strings.Contains(err.Error(), "NaN") || exists(path) {
		t.Errorf("NaN in the header: %v", err)
	}
	if err := tr.save(filepath.Join(dir, "none", "x"), "", header{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("no directory: %v", err)
	}
	r := &run{c: small(), o: Options{Dir: filepath.Join(dir, "none")}, t: tr, task: tasks["gan"], from: &stream{batches: nil}}
	closed, err := os.Create(filepath.Join(dir, "closed"))
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	r.metrics = closed
	if err := r.saveCheckpoint(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("metrics that are closed: %v", err)
	}
	if _, err := r.drawGrid(filepath.Join(dir, "none", "x.png")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory for a grid: %v", err)
	}
	if err := noteSettings(closed, small()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a lock that is closed: %v", err)
	}
	p := r.t.product().Params()[0]
	p.Data[0] = float32(math.Inf(1))
	r.c.SampleEvery = 1
	s := &Stats{Batch: 1, Batches: 1, Epoch: 1}
	if _, err := r.sample(s); !errors.Is(err, ErrDiverged) || s.Grid != "" {
		t.Errorf("a grid of Inf: %q, %v", s.Grid, err)
	}
	if err := r.save(); !errors.Is(err, ErrDiverged) {
		t.Errorf("a checkpoint of Inf: %v", err)
	}
}

// What stands where a run's logs should be, and is none, is an error that names it.
func TestLogsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{MetricsFile, EventsFile} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openMetrics(filepath.Join(dir, MetricsFile), 1); err == nil || !strings.Contains(err.Error(), MetricsFile) {
		t.Errorf("a folder of metrics: %v", err)
	}
	if _, err := openMetrics(filepath.Join(dir, "none", MetricsFile), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("metrics nowhere: %v", err)
	}
	c := small()
	c.TensorBoard = true
	r := &run{c: c, o: Options{Dir: dir}, t: newTrainer(t, c, nil)}
	if err := r.openEvents(); err == nil || !strings.Contains(err.Error(), EventsFile) {
		t.Errorf("a folder of events: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, EventsFile)); err != nil {
		t.Fatal(err)
	}
	if err := r.openEvents(); err != nil {
		t.Fatal(err)
	}
	if err := r.writeGridEvent(1, filepath.Join(dir, "none.png"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no grid: %v", err)
	}
	grid := filepath.Join(dir, "a.png")
	if err := os.WriteFile(grid, []byte("no PNG"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := r.writeGridEvent(1, grid, 0); err == nil || !strings.Contains(err.Error(), grid) {
		t.Errorf("a grid that is none: %v", err)
	}
	r.events.Close()
	if err := r.writeEvents(Metrics{}, &Stats{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("events that are closed: %v", err)
	}
}

// A directory that cannot be one of a run is an error that names it.
func TestDirectoryThatIsNone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, resume := range []bool{false, true} {
		if err := checkDir(file, resume); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("a file: %v", err)
		}
	}
	if _, err := lockDir(filepath.Join(file, "run"), false); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("in a file: %v", err)
	}
	if _, err := Saved(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("settings of a file: %v", err)
	}
	// Settings of a later program, or damaged ones, before the first checkpoint are as good as
	// none.
	if err := os.WriteFile(filepath.Join(dir, lockFile), []byte(`{"epochs":`), 0o666); err != nil {
		t.Fatal(err)
	}
	if c, err := Saved(dir); err != nil || c != Default() {
		t.Errorf("damaged settings: %+v, %v", c, err)
	}
	text, err := json.Marshal(small())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockFile), text, 0o666); err != nil {
		t.Fatal(err)
	}
	if c, err := Saved(dir); err != nil || c != small() {
		t.Errorf("settings: %+v, %v", c, err)
	}
}
