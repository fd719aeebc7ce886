package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// ErrModel is wrapped by the errors about a model that cannot be quantised.
var ErrModel = errors.New("cannot be quantised")

// Options says how a model is quantised. The zero value will do.
type Options struct {
	Images  int           // latents to calibrate with, 1024 if 0; rounded up to whole chunks
	Seed    uint64        // of those latents; model.Latents draws others of the same seed
	Kernels *simd.Kernels // nil for simd.Best()
	Log     func(string)  // told what was tried; nil for nobody
}

// Report says what was chosen, and what it is worth as measured on the calibration's latents.
type Report struct {
	Images int     `json:"calibration_images"`
	Judged int     `json:"judged_images"` // of them: those that Steps and SNR are measured on
	Layers []Layer `json:"layers"`
	Steps  []Step  `json:"steps"`
}

// Layer describes one layer's numbers.
type Layer struct {
	Name     string       `json:"name"`
	Observer string       `json:"observer"` // that chose the range of its input
	Input    quant.Params `json:"input"`
	SNR      float64      `json:"snr_db"` // of its output in bytes against the model's, errors of the layers before included
}

// Step is one measure that was tried.
type Step struct {
	Name string  `json:"name"`
	PSNR float64 `json:"psnr_db"` // of the images with it
	Kept bool    `json:"kept"`
}

// judged is how many of the calibration's images choose between observers: each choice draws them all.
const judged = 64

// Quantize returns the model in bytes. Errors name the layer that cannot be quantised and wrap ErrModel.
func Quantize(ctx context.Context, m *model.Model, o Options) (*quantized.Model, *Report, error) {
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	if o.Images == 0 {
		o.Images = 1024
	}
	if o.Images < 0 || o.Images > 1<<20 {
		return nil, nil, fmt.Errorf("quantize: %d images to calibrate with, want 1 to %d", o.Images, 1<<20)
	}
	list, err := m.Linears()
	if err != nil {
		return nil, nil, fmt.Errorf("quantize: %w: %w", ErrModel, err)
	}
	for _, l := range list {
		if err := checkLayer(l); err != nil {
			return nil, nil, fmt.Errorf("quantize: layer %d (%s): %w: %w", l.Layer, l.Kind, ErrModel, err)
		}
	}
	if last := list[len(list)-1]; !last.Tanh {
		return nil, nil, fmt.Errorf("quantize: layer %d (%s): %w: the last layer has no tanh after it", last.Layer, last.Kind, ErrModel)
	}
	n, err := newNetwork(ctx, list, o.Kernels)
	if err != nil {
		return nil, nil, fmt.Errorf("quantize: %w", err)
	}
	c := &calibration{network: n, log: o.Log}
	images := (o.Images + chunk - 1) / chunk * chunk
	z := make([]float32, images*list[0].In.Len())
	Latents(z, list[0].In.Len(), o.Seed)
	c.report.Images = images
	s, err := c.choose(z)
	if err != nil {
		return nil, nil, fmt.Errorf("quantize: %w", err)
	}
	q, err := build(m, s)
	if err != nil {
		return nil, nil, fmt.Errorf("quantize: %w", err)
	}
	return q, &c.report, nil
}

// Latents fills z with rows of latents for calibration: none of them is one of model.Latents.
func Latents(z []float32, dim int, seed uint64) {
	key := rng.NewKey(seed, rng.Sample)
	for i := 0; len(z) > 0; i++ {
		rng.FillNormal(z[:dim], key, uint64(i))
		z = z[dim:]
	}
}

// checkLayer returns an error unless weights and bias are finite.
func checkLayer(l model.Linear) error {
	finite := func(name string, list []float32) error {
		for i, v := range list {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s %d is %v", name, i, v)
			}
		}
		return nil
	}
	if err := finite("weight", l.Weight); err != nil {
		return err
	}
	return finite("bias", l.Bias)
}

// build makes the model of a scheme.
func build(m *model.Model, s *scheme) (*quantized.Model, error) {
	ops := make([]quantized.Op, len(s.layers))
	for i, l := range s.layers {
		fail := func(err error) error { return fmt.Errorf("layer %d (%s): %w: %w", l.Layer, l.Kind, ErrModel, err) }
		q, err := s.weights(i)
		if err != nil {
			return nil, fail(err)
		}
		bias, err := quant.Bias(l.Bias, s.act[i].Scale, q.Scale)
		if err != nil {
			return nil, fail(err)
		}
		if err := quant.CheckSums(q.Q, bias); err != nil {
			return nil, fail(err)
		}
		out := quant.Params{Scale: 1.0 / quant.TanhSteps}
		if i+1 < len(s.act) {
			out = s.act[i+1]
		}
		ops[i] = quantized.Op{
			Name: l.Name, Kind: l.Kind, Geometry: l.Geometry, In: l.In, Out: l.Out,
			Weight: q.Q, Bias: bias, Scale: quant.Multipliers(s.act[i].Scale, q.Scale, out.Scale),
			Slope: l.Slope, Input: s.act[i], Output: out,
		}
	}
	return quantized.New(m.Name, m.Provenance, s.step, ops)
}
