package train

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/tfevents"
)

// openEvents opens TensorBoard's file for appending if the setting asks for it, after it has
// dropped every event past the last step done. Without the setting the file stays as it is.
func (r *run) openEvents() error {
	if !r.c.TensorBoard {
		return nil
	}
	path := r.path(EventsFile)
	if err := keepEvents(path, r.t.steps); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.events = f
	return nil
}

// keepEvents writes the file at path anew: its events up to a step, as far as they can be read.
// The file is always a new one: nothing is appended to what path shared with another name.
func keepEvents(path string, step uint64) error {
	old, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		defer old.Close()
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if old == nil {
			return tfevents.Begin(w, time.Now())
		}
		return tfevents.Keep(w, old, step)
	})
}

// writeEvents puts a line of metrics into TensorBoard's file, under the same names.
func (r *run) writeEvents(m Metrics, s *Stats) error {
	if r.task.classifies {
		return r.addEvent(m.Step, classifyValues(m.classify(s)))
	}
	values := []tfevents.Value{
		{Tag: "g_loss", Scalar: float32(m.G)}, {Tag: "d_loss", Scalar: float32(m.D)},
		{Tag: "d_real", Scalar: float32(m.Real)}, {Tag: "d_fake", Scalar: float32(m.Fake)},
		{Tag: "g_grad_norm", Scalar: float32(m.GGradNorm)}, {Tag: "d_grad_norm", Scalar: float32(m.DGradNorm)},
		{Tag: "images_per_s", Scalar: float32(m.ImagesPerSecond)},
	}
	if len(r.c.penalties()) > 0 {
		values = append(values, tfevents.Value{Tag: "penalty", Scalar: float32(m.Penalty)})
	}
	if r.c.auxiliary() > 0 {
		values = append(values, tfevents.Value{Tag: "class_real", Scalar: float32(m.ClassReal)},
			tfevents.Value{Tag: "class_fake", Scalar: float32(m.ClassFake)}, tfevents.Value{Tag: "class_right", Scalar: float32(m.ClassRight)})
	}
	if r.c.adapts() {
		values = append(values, tfevents.Value{Tag: "augment_p", Scalar: float32(m.AugmentP)}, tfevents.Value{Tag: "real_sign", Scalar: float32(m.RealSign)})
	}
	if r.o.Teacher != nil {
		values = append(values, tfevents.Value{Tag: "teacher", Scalar: float32(m.Teacher)})
	}
	return r.addEvent(m.Step, append(values, m.Eval.values()...))
}

func classifyValues(m ClassifyMetrics) []tfevents.Value {
	values := []tfevents.Value{
		{Tag: "loss", Scalar: float32(m.Loss)}, {Tag: "accuracy", Scalar: float32(m.Accuracy)},
		{Tag: "grad_norm", Scalar: float32(m.GradNorm)}, {Tag: "images_per_s", Scalar: float32(m.ImagesPerSecond)},
	}
	if m.Test > 0 {
		values = append(values, tfevents.Value{Tag: "test_accuracy", Scalar: float32(m.Test)})
	}
	return values
}

// writeGridEvent puts a grid that was drawn into TensorBoard's file, with the spread of its
// pictures.
func (r *run) writeGridEvent(step uint64, grid string, std float64) error {
	if r.events == nil {
		return nil
	}
	file, err := os.ReadFile(grid)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("train: %s: %w", grid, err)
	}
	img := &tfevents.Image{Height: c.Height, Width: c.Width, Channels: 3, PNG: file}
	switch c.ColorModel {
	case color.GrayModel:
		img.Channels = 1
	case color.NRGBAModel:
		img.Channels = 4
	}
	return r.addEvent(step, []tfevents.Value{{Tag: "sample_std", Scalar: float32(std)}, {Tag: "samples", Image: img}})
}

func (r *run) addEvent(step uint64, values []tfevents.Value) error {
	if r.events == nil {
		return nil
	}
	if err := tfevents.Write(r.events, time.Now(), step, values); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
