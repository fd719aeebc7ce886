package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
)

// Metrics is one line of metrics.jsonl: means over the steps since the line
// before it.
type Metrics struct {
	Epoch           int     `json:"epoch"` // from 1
	Step            uint64  `json:"step"`  // steps done since the run began
	G               float64 `json:"g_loss"`
	D               float64 `json:"d_loss"`
	Real            float64 `json:"d_real"`                // D(x): mean probability of being real, given to reals
	Fake            float64 `json:"d_fake"`                // D(G(z)): and to fakes
	Penalty         float64 `json:"penalty,omitempty"`     // of the discriminator's gradients by the images
	Teacher         float64 `json:"teacher,omitempty"`     // mean squared distance from the teacher's images
	ClassReal       float64 `json:"class_real,omitempty"`  // of an auxiliary head: cross-entropy at reals
	ClassFake       float64 `json:"class_fake,omitempty"`  // and at fakes
	ClassRight      float64 `json:"class_right,omitempty"` // share of the fakes that it names as they were meant
	GGradNorm       float64 `json:"g_grad_norm"`           // of the last step, see Trainer.GradNorms
	DGradNorm       float64 `json:"d_grad_norm"`
	AugmentP        float64 `json:"augment_p,omitempty"` // with ada: probability of a change
	RealSign        float64 `json:"real_sign,omitempty"` // and the mean sign of the logits at reals
	ImagesPerSecond float64 `json:"images_per_s"`
	Seconds         float64 `json:"seconds"` // spent in steps since the run began

	Eval Quality `json:"eval,omitzero"` // where the generator was measured, see Options.Judge

	SampleStd float64 `json:"sample_std,omitempty"` // where a grid was drawn: how much its pictures differ, of 255
	Alarm     string  `json:"alarm,omitempty"`      // at the end of an epoch: what shows that the run goes nowhere, and what to try
	Rollbacks int     `json:"rollbacks,omitempty"`  // times that the run has gone back, see Config.OnDivergence
}

// meter sums what the next line of metrics is the mean of. A checkpoint carries
// it, so that a run which was stopped writes the same lines.
type meter struct {
	Sum     Losses  `json:"sum"`
	Steps   int     `json:"steps"`
	Taught  int     `json:"taught,omitempty"` // of these, steps with a teacher
	Seconds float64 `json:"seconds"`          // in these steps
	Total   float64 `json:"total"`            // in all steps since the run began
}

func (m *meter) add(l Losses, d time.Duration) {
	m.Sum.G += l.G
	m.Sum.D += l.D
	m.Sum.Real += l.Real
	m.Sum.Right += l.Right
	m.Sum.Fake += l.Fake
	m.Sum.Penalty += l.Penalty
	m.Sum.AugmentP += l.AugmentP
	m.Sum.RealSign += l.RealSign
	m.Sum.ClassReal += l.ClassReal
	m.Sum.ClassFake += l.ClassFake
	m.Sum.Teacher += l.Teacher
	if l.Teacher > 0 {
		m.Taught++
	}
	m.Steps++
	m.Seconds += d.Seconds()
	m.Total += d.Seconds()
}

// line returns the means and starts again.
func (m *meter) line(epoch int, step uint64, batch int) Metrics {
	n := float64(m.Steps)
	x := Metrics{
		Epoch: epoch, Step: step,
		G: m.Sum.G / n, D: m.Sum.D / n, Real: m.Sum.Real / n, Fake: m.Sum.Fake / n,
		Penalty: m.Sum.Penalty / n, Teacher: m.Sum.Teacher / float64(max(m.Taught, 1)),
		AugmentP: m.Sum.AugmentP / n, RealSign: m.Sum.RealSign / n,
		ClassReal: m.Sum.ClassReal / n, ClassFake: m.Sum.ClassFake / n, ClassRight: m.Sum.Right / n,
		ImagesPerSecond: n * float64(batch) / max(m.Seconds, 1e-9),
		Seconds:         m.Total,
	}
	*m = meter{Total: m.Total}
	return x
}

// ClassifyMetrics is one line of metrics.jsonl of task classify.
type ClassifyMetrics struct {
	Epoch           int     `json:"epoch"`
	Step            uint64  `json:"step"`
	Loss            float64 `json:"loss"`                    // cross-entropy
	Accuracy        float64 `json:"accuracy"`                // share of the images in training, as they were moved, that were named right
	Test            float64 `json:"test_accuracy,omitempty"` // share of the test images, at an epoch's end
	GradNorm        float64 `json:"grad_norm"`               // of the last step, see Trainer.GradNorms
	ImagesPerSecond float64 `json:"images_per_s"`
	Seconds         float64 `json:"seconds"`

	Alarm     string `json:"alarm,omitempty"` // as in Metrics
	Rollbacks int    `json:"rollbacks,omitempty"`
}

// classify is the line of task classify.
func (m Metrics) classify(s *Stats) ClassifyMetrics {
	return ClassifyMetrics{m.Epoch, m.Step, m.G, m.ClassRight, s.TestRight, m.GGradNorm, m.ImagesPerSecond, m.Seconds, m.Alarm, m.Rollbacks}
}

// openMetrics opens path for appending, after it has dropped every line past
// step and what is no line of metrics, such as a last one that was cut short. The
// file is always a new one: nothing is appended to what path shared with another name.
func openMetrics(path string, step uint64) (*os.File, error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err == nil {
		var kept bytes.Buffer
		for line := range bytes.Lines(old) {
			var m Metrics
			if json.Unmarshal(line, &m) == nil && m.Step <= step {
				kept.Write(bytes.TrimSuffix(line, []byte("\n")))
				kept.WriteByte('\n')
			}
		}
		if err := atomicfile.WriteFile(path, kept.Bytes()); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return f, nil
}
