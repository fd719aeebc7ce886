package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// small is a generator whose layers all do something: BatchNorms that shift and scale, images of
// some contrast.
func small(t testing.TB, c model.Config) *model.Model {
	t.Helper()
	m := model.Generator(c)
	for _, p := range m.Params() {
		for i := range p.Data {
			switch {
			case strings.HasSuffix(p.Name, "gamma"):
				p.Data[i] = 0.5 + float32(i%7)/4
			case strings.HasSuffix(p.Name, "beta"):
				p.Data[i] = float32(i%5)/4 - 0.4
			case strings.HasSuffix(p.Name, "moving_mean"):
				p.Data[i] = float32(i%3)/8 - 0.1
			}
		}
	}
	m.Changed()
	return m
}

// compare draws n images in floats and in bytes and returns the PSNR between them.
func compare(t testing.TB, m *model.Model, q *model.Model, n int) float64 {
	t.Helper()
	in, out := m.Input().Len(), m.Output().Len()
	z, x, y := make([]float32, n*in), make([]float32, n*out), make([]float32, n*out)
	model.Latents(z, in, 1, 0)
	fs, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	qs, err := q.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer qs.Close()
	if err := fs.Run(x, z); err != nil {
		t.Fatal(err)
	}
	if err := qs.Run(y, z); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range x {
		sum += float64(x[i]-y[i]) * float64(x[i]-y[i])
	}
	return quant.PSNR(sum / float64(len(x)))
}

// TestQuantize: the bytes draw what the floats draw, about as well as the calibration believed.
func TestQuantize(t *testing.T) {
	for _, c := range []model.Config{{Width: 4, Latent: 20, Size: 12, Seed: 1}, {Width: 3, Latent: 7, Size: 8, Channels: 3, Seed: 2}} {
		m := small(t, c)
		q, r, err := m.Quantize(t.Context(), quant.Options{Images: 100})
		if err != nil {
			t.Fatal(err)
		}
		if r.Images != 128 || len(r.Layers) != 4 {
			t.Fatalf("report %+v", r)
		}
		best := 0.0
		for _, s := range r.Steps {
			if s.Kept {
				if s.PSNR < best {
					t.Errorf("%s was kept at %.2f dB after %.2f", s.Name, s.PSNR, best)
				}
				best = s.PSNR
			} else if s.PSNR > best {
				t.Errorf("%s was not kept at %.2f dB after %.2f", s.Name, s.PSNR, best)
			}
		}
		if best < 34 {
			t.Errorf("calibration reaches %.2f dB, want 34", best)
		}
		// Pixels are rounded besides, by an error that is even over one level.
		want := quant.PSNR(4/math.Pow(10, best/10) + 1/(12*127.5*127.5))
		if got := compare(t, m, q, 200); math.Abs(got-want) > 2 {
			t.Errorf("%.2f dB over other latents, %.2f over the calibration's", got, want)
		}
		for _, l := range r.Layers {
			if l.Observer == "" || !(l.SNR > 20) {
				t.Errorf("layer %+v", l)
			}
		}
		if q.Name != m.Name || q.Input() != m.Input() || q.Output() != m.Output() {
			t.Errorf("%s: %v to %v", q.Name, q.Input(), q.Output())
		}
	}
}

// TestReproducible: the same model gives the same bytes again.
func TestReproducible(t *testing.T) {
	m := small(t, model.Config{Width: 2, Latent: 5, Size: 8, Seed: 4})
	var files [2]bytes.Buffer
	for i := range files {
		q, _, err := m.Quantize(t.Context(), quant.Options{Images: 64, Kernels: simd.Best()})
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Encode(&files[i], model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("two files of the same model differ")
	}
}

// TestLatents: no latent of the calibration is one of the images'.
func TestCalibrationLatents(t *testing.T) {
	const dim, n = 4, 500
	z := make([]float32, dim*n)
	quant.CalibrationLatents(z, dim, 1)
	seen := map[[dim]float32]bool{}
	for i := 0; i < len(z); i += dim {
		seen[[dim]float32(z[i:])] = true
	}
	model.Latents(z, dim, 1, 0)
	for i := 0; i < len(z); i += dim {
		if seen[[dim]float32(z[i:])] {
			t.Errorf("image %d is one of the calibration's", i/dim)
		}
	}
	if len(seen) != n {
		t.Errorf("%d different latents of %d", len(seen), n)
	}
}

func TestQuantizeRefuses(t *testing.T) {
	build := func(f func(m *model.Model), layers ...model.Op) *model.Model {
		m, err := model.New("m", model.Flat(4), layers...)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, model.GlorotUniform)
		if f != nil {
			f(m)
		}
		return m
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	chain := []model.Op{model.Dense{Units: 6, Bias: true}, model.BatchNorm{}, model.LeakyReLU{Slope: 0.3}, model.Dense{Units: 2}, model.Tanh{}}
	for want, m := range map[string]*model.Model{
		"layer 1 (softmax)": build(nil, model.Dense{Units: 3}, model.Softmax{}),
		"layer 0 (dense): cannot be quantized: weight: value 7": build(func(m *model.Model) { m.Params()[0].Data[7] = nan }, chain...),
		"layer 3 (dense)": build(func(m *model.Model) { m.Params()[6].Data[0] = inf }, chain...),
		"bias":            build(func(m *model.Model) { m.Params()[1].Data[2] = nan }, chain...),
	} {
		q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
		if q != nil || !errors.Is(err, quant.ErrModel) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := build(nil, chain...).Quantize(ctx, quant.Options{Images: 32}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: error %v", err)
	}
}

// TestZeroWeights: layers of nothing quantize too.
func TestZeroWeights(t *testing.T) {
	m, err := model.New("m", model.Flat(4), model.Dense{Units: 6, Bias: true}, model.ReLU{}, model.Dense{Units: 2, Bias: true}, model.Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	m.Params()[3].Data[1] = 0.5
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	pix := make([]uint8, 2)
	if err := q.Exact(pix, make([]float32, 4)); err != nil {
		t.Fatal(err)
	}
	table := quant.TanhTable()
	if want := [2]uint8{128, table[len(table)/2+quant.TanhSteps/2]}; [2]uint8(pix) != want {
		t.Errorf("pixels %v, want %v", pix, want)
	}
}
