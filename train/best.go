package train

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/internal/tfevents"
	"github.com/gantiny/gantiny/model"
)

// Judge measures generators while they are trained, such as by an eval.Reference. It draws from
// latents of its own, so the run's random numbers are the same without it.
type Judge struct {
	// By says what the figures are made from, such as how many pictures and in whose features.
	// Figures by another are not compared with them.
	By string

	// Measure returns the figures of g, which it must not change or keep. An error ends the run,
	// with a checkpoint.
	Measure func(ctx context.Context, g *model.Model) (eval.Figures, error)
}

// Quality is the figures of a generator that was measured in training. The zero value is none.
type Quality struct {
	Frechet        float64 `json:"frechet"`
	KID            float64 `json:"kid"`
	Precision      float64 `json:"precision"`
	Recall         float64 `json:"recall"`
	Density        float64 `json:"density"`
	Coverage       float64 `json:"coverage"`
	TV             float64 `json:"tv"`
	Modes          int     `json:"modes"`
	LabelAgreement float64 `json:"label_agreement,omitempty"` // of a generator with classes
}

func qualityOf(f eval.Figures) Quality {
	q := Quality{
		Frechet: f.Frechet, KID: f.KID, Precision: f.Precision, Recall: f.Recall, Density: f.Density, Coverage: f.Coverage, TV: f.TV, Modes: f.Modes,
	}
	if f.LabelAgreement != nil {
		q.LabelAgreement = *f.LabelAgreement
	}
	return q
}

// values are the figures for TensorBoard; nil for none.
func (q Quality) values() (list []tfevents.Value) {
	if q == (Quality{}) {
		return nil
	}
	add := func(tag string, x float64) {
		list = append(list, tfevents.Value{Tag: "eval/" + tag, Scalar: float32(x)})
	}
	add("frechet", q.Frechet)
	add("kid", q.KID)
	add("precision", q.Precision)
	add("recall", q.Recall)
	add("density", q.Density)
	add("coverage", q.Coverage)
	add("tv", q.TV)
	add("modes", float64(q.Modes))
	if q.LabelAgreement > 0 {
		add("label_agreement", q.LabelAgreement)
	}
	return list
}

// measureDue tells whether a step is to be followed by a measurement.
func (r *run) measureDue(s *Stats) bool {
	return s.Batch == s.Batches && r.c.EvalEvery > 0 && (s.Epoch%r.c.EvalEvery == 0 || s.Epoch == s.Epochs)
}

// measure has the generator measured where that is due, and saves it if none before was better. The
// file is written before the checkpoint: a run that ends between the two comes to the same figures
// again.
func (r *run) measure(s *Stats) error {
	if !r.measureDue(s) {
		return nil
	}
	if err := r.t.checkState(); err != nil { // NaN has no figures
		return err
	}
	defer debug.FreeOSMemory() // a step allocates nothing that would have the measurement's memory collected
	g := r.t.product()
	g.Changed() // the last steps have written to it
	defer g.Changed()
	figures, err := r.o.Judge.Measure(context.Background(), g)
	if err != nil {
		return fmt.Errorf("train: measuring the generator: %w", err)
	}
	if !finite(figures.Frechet) {
		return fmt.Errorf("train: measuring the generator: the Frechet distance is %v", figures.Frechet)
	}
	s.Eval = qualityOf(figures)
	if s.Best = s.Eval.Frechet < r.best; !s.Best {
		return nil
	}
	g.Provenance = r.provenance()
	g.Provenance.Step, g.Provenance.Frechet, g.Provenance.Measured = r.t.steps, s.Eval.Frechet, r.o.Judge.By
	if err := g.Save(r.path(BestFile), model.SaveOptions{}); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.best = s.Eval.Frechet
	return nil
}

// bestSoFar is the Frechet distance of the best generator that the run has kept, by the same Judge;
// +Inf if there is none.
func (r *run) bestSoFar() float64 {
	if r.o.Judge == nil || !exists(r.path(BestFile)) {
		return math.Inf(1)
	}
	m, err := model.Load(r.path(BestFile))
	if err != nil {
		r.note("%v; the next generator that is measured takes its place", err)
		return math.Inf(1)
	}
	if p := m.Provenance; p.Measured != r.o.Judge.By || !(p.Frechet >= 0) {
		r.note("%s was measured in %s: the next generator, in %s, takes its place", BestFile, p.Measured, r.o.Judge.By)
		return math.Inf(1)
	}
	return m.Provenance.Frechet
}
