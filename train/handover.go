package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
)

// Handover is a run as of its last checkpoint, for another program that is to go on with it.
type Handover struct {
	Config                   Config
	Generator, Discriminator *model.Model // of a classifier the first one, and nil
	Step                     uint64       // steps done
	RateShare                float64      // what rollbacks have left of the learning rates, 1 without any
	Notes                    []string     // what the user should know, such as that the last checkpoint is damaged

	run  *run
	last *header
}

// OpenHandover reads the last checkpoint of the run in dir that can be read, whose images are data,
// as Run does to resume it, and changes nothing there. check, if not nil, sees the settings and the
// networks, which have no weights of the run's yet, and may refuse them. The caller closes the
// Handover. Errors are those of Run; a run without a checkpoint gives ErrNoRun.
func OpenHandover(dir string, data *dataset.Dataset, check func(Config, *model.Model, *model.Model) error) (*Handover, error) {
	c, err := Saved(dir)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	kind := tasks[c.Task]
	h := &Handover{Config: c}
	o := Options{Dir: dir, Resume: true, OnNote: func(note string) { h.Notes = append(h.Notes, note) }}
	if err := kind.build(&o, c, data); err != nil {
		return nil, err
	}
	if err := kind.check(c, data, o.Generator); err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(c, o.Generator, o.Discriminator); err != nil {
			return nil, err
		}
	}
	if err := o.keptTeacher(c); err != nil {
		return nil, err
	}
	r := &run{c: c, o: o, task: kind, data: infoOf(c, data), perEpoch: data.N / c.Batch}
	if r.t, err = New(c, o.Generator, o.Discriminator, Tuning{Components: o.Components}); err != nil {
		return nil, err
	}
	last, err := r.restore(CheckpointFile, PreviousFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("train: %s: %w: it has no checkpoint yet", dir, ErrNoRun)
	}
	if err != nil {
		r.t.Close()
		return nil, err
	}
	h.Generator, h.Discriminator, h.Step, h.RateShare = o.Generator, o.Discriminator, last.Step, math.Ldexp(1, -len(last.Back))
	h.run, h.last = r, last
	return h, nil
}

// WriteCheckpoint writes the checkpoint, as in CheckpointFile.
func (h *Handover) WriteCheckpoint(w io.Writer) error {
	text, err := h.run.t.describe(*h.last)
	if err != nil {
		return err
	}
	return safetensors.Write(w, map[string]string{checkpointKey: text}, h.run.t.state())
}

// WriteProduct writes what the run is for as of the checkpoint, as in GeneratorFile: the moving
// average where there is one.
func (h *Handover) WriteProduct(w io.Writer) error {
	m := h.run.t.product()
	m.Provenance = model.Provenance{
		Version: h.last.Version, Seed: h.Config.Seed, Epochs: int(h.Step) / h.run.perEpoch,
		Dataset: h.last.Data.Name, DatasetSHA256: h.last.Data.SHA256,
	}
	return m.Encode(w, model.SaveOptions{})
}

// Close ends threads.
func (h *Handover) Close() { h.run.t.Close() }
