package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train/networks"
)

// Errors of a run, for errors.Is.
var (
	ErrInterrupted = errors.New("training interrupted") // the checkpoint is saved; the context's error is wrapped too
	ErrLocked      = errors.New("another process trains there")
	ErrExists      = errors.New("a run is there already")
	ErrNoRun       = errors.New("no run to resume")
)

// Options say where a run lives and who watches it.
type Options struct {
	Dir     string // made if it is missing
	Resume  bool   // go on from Dir's checkpoint
	Command string // for the generator's provenance
	Version string
	Kernels *simd.Kernels // nil: what Config.Kernel names

	// Test has images and labels by which a classifier is judged at the end of each epoch; nil for
	// none.
	Test *dataset.Dataset

	// Judge measures the generator by the setting eval_every; nil for none.
	Judge *Judge

	// The pair to train; nil: those that the Config describes, whose Latent, Width, Size and
	// Channels count for nothing otherwise. Run changes their parameters. To resume, give it
	// networks of the same layers. Of task classify the first one is the classifier, and there is
	// no other.
	Generator, Discriminator *model.Model
	Components

	OnStep  func(Stats)       // after each step; nil: none
	OnEpoch func(Stats)       // after each epoch, its files written; nil: none
	OnNote  func(note string) // what the user should know, in a line; nil: none

	// SampleNow is asked after each step of a GAN whether to draw a grid now, beside those of the
	// settings. Its path is in the Stats of that step. nil: never.
	SampleNow func() bool
}

// Stats tell how far a run is.
type Stats struct {
	Epoch, Epochs  int // the epoch of this step, from 1, of how many
	Batch, Batches int // steps done in this epoch, of how many
	Step           uint64
	Losses
	Eval            Quality       // at an epoch's end: how good the generator is, where it was measured
	Best            bool          // whether none before measured better
	TestRight       float64       // at an epoch's end, of task classify: the share of Options.Test that is named right
	ImagesPerSecond float64       // recently
	Left            time.Duration // to the end of the last epoch, at this speed
	Grid            string        // path of the grid that was drawn after this step, "" for none
	NextGrid        int           // epoch that draws the next one, 0 for none
}

// run is a Run under way.
type run struct {
	c        Config
	o        Options
	task     task
	t        *Trainer
	from     *stream
	meter    meter
	metrics  *os.File
	events   *os.File // TensorBoard's, nil without
	perEpoch int      // steps
	dataStd  float64  // spread of the data's images
	mostStd  float64  // the largest one of the grids in the metrics
	best     float64  // the least Frechet distance so far, +Inf for none
	back     []rollback
	data     dataInfo
	total    uint64    // steps in all epochs
	saved    time.Time // last checkpoint
	savedAt  uint64    // its step
	damaged  bool      // the checkpoint file is not the one that the run went on from
	perStep  float64   // seconds a step takes, smoothed

	alarmed string // kind of the last epoch's alarm
}

// Run trains the networks that c describes, or those in o, on data, from the beginning
// or, with Resume, from the last checkpoint in o.Dir that can be read. There it keeps
// checkpoints, the generator so far, metrics and sample grids; see the package's
// documentation. It returns nil when all epochs are done.
//
// When ctx ends, Run finishes the step, saves and returns an error that wraps
// ErrInterrupted and the context's own. ErrDiverged leaves the last checkpoint
// as it was, and the run may be resumed with another learning rate; with the setting
// on_divergence = "rollback" Run does that itself first, with half the rate. A directory in
// use gives ErrLocked, one that holds anything of a run ErrExists
// unless Resume is set, one without a run ErrNoRun if it is; other settings or
// images than the checkpoint's give ErrMismatch, bad ones ErrConfig.
func Run(ctx context.Context, c Config, data *dataset.Dataset, o Options) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	kind := tasks[c.Task]
	if err := kind.build(&o, c, data); err != nil {
		return err
	}
	if err := kind.check(c, data, o.Generator); err != nil {
		return err
	}
	if c.Teacher != "" && o.Teacher == nil && !o.Resume {
		return fmt.Errorf("train: %w: teacher is %q, and no such model was given", ErrConfig, c.Teacher)
	}
	if c.EvalEvery > 0 && o.Judge == nil {
		return fmt.Errorf("train: %w: eval_every is %d, and nothing was given to measure by", ErrConfig, c.EvalEvery)
	}
	c = c.settled(data.N / c.Batch)
	lock, err := lockDir(o.Dir, o.Resume)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := o.keptTeacher(c); err != nil {
		return err
	}
	r := &run{c: c, o: o, task: kind, data: infoOf(c, data)}
	if err := r.open(data, lock); err != nil {
		return err
	}
	defer r.t.Close()
	defer func() {
		if cerr := r.closeLogs(); err == nil {
			err = cerr
		}
	}()
	if r.t.steps >= r.total {
		r.note("the run is complete at epoch %d; raise epochs to go on", r.c.Epochs)
	}
	return r.loop(ctx)
}

// build makes the networks that o lacks.
func (o *Options) build(c Config, data *dataset.Dataset) (err error) {
	if c.Conditional && data.Labels == nil {
		return fmt.Errorf("train: %w: conditional is set, and the images of %s have no classes", ErrConfig, data.Name)
	}
	n := c.Networks(data.NumClasses())
	if o.Generator == nil {
		if c.GeneratorGraph != "" {
			o.Generator, err = graphNetwork("generator", c.Generator, c.GeneratorGraph, c.Seed)
		} else if o.Generator, err = networks.Generator(n); err != nil {
			err = fmt.Errorf("train: %w: %w", ErrConfig, err)
		}
		if err == nil {
			err = c.checkGraphs(o.Generator)
		}
		if err != nil {
			return err
		}
		if c.Conditional && (data.Classes == nil || len(data.Classes) == classes(o.Generator)) {
			o.Generator.ClassNames = data.Classes
		}
	}
	if o.Discriminator == nil && c.DiscriminatorGraph != "" {
		if o.Discriminator, err = graphNetwork("discriminator", c.Discriminator, c.DiscriminatorGraph, c.Seed); err != nil {
			return err
		}
	}
	if o.Discriminator == nil {
		if o.Discriminator, err = networks.Discriminator(n); err != nil {
			return fmt.Errorf("train: %w: %w", ErrConfig, err)
		}
	}
	return nil
}

// checkData reports why g cannot learn from data.
func checkData(c Config, data *dataset.Dataset, g *model.Model) error {
	if _, _, err := g.GeneratorInputs(); err != nil {
		return fmt.Errorf("train: generator: %w", err)
	}
	if n := classes(g); n > 0 && (data.Labels == nil || data.NumClasses() > n) {
		return fmt.Errorf("train: %w: the images have %d classes, the generator draws %d", ErrConfig, data.NumClasses(), n)
	}
	picture := model.Shape{H: data.H, W: data.W, C: data.C}
	if c.Stack {
		if data.C != 1 {
			return fmt.Errorf("train: %w: stack is set, and the images of %s have %d channels, want 1", ErrConfig, data.Name, data.C)
		}
		picture.C = dataset.StackImages
	}
	if out := g.Output(); out != picture {
		return fmt.Errorf("train: %w: images of %dx%dx%d, the generator draws %v", ErrConfig, picture.H, picture.W, picture.C, out)
	}
	if data.N < c.Batch {
		return fmt.Errorf("train: %w: %d images are less than one batch of %d", ErrConfig, data.N, c.Batch)
	}
	return nil
}

// open makes the Trainer and brings it, the batches and the directory to the
// state that the run goes on from.
func (r *run) open(data *dataset.Dataset, lock *os.File) (err error) {
	if r.t, err = New(r.c, r.o.Generator, r.o.Discriminator, Tuning{Components: r.o.Components, Kernels: r.o.Kernels}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			r.t.Close()
		}
	}()
	r.perEpoch = data.N / r.c.Batch
	r.total = uint64(r.c.Epochs) * uint64(r.perEpoch)
	r.dataStd = dataStd(data.Pix, data.H*data.W*data.C)
	at := dataset.Cursor{Seed: r.c.Seed}
	fresh := true
	if r.o.Resume {
		last, err := r.restore(CheckpointFile, PreviousFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if last != nil {
			fresh = false
			at = last.Cursor
			r.goOnFrom(last)
			r.resumeRates(last)
		} // else it was stopped before its first checkpoint
	}
	if r.from, err = newStream(data, r.c, at); err != nil {
		return err
	}
	err = r.prepare(fresh, lock)
	debug.FreeOSMemory() // what was needed to read the images and the checkpoint
	return err
}

// restore puts the first checkpoint that can be read into the Trainer. The error wraps
// fs.ErrNotExist if there is none.
func (r *run) restore(names ...string) (*header, error) {
	var first error
	for _, name := range names {
		h, err := r.restoreFrom(r.path(name))
		if err == nil {
			if first != nil {
				r.damaged = true
				r.note("%v; going on from the checkpoint before, of step %d", first, h.Step)
			}
			return h, nil
		}
		if !replaceable(err) {
			return nil, err
		}
		first = worse(first, err)
	}
	return nil, first
}

func (r *run) restoreFrom(path string) (*header, error) {
	c, err := openCheckpoint(path)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.fits(r.c, r.data, r.perEpoch); err != nil {
		return nil, err
	}
	if err := c.restore(r.t); err != nil {
		return nil, err
	}
	for _, note := range []string{c.otherBits(r.t.k), r.c.change(c.Config)} {
		if note != "" {
			r.note("%s", note)
		}
	}
	return &c.header, nil
}

// prepare makes the directory's files agree with the state.
func (r *run) prepare(fresh bool, lock *os.File) error {
	for _, name := range []string{CheckpointFile, PreviousFile, r.task.product, BestFile, MetricsFile, ReportFile, EventsFile} {
		if err := atomicfile.RemoveLeftovers(r.path(name)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if fresh {
		if err := r.begin(lock); err != nil {
			return err
		}
	}
	if !r.task.classifies {
		if err := atomicfile.MkdirAll(r.path(SamplesDir)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if !r.productSaved() {
		if err := r.saveProduct(); err != nil {
			return err
		}
	}
	r.best = r.bestSoFar()
	// A run that ended between a checkpoint and its grid draws that now.
	per := uint64(r.from.batches.PerEpoch())
	if epoch := int(r.t.steps / per); epoch > 0 && r.t.steps%per == 0 && r.gridDue(epoch) && !exists(r.gridPath(epoch)) {
		if _, err := r.drawGrid(r.gridPath(epoch)); err != nil {
			return err
		}
	}
	return r.openLogs()
}

// goOnFrom takes over what a checkpoint holds beside the Trainer's state and the place of
// the next batch.
func (r *run) goOnFrom(h *header) {
	r.meter, r.saved, r.savedAt = h.Meter, time.Now(), h.Step
}

// openLogs opens the files that grow with the run, without what is past this step.
func (r *run) openLogs() (err error) {
	if r.metrics, err = openMetrics(r.path(MetricsFile), r.t.steps); err != nil {
		return err
	}
	lines, err := readMetrics(r.path(MetricsFile), r.t.steps)
	if err != nil {
		return err
	}
	r.mostStd = 0
	for _, m := range lines {
		r.mostStd = max(r.mostStd, m.SampleStd)
	}
	if err := r.openEvents(); err != nil {
		return err
	}
	return r.writeLate()
}

func (r *run) closeLogs() error {
	var errs []error
	for _, f := range []*os.File{r.metrics, r.events} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	r.metrics, r.events = nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// begin writes the first checkpoint, so that a run can be resumed from its first moment
// on. A generator without a checkpoint is not that of a run which begins here.
func (r *run) begin(lock *os.File) error {
	for _, name := range []string{r.task.product, MetricsFile} {
		if path := r.path(name); exists(path) && !(name == r.task.product && r.productSaved()) {
			return fmt.Errorf("train: %s: %w: it has no checkpoint beside it", path, ErrExists)
		}
	}
	if t := r.o.Teacher; t != nil {
		if err := t.Save(r.path(TeacherFile), model.SaveOptions{}); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if err := noteSettings(lock, r.c); err != nil {
		return err
	}
	err := r.saveCheckpoint()
	if err == nil {
		err = r.saveProduct()
	}
	if err != nil { // then nothing of a run is left
		os.Remove(r.path(CheckpointFile))
		os.Remove(r.path(r.task.product))
		os.Remove(r.path(TeacherFile))
	}
	return err
}

func (r *run) path(name string) string { return filepath.Join(r.o.Dir, name) }

// note tells what the user of the run should know.
func (r *run) note(format string, args ...any) {
	if r.o.OnNote != nil {
		r.o.OnNote(fmt.Sprintf(format, args...))
	}
}

// loop runs the steps that are left.
func (r *run) loop(ctx context.Context) error {
	for r.t.steps < r.total {
		if ctx.Err() != nil {
			return r.interrupted(context.Cause(ctx))
		}
		stats, err := r.step()
		if errors.Is(err, ErrDiverged) && r.mayGoBack() {
			err = r.goBack(err)
			if err == nil {
				continue
			}
		}
		if err != nil {
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

// step runs a step and writes what is due after it.
func (r *run) step() (Stats, error) {
	start := time.Now()
	losses, err := r.t.Step(r.from)
	if err != nil {
		return Stats{}, fmt.Errorf("%w; the checkpoint of step %d is kept", err, r.savedAt)
	}
	if r.from.drawn() != r.t.steps {
		return Stats{}, fmt.Errorf("train: objective %s took %d batches in %d steps, want one a step", r.t.objective.Name(), r.from.drawn(), r.t.steps)
	}
	stats := r.account(losses, time.Since(start))
	return stats, r.write(&stats)
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
		NextGrid:        r.nextGrid(int(r.t.steps / per)),
	}
}

func (r *run) interrupted(cause error) error {
	if r.savedAt != r.t.steps {
		if err := r.save(); err != nil {
			return err
		}
	}
	if r.c.Report && !r.task.classifies {
		if err := r.writeReport(); err != nil {
			return err
		}
	}
	return fmt.Errorf("train: %w at step %d of %d: %w", ErrInterrupted, r.t.steps, r.total, cause)
}
