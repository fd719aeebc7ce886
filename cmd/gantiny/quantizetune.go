package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/train"
)

// fineTuning is what fine-tuning has brought.
type fineTuning struct {
	Steps int     `json:"steps"`
	PSNR  float64 `json:"psnr_db_before"` // of the images compared
	Kept  bool    `json:"kept"`           // whether they came nearer; if not, the model is the one from before
}

// tune fine-tunes the weights of the model in floats for its form in bytes, which it returns: the
// one of before, and its report r, unless the images come nearer. features may be nil.
func (f *quantizeFlags) tune(ctx context.Context, both *comparing, features *model.Model, r *quantizeReport, o quant.Options, stderr io.Writer) (*model.Model, error) {
	threads, err := f.threads.number()
	if err != nil {
		return nil, err
	}
	o.Log = nil
	simulated, _, err := both.float.Simulate(ctx, o)
	if err != nil {
		return nil, err
	}
	log := tuneLog{of: f.finetune, every: max(f.finetune/10, 1), to: stderr}
	err = train.FineTune(ctx, simulated, both.float.Model, train.FineTuning{
		Steps: f.finetune, WeightBits: f.weightBits, Seed: f.seed, Threads: threads, Kernels: both.kernels, Features: features,
		Log: log.step,
	})
	if err != nil {
		return nil, err
	}
	q, _, err := simulated.Quantize(ctx, o)
	if err != nil {
		return nil, err
	}
	made := fmt.Sprintf("gantiny quantize --finetune %d --seed %d", f.finetune, f.seed)
	if f.weightBits != 8 {
		made += fmt.Sprint(" --weight-bits ", f.weightBits)
	}
	if q.Provenance.Command != "" {
		made = q.Provenance.Command + "; " + made
	}
	q.Provenance.Command = made
	tuned, after := *both, *r
	tuned.int8.Model = q
	if err := tuned.compare(ctx, &after, f.judge); err != nil {
		return nil, err
	}
	t := &fineTuning{Steps: f.finetune, PSNR: r.PSNR, Kept: after.PSNR > r.PSNR}
	fmt.Fprintf(stderr, "fine-tuning: %.2f dB, %.2f before, kept: %v\n", after.PSNR, r.PSNR, t.Kept)
	if t.Kept {
		*both, *r = tuned, after
	}
	r.FineTuning = t
	return both.int8.Model, nil
}

// tuneLog tells how far fine-tuning is, and means over the steps since it told last.
type tuneLog struct {
	of, every        int // steps
	to               io.Writer
	images, features float64 // sums of errors
}

func (l *tuneLog) step(step int, images, features float64) {
	l.images, l.features = l.images+images, l.features+features
	if step%l.every != 0 {
		return
	}
	n := float64(l.every)
	fmt.Fprintf(l.to, "fine-tuning: step %d of %d, %.2f dB", step, l.of, quant.PSNR(l.images/n))
	if l.features > 0 {
		fmt.Fprintf(l.to, ", features %.2f dB", quant.Decibels(1, l.features/n))
	}
	fmt.Fprintln(l.to)
	l.images, l.features = 0, 0
}

// features returns the network whose features count too: the one that the user names, or the one
// inside this program for the data that the generator was trained on, or nil.
func (f *quantizeFlags) features(n network) (*model.Model, error) {
	if f.finetune == 0 {
		return nil, nil
	}
	c, _, err := openClassifier("--classifier", f.classifier, n.Provenance.Dataset, &dataset.Dataset{SHA256: n.Provenance.DatasetSHA256})
	switch {
	case err == nil && c.Input() == n.Output():
		return c.Network(), nil
	case f.classifier == "":
		return nil, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("--classifier %s reads pictures of %v, %s draws %v", f.classifier, c.Input(), n.name, n.Output())
}
