package main

import (
	"context"
	"fmt"
	"io"

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

// tune fine-tunes the weights of the model in floats for its form in bytes, which it returns: the one
// of before, and its report r, unless the images come nearer.
func (f *quantizeFlags) tune(ctx context.Context, both *comparing, r *quantizeReport, o quant.Options, stderr io.Writer) (*model.Model, error) {
	threads, err := f.threads.number()
	if err != nil {
		return nil, err
	}
	o.Log = nil
	simulated, _, err := both.float.Simulate(ctx, o)
	if err != nil {
		return nil, err
	}
	every, sum := max(f.finetune/10, 1), 0.0
	err = train.FineTune(ctx, simulated, both.float.Model, train.FineTuning{
		Steps: f.finetune, Seed: f.seed, Threads: threads, Kernels: both.kernels,
		Log: func(step int, loss float64) {
			if sum += loss; step%every == 0 {
				fmt.Fprintf(stderr, "fine-tuning: step %d of %d, %.2f dB\n", step, f.finetune, quant.PSNR(sum/float64(every)))
				sum = 0
			}
		},
	})
	if err != nil {
		return nil, err
	}
	q, _, err := simulated.Quantize(ctx, o)
	if err != nil {
		return nil, err
	}
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
