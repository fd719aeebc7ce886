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
	"slices"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

// gridSide is the number of pictures along a side of a sample grid. With classes, a grid
// has a row for each, the first classRows at most, of classColumns pictures.
const (
	gridSide     = 4
	classRows    = 16
	classColumns = 8
)

// withinEpoch is how long a run goes without a checkpoint where epochs are longer.
const withinEpoch = 5 * time.Minute

// write puts on disk what is due after a step: grid, metrics, checkpoint with generator,
// report. Where one of them fails the state is saved all the same, if it can be.
func (r *run) write(s *Stats) error {
	err := r.judge(s)
	var std float64
	if err == nil {
		std, err = r.sample(s)
	}
	if err == nil {
		err = r.measure(s)
	}
	if err == nil {
		err = r.writeMetrics(s, std)
	}
	if err == nil && r.checkpointDue(s) {
		err = r.save()
	}
	if err == nil && r.c.Report && (s.Grid != "" || s.Batch == s.Batches && r.showDue(s.Epoch)) {
		err = r.writeReport()
	}
	if err != nil && r.savedAt != r.t.steps && !errors.Is(err, ErrDiverged) {
		if again := r.save(); again != nil && again.Error() != err.Error() {
			err = errors.Join(err, again)
		}
	}
	return err
}

// writeLate writes the line of an epoch that a checkpoint has, and whose end met an error before
// the line was written.
func (r *run) writeLate() error {
	if r.meter.Steps == 0 || r.t.steps%uint64(r.perEpoch) != 0 {
		return nil
	}
	s := &Stats{Epoch: int(r.t.steps) / r.perEpoch, Epochs: r.c.Epochs, Batch: r.perEpoch, Batches: r.perEpoch, Step: r.t.steps}
	if err := r.judge(s); err != nil {
		return err
	}
	if err := r.measure(s); err != nil {
		return err
	}
	return r.writeMetrics(s, 0)
}

// sample draws a grid at the end of an epoch that is due one, and where the caller asks for it.
// It returns what Metrics says of its pictures.
func (r *run) sample(s *Stats) (std float64, err error) {
	switch {
	case s.Batch == s.Batches && r.gridDue(s.Epoch):
		s.Grid = r.gridPath(s.Epoch)
	case !r.task.classifies && r.o.SampleNow != nil && r.o.SampleNow():
		s.Grid = filepath.Join(r.o.Dir, SamplesDir, fmt.Sprintf("step-%08d.png", s.Step))
	default:
		return 0, nil
	}
	if err := r.t.checkState(); err != nil { // no picture is better than one of NaN
		s.Grid = ""
		return 0, err
	}
	if std, err = r.drawGrid(s.Grid); err != nil {
		return 0, err
	}
	return std, r.writeGridEvent(s.Step, s.Grid, std)
}

// writeMetrics writes a line if one is due. std is that of the grid that s has, if any.
func (r *run) writeMetrics(s *Stats, std float64) error {
	end := s.Batch == s.Batches
	if !end && !(r.c.MetricsEvery > 0 && s.Batch%r.c.MetricsEvery == 0) {
		return nil
	}
	before := r.meter
	line := r.meter.line(s.Epoch, s.Step, r.c.Batch)
	line.SampleStd, line.Rollbacks, line.Eval = std, len(r.back), s.Eval
	line.GGradNorm, line.DGradNorm = r.t.GradNorms()
	var trouble alarm
	if end {
		trouble = line.alarm(r.c.Loss, s.Grid != "", r.dataStd, r.mostStd)
		line.Alarm = trouble.String()
	}
	var text any = line
	if r.task.classifies {
		text = line.classify(s)
	}
	if err := json.NewEncoder(r.metrics).Encode(text); err != nil {
		r.meter = before // the next line will tell
		return fmt.Errorf("train: %w", err)
	}
	r.mostStd = max(r.mostStd, std)
	if end {
		r.watch(line, trouble, s.Epoch == s.Epochs)
	}
	return r.writeEvents(line, s)
}

// checkpointDue tells whether a step is to be followed by a checkpoint. With the
// setting checkpoint_minutes time alone decides: an SD card is spared what short epochs
// would write.
func (r *run) checkpointDue(s *Stats) bool {
	end, since := s.Batch == s.Batches, time.Since(r.saved)
	switch {
	case end && s.Epoch == s.Epochs:
		return true
	case r.c.CheckpointMinutes > 0:
		return since.Minutes() >= r.c.CheckpointMinutes
	case end && r.c.CheckpointEpochs > 0 && s.Epoch%r.c.CheckpointEpochs == 0:
		return true
	}
	return since >= withinEpoch
}

// gridDue tells whether the end of an epoch draws a grid.
func (r *run) gridDue(epoch int) bool {
	return !r.task.classifies && r.showDue(epoch)
}

// showDue tells whether the end of an epoch writes the report, and a grid if there can be one.
func (r *run) showDue(epoch int) bool {
	return epoch == 1 || epoch == r.c.Epochs || r.c.SampleEvery > 0 && epoch%r.c.SampleEvery == 0
}

// nextGrid returns the epoch, after so many whole ones, that draws the next grid; 0 if none does.
func (r *run) nextGrid(done int) int {
	switch {
	case r.task.classifies || done >= r.c.Epochs:
		return 0
	case done == 0:
		return 1
	case r.c.SampleEvery > 0:
		return min((done/r.c.SampleEvery+1)*r.c.SampleEvery, r.c.Epochs)
	}
	return r.c.Epochs
}

func (r *run) gridPath(epoch int) string {
	return filepath.Join(r.o.Dir, SamplesDir, gridName(epoch))
}

func gridName(epoch int) string { return fmt.Sprintf("epoch-%04d.png", epoch) }

// save writes the generator as it is now and then the checkpoint, unless a value
// of the state is no finite number. One is tried where the other fails.
func (r *run) save() error {
	if err := r.t.checkState(); err != nil {
		return err
	}
	return errors.Join(r.saveProduct(), r.saveCheckpoint())
}

// productSaved tells whether the product's file holds the one of now.
func (r *run) productSaved() bool {
	m, err := model.Load(r.path(r.task.product))
	if err != nil {
		return false
	}
	return slices.EqualFunc(m.Params(), r.t.product().Params(), func(a, b *model.Param) bool {
		return a.Name == b.Name && slices.Equal(a.Data, b.Data)
	})
}

func (r *run) saveProduct() error {
	g := r.t.product()
	g.Provenance = r.provenance()
	if err := g.Save(r.path(r.task.product), model.SaveOptions{}); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// provenance says where the product of now comes from.
func (r *run) provenance() model.Provenance {
	return model.Provenance{
		Command: r.o.Command, Version: r.o.Version, Seed: r.c.Seed,
		Epochs: int(r.t.steps) / r.from.batches.PerEpoch(), Dataset: r.data.Name, DatasetSHA256: r.data.SHA256,
	}
}

// saveCheckpoint writes the checkpoint. The one before stays beside it, unless that
// could not be read.
func (r *run) saveCheckpoint() error {
	for _, f := range []*os.File{r.metrics, r.events} {
		// A checkpoint stands for the lines before it: they must not be lost where it is not.
		if f == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	h := header{Version: r.o.Version, Cursor: r.from.batches.Cursor(), Meter: r.meter, Data: r.data, Back: r.back}
	old := r.path(PreviousFile)
	if r.damaged {
		old = ""
	}
	if err := r.t.save(r.path(CheckpointFile), old, h); err != nil {
		return err
	}
	r.saved, r.savedAt, r.damaged = time.Now(), r.t.steps, false
	return nil
}

// drawGrid writes pictures of the same few latents, by the generator as it is now, and
// returns their spread: that of the latents of one class, where there are classes.
func (r *run) drawGrid(path string) (std float64, err error) {
	defer debug.FreeOSMemory() // drop the session now: a step allocates nothing that would have it collected
	g := r.t.product()
	latentInput, classInput, err := g.GeneratorInputs()
	if err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	columns, n := gridSide, gridSide*gridSide
	k := classes(g)
	if k > 0 { // a row a class
		columns, n = classColumns, classColumns*min(k, classRows)
	}
	g.Changed() // the last steps have written to it
	defer g.Changed()
	// By direct sums: weights for Winograd would be another 9 MB at the peak of training.
	s, err := g.NewSession(model.Options{Batch: n, Threads: 1, Kernels: r.t.k, Strict: true})
	if err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	latent, out := g.Inputs()[latentInput].Shape.Len(), g.Output()
	z := make([]float32, n*latent)
	pix := make([]uint8, n*out.Len())
	model.Latents(z, latent, r.c.Seed, 0)
	feed := model.Feed{In: make([]model.Data, len(g.Inputs())), Out: []model.Data{{Pixels: pix}}}
	feed.In[latentInput].Floats = z
	if k > 0 {
		list := make([]int32, n)
		for i := range list {
			list[i] = int32(i / columns)
		}
		feed.In[classInput].Classes = list
	}
	if err := s.RunFeed(context.Background(), feed); err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	if err := clearPath(path); err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	grid := picture.Grid(pix, out.H, out.W, out.C, columns)
	if err := atomicfile.Write(path, func(w io.Writer) error { return picture.WritePNG(w, grid) }); err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	group := n
	if k > 0 {
		group = columns
	}
	return imageStd(pix, out.Len(), group), nil
}

// clearPath removes what a run that ended here has left of path, and path itself if it
// is a symbolic link: a run in a directory from elsewhere writes through none.
func clearPath(path string) error {
	if err := atomicfile.RemoveLeftovers(path); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return os.Remove(path)
	}
	return nil
}
