package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/simd"
)

// ErrMismatch is what the error wraps when a run is resumed with settings, images
// or networks other than the checkpoint's.
var ErrMismatch = errors.New("does not fit the checkpoint")

const (
	checkpointKey    = "gantiny.train" // of the header's metadata
	checkpointFormat = 1
)

// header is what a checkpoint holds beside its tensors: JSON in the metadata.
type header struct {
	Format  int            `json:"format"`
	Version string         `json:"version"` // of the program, for the record
	Kernels string         `json:"kernels"` // row that made it
	Fused   *bool          `json:"fused"`   // whether that fuses multiply-adds; nil: by its name
	Step    uint64         `json:"step"`    // steps done
	Updates [2]uint64      `json:"updates"` // of the generator and of the discriminator
	Aim     string         `json:"aim"`     // the objective's name
	Cursor  dataset.Cursor `json:"cursor"`  // next batch
	Meter   meter          `json:"meter"`
	Config  Config         `json:"config"`
	Back    []rollback     `json:"rollbacks,omitempty"`
	Adapt   *adaptiveState `json:"adaptive,omitempty"` // of an augmentation that adapts
	Data    dataInfo       `json:"data"`
}

// dataInfo tells datasets apart.
type dataInfo struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	SHA256 string `json:"sha256"`
	Labels string `json:"labels_sha256,omitempty"` // of the labels and the classes' names; "" where they do not count or the checkpoint is older
}

// infoOf is that of the images of a run with settings c, and of their labels where those count.
func infoOf(c Config, d *dataset.Dataset) dataInfo {
	info := dataInfo{Name: d.Name, Images: d.N, SHA256: d.SHA256}
	if d.Labels != nil && (c.Conditional || tasks[c.Task].classifies) {
		h := sha256.New()
		fmt.Fprintf(h, "%d %q", d.Labels, d.Classes)
		info.Labels = hex.EncodeToString(h.Sum(nil))
	}
	return info
}

// state lists every array that a Trainer's next step depends on, with the name that it has in a
// checkpoint: the parameters of both networks, BatchNorm's moving statistics among them and the raw
// forms of normalized weights, what the optimizers remember, and the average.
func (t *Trainer) state() []safetensors.Tensor {
	var list []safetensors.Tensor
	add := func(name string, p *model.Param, data []float32) {
		list = append(list, safetensors.Tensor{Name: name + "." + p.Name, DType: safetensors.F32, Shape: p.Shape, Floats: data})
	}
	for _, n := range t.networks() {
		for _, p := range n.model.Params() {
			add(n.name, p, n.trainable(p).Data)
		}
		for _, w := range n.normalized {
			if !w.direction {
				list = append(list, w.vector("u", n.name, w.u), w.vector("v", n.name, w.v))
			}
		}
		for i, p := range n.params {
			for j, name := range n.rule.State() {
				add(name+"."+n.name, p, n.updater.state[i][j])
			}
		}
	}
	if t.ema != nil {
		for _, p := range t.ema.to {
			add("ema", p, p.Data)
		}
	}
	return list
}

// checkState reports the first array that holds a value which is not finite.
func (t *Trainer) checkState() error {
	for _, s := range t.state() {
		if sum := t.k.Sum(s.Floats); sum-sum != 0 {
			// The sum of large finite numbers may overflow: look again.
			if i := slices.IndexFunc(s.Floats, func(x float32) bool { return x-x != 0 }); i >= 0 {
				return diverged(t.steps, fmt.Sprintf("%s holds %g", s.Name, s.Floats[i]))
			}
		}
	}
	return nil
}

// adaptation is that of the objective, nil for none.
func (t *Trainer) adaptation() *adaptation {
	if o, ok := t.objective.(*GAN); ok {
		return o.adapt
	}
	return nil
}

// save writes the Trainer's state with h to path in one piece. Unless old is "", what
// was there stands at old afterwards.
func (t *Trainer) save(path, old string, h header) error {
	text, err := t.describe(h)
	if err != nil {
		return err
	}
	err = atomicfile.WriteKeeping(path, old, func(w io.Writer) error {
		return safetensors.Write(w, map[string]string{checkpointKey: text}, t.state())
	})
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// describe completes h by what the Trainer knows and returns its text.
func (t *Trainer) describe(h header) (string, error) {
	h.Format, h.Step, h.Config, h.Kernels, h.Fused = checkpointFormat, t.steps, t.cfg, t.k.Name, &t.k.FMA
	h.Aim = t.objective.Name()
	if a := t.adaptation(); a != nil {
		h.Adapt = &a.adaptiveState
	}
	for i, n := range t.networks() {
		h.Updates[i] = n.n
	}
	text, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	return string(text), nil
}

// checkpoint is an open checkpoint file.
type checkpoint struct {
	header
	path    string
	file    *os.File
	tensors *safetensors.File
}

// openCheckpoint reads the header of the checkpoint at path. The error wraps
// fs.ErrNotExist if there is none.
func openCheckpoint(path string) (*checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	c := &checkpoint{path: path, file: f}
	if err := c.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	return c, nil
}

func (c *checkpoint) readHeader() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	if c.tensors, err = safetensors.Open(c.file, info.Size()); err != nil {
		return err
	}
	text, ok := c.tensors.Meta[checkpointKey]
	if !ok {
		return fmt.Errorf("%w: no %q in its metadata", safetensors.ErrFormat, checkpointKey)
	}
	c.Config = Default() // settings that are younger than the file
	if err := json.Unmarshal([]byte(text), &c.header); err != nil {
		return fmt.Errorf("%w: %s: %w", safetensors.ErrFormat, checkpointKey, err)
	}
	if c.Aim == "" { // of a time when there was one objective, with one update a step
		c.Aim, c.Updates = "gan/bce", [2]uint64{c.Step, c.Step}
	}
	if c.Format != checkpointFormat {
		return fmt.Errorf("%w: checkpoint of format %d, this program reads %d", ErrMismatch, c.Format, checkpointFormat)
	}
	return nil
}

func (c *checkpoint) close() { c.file.Close() }

// fits returns an error that wraps ErrMismatch and names the difference if a run
// with these settings and images, of which an epoch has perEpoch steps, could not go on
// to the checkpoint's own future, or if the checkpoint contradicts itself.
func (c *checkpoint) fits(now Config, data dataInfo, perEpoch int) error {
	if d := now.difference(c.Config); d != "" {
		return fmt.Errorf("train: resume: %w: %s", ErrMismatch, d)
	}
	if data.SHA256 != c.Data.SHA256 {
		return fmt.Errorf("train: resume: %w: the images are %s, the checkpoint has %s", ErrMismatch, data, c.Data)
	}
	if data.Labels != c.Data.Labels && c.Data.Labels != "" {
		return fmt.Errorf("train: resume: %w: the images of %s have other labels, or classes of other names", ErrMismatch, data.Name)
	}
	if err := c.Config.Validate(); err != nil {
		return fmt.Errorf("train: %s: %w", c.path, err)
	}
	at := dataset.Cursor{Seed: now.Seed, Epoch: int(c.Step / uint64(perEpoch)), Batch: int(c.Step % uint64(perEpoch))}
	if c.Cursor != at || c.Meter.Steps < 0 || uint64(c.Meter.Steps) > c.Step {
		return fmt.Errorf("train: %s: %w itself: after step %d, of %d an epoch, the next batch is %+v with %d steps to report",
			c.path, ErrMismatch, c.Step, perEpoch, c.Cursor, c.Meter.Steps)
	}
	return nil
}

// otherBits says why a run on row k does not go on to the bits that it would have
// come to on the checkpoint's; "" if it does.
func (c *checkpoint) otherBits(k *simd.Kernels) string {
	plain := func(name string) bool { return name == "scalar" || name == "go" } // of the same bits
	fused := !plain(c.Kernels)
	if c.Fused != nil {
		fused = *c.Fused
	}
	if c.Kernels == k.Name || fused && k.FMA || plain(c.Kernels) && plain(k.Name) {
		return ""
	}
	return fmt.Sprintf("the checkpoint was made on kernels %s, the run goes on with %s: to other bits than it would have come to there", c.Kernels, k.Name)
}

func (d dataInfo) String() string {
	return fmt.Sprintf("%s (%d, sha256 %.12s)", d.Name, d.Images, d.SHA256)
}

// restore puts the checkpoint's state into t. Every shape is checked before the
// first value changes.
func (c *checkpoint) restore(t *Trainer) error {
	if aim := t.objective.Name(); aim != c.Aim {
		return fmt.Errorf("train: %s: %w: the objective is %s, the checkpoint has %s", c.path, ErrMismatch, aim, c.Aim)
	}
	state := t.state()
	for _, s := range state {
		info, err := c.tensors.Find(s.Name)
		if err != nil {
			return fmt.Errorf("train: %s: %w", c.path, err)
		}
		if info.DType != safetensors.F32 || !slices.Equal(info.Shape, s.Shape) {
			return fmt.Errorf("train: %s: %w: %s is %s %v, want %s %v", c.path, ErrMismatch, s.Name, info.DType, info.Shape, safetensors.F32, s.Shape)
		}
	}
	if n := len(c.tensors.Tensors); n != len(state) {
		return fmt.Errorf("train: %s: %w: %d tensors, want %d", c.path, ErrMismatch, n, len(state))
	}
	for _, s := range state {
		if err := c.tensors.ReadFloats(s.Floats, s.Name); err != nil {
			return fmt.Errorf("train: %s: %w", c.path, err)
		}
	}
	if a := t.adaptation(); a != nil {
		if c.Adapt == nil || !(c.Adapt.P >= 0 && c.Adapt.P <= 1) || c.Adapt.Steps < 0 || c.Adapt.Steps >= adaptiveEvery {
			return fmt.Errorf("train: %s: %w: the augmentation's state is %+v", c.path, ErrMismatch, c.Adapt)
		}
		a.adaptiveState = *c.Adapt
	}
	t.steps = c.Step
	for i, n := range t.networks() {
		n.n = c.Updates[i]
		for _, w := range n.normalized {
			w.apply()
		}
		n.repack()
	}
	return nil
}
