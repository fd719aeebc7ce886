package main

import (
	"bytes"
	"context"
	"math"
	"runtime"

	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/train"
)

// form is a model with numbers of one size.
type form struct {
	*model.Model
	bytes int // of its file
}

// formOf makes the form of m with numbers of so many bits. features, which may be nil, counts in
// fine-tuning.
func (o options) formOf(ctx context.Context, m *model.Model, bits int, features *model.Model) (form, error) {
	save := model.SaveOptions{Half: bits == 16}
	if bits < 16 {
		var err error
		if m, err = o.quantized(ctx, m, bits, features); err != nil {
			return form{}, err
		}
	}
	var file bytes.Buffer
	if err := m.Encode(&file, save); err != nil {
		return form{}, err
	}
	read, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	return form{read, file.Len()}, err
}

// quantized makes m's form in integers, with weights of so many bits.
func (o options) quantized(ctx context.Context, m *model.Model, bits int, features *model.Model) (*model.Model, error) {
	q := quant.Options{WeightBits: bits, Images: o.calib, Seed: 1}
	if o.finetune > 0 {
		simulated, _, err := m.Simulate(ctx, q)
		if err != nil {
			return nil, err
		}
		err = train.FineTune(ctx, simulated, m, train.FineTuning{Steps: o.finetune, WeightBits: bits, Seed: 1, Threads: o.threads, Features: features})
		if err != nil {
			return nil, err
		}
		m = simulated
	}
	int8, _, err := m.Quantize(ctx, q)
	return int8, err
}

// drawBatch is how many pictures are drawn at a time.
const drawBatch = 64

// draw draws the pictures of seed 1 that eval compares: of the classes that labels has, one for
// each.
func (f form) draw(ctx context.Context, labels []int32, threads int) ([]uint8, error) {
	s, err := f.NewSession(model.Options{Batch: drawBatch, Threads: threads, Winograd: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	size, n := f.Output().Len(), len(labels)
	pix := make([]uint8, n*size)
	for i := 0; i < n; i += drawBatch {
		k := min(drawBatch, n-i)
		feed, err := f.feed(labels[i:i+k], i)
		if err != nil {
			return nil, err
		}
		feed.Out = []model.Data{{Pixels: pix[i*size:][:k*size]}}
		if err := s.RunFeed(ctx, feed); err != nil {
			return nil, err
		}
	}
	return pix, nil
}

// feed is the inputs of pictures from picture first on.
func (f form) feed(labels []int32, first int) (model.Feed, error) {
	latent, class, err := f.GeneratorInputs()
	if err != nil {
		return model.Feed{}, err
	}
	in := make([]model.Data, len(f.Inputs()))
	dim := f.Inputs()[latent].Shape.Len()
	in[latent].Floats = make([]float32, len(labels)*dim)
	model.Latents(in[latent].Floats, dim, 1, first)
	if class >= 0 {
		in[class].Classes = labels
	}
	return model.Feed{In: in}, nil
}

// milliseconds returns the least processor time of one picture on one thread, of so many runs.
func (f form) milliseconds(ctx context.Context, runs int) (float64, error) {
	s, err := f.NewSession(model.Options{Batch: 1, Threads: 1, Winograd: true})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	feed, err := f.feed(make([]int32, 1), 0)
	if err != nil {
		return 0, err
	}
	feed.Out = []model.Data{{Pixels: make([]uint8, f.Output().Len())}}
	runtime.LockOSThread() // whose time is measured: with one thread the work is all on it
	defer runtime.UnlockOSThread()
	least := math.Inf(1)
	for range runs {
		used := cputime.Thread()
		if err := s.RunFeed(ctx, feed); err != nil {
			return 0, err
		}
		least = min(least, float64(cputime.Thread()-used)/1e6)
	}
	return least, nil
}

// psnr compares pixels; those that all agree have none, for which it returns nil.
func psnr(a, b []uint8) *float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += float64(d * d)
	}
	if sum == 0 {
		return nil
	}
	db := 10 * math.Log10(255*255*float64(len(a))/sum)
	return &db
}
