package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/simd"
)

// Errors of a run, for errors.Is.
var (
	ErrInterrupted = errors.New("training interrupted") // the checkpoint is saved; the context's error is wrapped too
	ErrLocked      = errors.New("another process trains there")
	ErrExists      = errors.New("a run is there already")
	ErrNoRun       = errors.New("no run to resume")
)

// Names of what a run writes into its directory.
const (
	CheckpointFile = "checkpoint.safetensors"
	GeneratorFile  = "generator.safetensors"
	MetricsFile    = "metrics.jsonl"
	SamplesDir     = "samples" // epoch-0001.png ...
	lockFile       = ".lock"
)

// gridSide is the number of pictures along a side of a sample grid.
const gridSide = 4

// Options say where a run lives and who watches it.
type Options struct {
	Dir     string // made if it is missing
	Resume  bool   // go on from Dir's checkpoint
	Command string // for the generator's provenance
	Version string
	Kernels *simd.Kernels // nil: the best of this machine

	// The pair to train; nil: those that the Config describes, whose Latent, Width, Size
	// and Channels count for nothing otherwise. Run changes their parameters. To resume, give
	// it networks of the same layers.
	Generator, Discriminator *model.Model
	Parts

	OnStep  func(Stats) // after each step; nil: none
	OnEpoch func(Stats) // after each epoch, its files written; nil: none
}

// Stats tell how far a run is.
type Stats struct {
	Epoch, Epochs  int // the epoch of this step, from 1, of how many
	Batch, Batches int // steps done in this epoch, of how many
	Step           uint64
	Losses
	ImagesPerSecond float64       // recently
	Left            time.Duration // to the end of the last epoch, at this speed
	Grid            string        // path of the grid that this epoch drew, "" for none
}

// run is a Run under way.
type run struct {
	c       Config
	o       Options
	t       *Trainer
	from    *stream
	meter   meter
	metrics *os.File
	data    dataInfo
	total   uint64    // steps in all epochs
	saved   time.Time // last checkpoint
	savedAt uint64    // its step
	perStep float64   // seconds a step takes, smoothed
}

// Run trains the networks that c describes, or those in o, on data, from the beginning
// or, with Resume, from the last checkpoint in o.Dir. There it keeps the
// checkpoint, the generator so far, metrics and sample grids; see the package's
// documentation. It returns nil when all epochs are done.
//
// When ctx ends, Run finishes the step, saves and returns an error that wraps
// ErrInterrupted and the context's own. ErrDiverged leaves the last checkpoint
// as it was. A directory in use gives ErrLocked, one that holds a run ErrExists
// unless Resume is set, one without a run ErrNoRun if it is; other settings or
// images than the checkpoint's give ErrMismatch, bad ones ErrConfig.
func Run(ctx context.Context, c Config, data *dataset.Dataset, o Options) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	if o.Generator == nil {
		o.Generator = model.Generator(c.Model())
	}
	if o.Discriminator == nil {
		o.Discriminator = model.Discriminator(c.Model())
	}
	if err := checkData(c, data, o.Generator); err != nil {
		return err
	}
	lock, err := lockDir(o.Dir, o.Resume)
	if err != nil {
		return err
	}
	defer lock.Close()
	r := &run{c: c, o: o, data: dataInfo{data.Name, data.N, data.SHA256}}
	if err := r.open(data); err != nil {
		return err
	}
	defer r.t.Close()
	defer func() {
		if cerr := r.metrics.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("train: %w", cerr)
		}
	}()
	return r.loop(ctx)
}

// checkData reports why g cannot learn from data.
func checkData(c Config, data *dataset.Dataset, g *model.Model) error {
	if in := g.Input(); !in.IsFlat() {
		return fmt.Errorf("train: %w: the generator's input is %v, not a flat vector of noise", model.ErrShape, in)
	}
	if out := g.Output(); out != (model.Shape{H: data.H, W: data.W, C: data.C}) {
		return fmt.Errorf("train: %w: images of %dx%dx%d, the generator draws %v", ErrConfig, data.H, data.W, data.C, out)
	}
	if data.N < c.Batch {
		return fmt.Errorf("train: %w: %d images are less than one batch of %d", ErrConfig, data.N, c.Batch)
	}
	return nil
}

// lockDir locks dir until the file is closed. To resume, a checkpoint must be
// there, or the lock of a run that has not got as far; otherwise dir is made.
func lockDir(dir string, resume bool) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	if resume && !exists(path) && !exists(filepath.Join(dir, CheckpointFile)) {
		return nil, fmt.Errorf("train: %s: %w", dir, ErrNoRun)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	held, err := tryLock(f)
	if err == nil && !held {
		err = ErrLocked
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("train: %s: %w", dir, err)
	}
	return f, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// open makes the Trainer and brings it, the batches and the directory to the
// state that the run goes on from.
func (r *run) open(data *dataset.Dataset) error {
	path := r.path(CheckpointFile)
	last, err := openCheckpoint(path)
	switch {
	case err == nil && !r.o.Resume:
		last.close()
		return fmt.Errorf("train: %s: %w, at step %d", r.o.Dir, ErrExists, last.Step)
	case err == nil:
		defer last.close()
		if err := last.fits(r.c, r.data); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	} // else the run starts: it may have been stopped before its first checkpoint

	if r.t, err = New(r.c, r.o.Generator, r.o.Discriminator, Tuning{Parts: r.o.Parts, Kernels: r.o.Kernels}); err != nil {
		return err
	}
	at := dataset.Cursor{Seed: r.c.Seed}
	if last != nil {
		if err := last.restore(r.t); err != nil {
			r.t.Close()
			return err
		}
		at, r.meter, r.saved, r.savedAt = last.Cursor, last.Meter, time.Now(), last.Step
	}
	if r.from, err = newStream(data, r.c, at); err == nil {
		r.total = uint64(r.c.Epochs) * uint64(r.from.batches.PerEpoch())
		err = r.prepare(last == nil)
		debug.FreeOSMemory() // what was needed to read the images and the checkpoint
	}
	if err != nil {
		r.t.Close()
	}
	return err
}

// prepare makes the directory's files agree with the state.
func (r *run) prepare(fresh bool) error {
	for _, name := range []string{CheckpointFile, GeneratorFile, MetricsFile} {
		if err := atomicfile.RemoveLeftovers(r.path(name)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if fresh {
		// So that a run can be resumed from its first moment on. Where that fails nothing of a run is left.
		had := exists(r.path(GeneratorFile))
		if err := r.save(); err != nil {
			if !had {
				os.Remove(r.path(GeneratorFile))
			}
			return err
		}
	}
	if err := os.MkdirAll(r.path(SamplesDir), 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	var err error
	r.metrics, err = openMetrics(r.path(MetricsFile), r.t.steps)
	return err
}

func (r *run) path(name string) string { return filepath.Join(r.o.Dir, name) }

// loop runs the steps that are left.
func (r *run) loop(ctx context.Context) error {
	for r.t.steps < r.total {
		if ctx.Err() != nil {
			return r.interrupted(context.Cause(ctx))
		}
		start := time.Now()
		losses, err := r.t.Step(r.from)
		if err != nil {
			return fmt.Errorf("%w; the checkpoint of step %d is kept", err, r.savedAt)
		}
		stats := r.account(losses, time.Since(start))
		if err := r.write(&stats); err != nil {
			return err
		}
		if r.o.OnStep != nil {
			r.o.OnStep(stats)
		}
		if stats.Batch == stats.Batches && r.o.OnEpoch != nil {
			r.o.OnEpoch(stats)
		}
	}
	return nil
}

// account adds a step to the figures.
func (r *run) account(l Losses, d time.Duration) Stats {
	r.meter.add(l, d)
	if r.perStep == 0 {
		r.perStep = d.Seconds()
	}
	r.perStep += (d.Seconds() - r.perStep) / 16
	per := uint64(r.from.batches.PerEpoch())
	done := r.t.steps - 1
	return Stats{
		Epoch: int(done/per) + 1, Epochs: r.c.Epochs,
		Batch: int(done%per) + 1, Batches: int(per),
		Step: r.t.steps, Losses: l,
		ImagesPerSecond: float64(r.c.Batch) / max(r.perStep, 1e-9),
		Left:            time.Duration(float64(r.total-r.t.steps) * r.perStep * float64(time.Second)),
	}
}

// write puts on disk what is due after a step: metrics, grid, generator, checkpoint.
func (r *run) write(s *Stats) error {
	end := s.Batch == s.Batches
	if end || r.c.MetricsEvery > 0 && s.Batch%r.c.MetricsEvery == 0 {
		if err := json.NewEncoder(r.metrics).Encode(r.meter.line(s.Epoch, s.Step, r.c.Batch)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if !end {
		minutes := r.c.CheckpointMinutes
		if minutes > 0 && time.Since(r.saved).Minutes() >= minutes {
			return r.save()
		}
		return nil
	}
	last := s.Epoch == s.Epochs
	if s.Epoch == 1 || last || r.c.SampleEvery > 0 && s.Epoch%r.c.SampleEvery == 0 {
		s.Grid = filepath.Join(r.o.Dir, SamplesDir, fmt.Sprintf("epoch-%04d.png", s.Epoch))
		if err := r.drawGrid(s.Grid); err != nil {
			return err
		}
		debug.FreeOSMemory() // drop the session now: a step allocates nothing that would have it collected
	}
	if last || r.c.CheckpointEpochs > 0 && s.Epoch%r.c.CheckpointEpochs == 0 {
		return r.save()
	}
	return nil
}

// save writes the generator as it is now and then the checkpoint, unless a value
// of the state is no finite number.
func (r *run) save() error {
	if err := r.t.checkState(); err != nil {
		return err
	}
	g := r.t.product()
	g.Provenance = model.Provenance{
		Command: r.o.Command, Version: r.o.Version, Seed: r.c.Seed,
		Epochs: int(r.t.steps) / r.from.batches.PerEpoch(), Dataset: r.data.Name, DatasetSHA256: r.data.SHA256,
	}
	if err := g.Save(r.path(GeneratorFile), model.SaveOptions{}); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if r.metrics != nil {
		// A checkpoint stands for the lines before it: they must not be lost where it is not.
		if err := r.metrics.Sync(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	h := header{Version: r.o.Version, Cursor: r.from.batches.Cursor(), Meter: r.meter, Data: r.data}
	if err := r.t.save(r.path(CheckpointFile), h); err != nil {
		return err
	}
	r.saved, r.savedAt = time.Now(), r.t.steps
	return nil
}

func (r *run) interrupted(cause error) error {
	if r.savedAt != r.t.steps {
		if err := r.save(); err != nil {
			return err
		}
	}
	return fmt.Errorf("train: %w at step %d of %d: %w", ErrInterrupted, r.t.steps, r.total, cause)
}

// drawGrid writes pictures of the same few latents, by the generator as it is now.
func (r *run) drawGrid(path string) error {
	const n = gridSide * gridSide
	g := r.t.product()
	g.Changed() // the last steps have written to it
	defer g.Changed()
	// By direct sums: weights for minimal filtering would be another 9 MB at the peak of training.
	s, err := g.NewSession(model.Options{Batch: n, Threads: 1, Kernels: r.t.k, Strict: true})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	latent, out := g.Input().Len(), g.Output()
	z := make([]float32, n*latent)
	x := make([]float32, n*out.Len())
	model.Latents(z, latent, r.c.Seed, 0)
	if err := s.Run(x, z); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	pix := make([]uint8, len(x))
	picture.Pixels(pix, x)
	if err := atomicfile.RemoveLeftovers(path); err != nil { // of a run that ended here
		return fmt.Errorf("train: %w", err)
	}
	grid := picture.Grid(pix, out.H, out.W, out.C, gridSide)
	if err := atomicfile.Write(path, func(w io.Writer) error { return picture.WritePNG(w, grid) }); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// Saved returns the settings of the run in dir, as of its last checkpoint.
func Saved(dir string) (Config, error) {
	c, err := openCheckpoint(filepath.Join(dir, CheckpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("train: %s: %w", dir, ErrNoRun)
	} else if err != nil {
		return Config{}, err
	}
	defer c.close()
	return c.Config, nil
}
