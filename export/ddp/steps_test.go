package ddp

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/train"
)

// tenSteps is an epoch of the runs here.
const tenSteps = 10

// pictures are blots of three classes, a batch for each of tenSteps and a few more.
func pictures(size, channels, batch int) *dataset.Dataset {
	d := &dataset.Dataset{Name: "blots", H: size, W: size, C: channels, N: tenSteps*batch + 3, SHA256: strings.Repeat("7", 64)}
	words := rng.NewStream(rng.Key{9})
	for range d.N {
		class := int(words.Below(3))
		d.Labels = append(d.Labels, int32(class))
		y, x, r := float64(words.Below(uint32(size))), float64(words.Below(uint32(size))), float64(size)/float64(3+class)
		for i := range size * size * channels {
			dy, dx := float64(i/channels/size)-y, float64(i/channels%size)-x
			d.Pix = append(d.Pix, uint8(255*math.Exp(-(dy*dy+dx*dx)/(r*r))))
		}
	}
	return d
}

// runs are what is continued: between them all losses, optimizers and schedules, and what else the
// script may have. still are parameters whose gradient is 0 but for rounding: a bias before a
// BatchNorm, and one that adds the same to all logits where the loss knows their differences alone.
// They follow the rounding.
var runs = []struct {
	name   string
	change func(c *train.Config)
	still  []string
}{
	{"dcgan", func(c *train.Config) {}, nil}, // the reference, with fewer channels
	{"conditional", func(c *train.Config) {
		recipe(c, "conditional")
		c.Width, c.DWidth, c.Batch, c.Size, c.PenaltyEvery = 4, 6, 16, 16, 4
	}, nil},
	{"resnet", func(c *train.Config) {
		c.Family, c.Size, c.Channels, c.Levels, c.Width, c.Batch, c.Dropout = "resnet", 8, 3, 1, 4, 12, 0
		c.Loss, c.GP, c.PenaltyEvery, c.DSteps, c.Optimizer, c.ClipNorm = "wasserstein", 10, 1, 3, "rmsprop", 0.5
		c.Schedule, c.WarmupSteps, c.FinalRate, c.LearningRate = "cosine", 3, 0.1, 1e-4
	}, []string{"generator.conv2d8.bias", "discriminator.dense12.bias"}},
	{"relativistic", func(c *train.Config) {
		c.Size, c.Width, c.Batch, c.Loss, c.Optimizer, c.Momentum, c.Nesterov = 8, 3, 8, "relativistic", "sgd", 0.9, true
		c.LearningRate, c.DLearningRate = 1e-3, 2e-3
	}, []string{"discriminator.dense7.bias"}},
	{"lsgan", func(c *train.Config) {
		c.Size, c.Width, c.Batch, c.Loss, c.Optimizer, c.WeightDecay, c.R2, c.PenaltyEvery, c.Dropout = 8, 3, 8, "lsgan", "adamw", 0.1, 1, 2, 0
		c.DBeta1, c.Schedule, c.FinalRate = 0.5, "linear", 0.1
	}, nil},
	{"hinge", func(c *train.Config) {
		c.Size, c.Width, c.Batch, c.Loss, c.Optimizer, c.Momentum = 8, 3, 8, "hinge", "sgd", 0.9
	}, []string{"discriminator.dense7.bias"}},
	{"smoothed", func(c *train.Config) {
		c.Size, c.Width, c.Batch, c.LabelSmoothing, c.Optimizer, c.Momentum = 8, 3, 8, 0.1, "sgd", 0
	}, nil},
}

func recipe(c *train.Config, name string) {
	text, err := train.Recipe(name)
	if err == nil {
		err = c.Decode(text)
	}
	if err != nil {
		panic(err)
	}
}

// TestTenSteps continues runs for ten steps by gantiny and, in two processes on the CPU that share
// the batches, by the script: with the same batches, noise and dropout they come to the same
// weights, moments, averages and moving statistics. Then gantiny goes on from what the script has
// left.
func TestTenSteps(t *testing.T) {
	py := python(t)
	for _, r := range runs {
		t.Run(r.name, func(t *testing.T) {
			c := train.Default()
			c.Seed, c.Batch, c.Width, c.Latent, c.Threads, c.Report = 3, 32, 8, 20, 2, false
			c.Epochs = 3 // where schedules end
			r.change(&c)
			data := pictures(c.Size, c.Channels, c.Batch)
			own, theirs := filepath.Join(t.TempDir(), "own"), filepath.Join(t.TempDir(), "theirs")
			run := func(dir string, epochs int, resume bool) {
				t.Helper()
				c := c
				if c.Schedule != "constant" {
					c.DecaySteps = 3 * tenSteps
				}
				c.Epochs = epochs
				if err := train.Run(context.Background(), c, data, train.Options{Dir: dir, Resume: resume, Version: "test"}); err != nil {
					t.Fatal(err)
				}
			}
			run(own, 1, false)
			export(t, own, theirs, data)
			before := state(t, own)
			run(own, 2, true)
			out, err := exec.Command(py, filepath.Join(theirs, ScriptFile), "--processes", "2", "--steps", "10").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "step 20/20") {
				t.Fatalf("%v\n%s", err, out)
			}
			compare(t, r.still, before, state(t, own), state(t, theirs))
			sameGenerator(t, theirs, c.EMAImages > 0, 2)
			run(theirs, 3, true)
		})
	}
}

// TestScriptEnds: the script refuses numbers that mean nothing, says so where a run has no steps
// left, keeps the checkpoint where an update leaves no numbers behind losses that are and where the
// disk is full, and names a damaged one.
func TestScriptEnds(t *testing.T) {
	py := python(t)
	c := train.Default()
	c.Batch, c.Width, c.Latent, c.Size, c.Threads, c.Report, c.Epochs = 6, 2, 4, 8, 1, false, 1
	data := pictures(8, 1, c.Batch)
	own, dir := filepath.Join(t.TempDir(), "own"), filepath.Join(t.TempDir(), "theirs")
	if err := train.Run(context.Background(), c, data, train.Options{Dir: own}); err != nil {
		t.Fatal(err)
	}
	export(t, own, dir, data)
	script := filepath.Join(dir, ScriptFile)
	run := func(code int, says string, args ...string) {
		t.Helper()
		cmd := exec.Command(py, append([]string{script}, args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code || !strings.Contains(string(out), says) {
			t.Errorf("%q: %v, want status %d and %q\n%s", args, err, code, says, out)
		}
	}
	run(2, "--save-every", "--save-every", "0")
	run(2, "do not divide its 6 images", "--processes", "4")

	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	wild := strings.Replace(string(text), "G_RATE, D_RATE, CLIP_NORM = 0.0001,", "G_RATE, D_RATE, CLIP_NORM = math.inf,", 1)
	if err := os.WriteFile(script, []byte(wild), 0o666); err != nil {
		t.Fatal(err)
	}
	// In one process each, as torchrun starts it: spawn gives its children's status in words.
	for name, value := range map[string]string{"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"} {
		t.Setenv(name, value)
	}
	run(0, "epochs, 1, are done")
	run(3, "is not finite", "--steps", "1")
	if err := os.WriteFile(script, text, 0o666); err != nil {
		t.Fatal(err)
	}
	// A file that may not grow stands for a full disk.
	full := exec.Command("sh", "-c", `ulimit -f 8; exec "$0" "$1" --steps 1`, py, script)
	if out, err := full.CombinedOutput(); err == nil || !strings.Contains(string(out), "File too large") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, train.CheckpointFile+".new")); err == nil {
		t.Error("a part of a checkpoint is left")
	}
	after, err := os.ReadFile(filepath.Join(dir, train.CheckpointFile))
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("the checkpoint has changed (%v)", err)
	}
	if err := os.Truncate(filepath.Join(dir, train.CheckpointFile), int64(len(before)/2)); err != nil {
		t.Fatal(err)
	}
	run(1, train.CheckpointFile+": no whole .safetensors file")
}

func export(t *testing.T, from, to string, data *dataset.Dataset) {
	t.Helper()
	h, err := train.OpenHandover(from, data, Check)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if h.Step != tenSteps || len(h.Notes) > 0 {
		t.Errorf("step %d, %q", h.Step, h.Notes)
	}
	if err := Write(to, h, data, "test"); err != nil {
		t.Fatal(err)
	}
}

// state reads the tensors of a run's checkpoint.
func state(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, tensor := range file.Tensors {
		n := 1
		for _, d := range tensor.Shape {
			n *= d
		}
		all[tensor.Name] = make([]float32, n)
		if err := file.ReadFloats(all[tensor.Name], tensor.Name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// tolerance bounds the root mean square of differences behind ten steps, as a share of that of the
// way that a tensor has gone in them.
const tolerance = 1e-3

// compare holds what the script has come to to what gantiny has.
func compare(t *testing.T, still []string, before, own, theirs map[string][]float32) {
	t.Helper()
	if len(own) != len(theirs) {
		t.Fatalf("%d tensors, want %d", len(theirs), len(own))
	}
	worst := 0.0
	for name, want := range own {
		got := theirs[name]
		if len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
		}
		if slices.ContainsFunc(still, func(s string) bool { return strings.HasSuffix(name, s) }) {
			continue
		}
		var way, off float64
		for i, w := range want {
			way += math.Pow(float64(w)-float64(before[name][i]), 2)
			off += math.Pow(float64(w)-float64(got[i]), 2)
		}
		share := math.Sqrt(off / way)
		if !(share <= tolerance) {
			t.Errorf("%s: off by %.3g of the way", name, share)
		}
		worst = max(worst, share)
	}
	t.Logf("off by %.2g of the way at most", worst)
}

// sameGenerator checks that the generator's file is that of the checkpoint, behind so many epochs.
func sameGenerator(t *testing.T, dir string, average bool, epochs int) {
	t.Helper()
	head := "generator."
	if average {
		head = "ema."
	}
	m, err := model.Load(filepath.Join(dir, train.GeneratorFile))
	if err != nil {
		t.Fatal(err)
	}
	if m.Provenance.Epochs != epochs {
		t.Errorf("the generator's file says %d epochs, want %d", m.Provenance.Epochs, epochs)
	}
	all := state(t, dir)
	for _, p := range m.Params() {
		if !slices.Equal(p.Data, all[head+p.Name]) {
			t.Errorf("%s differs from the checkpoint's", p.Name)
		}
	}
}
