package quant

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/simd"
)

// ErrModel is wrapped by the errors about a model that cannot be quantized.
var ErrModel = errors.New("cannot be quantized")

// Options configures quantization; see model.Model.Quantize. The zero value suits a generator.
type Options struct {
	Images  int           // latents to calibrate with, 1024 if 0; rounded up to whole chunks
	Seed    uint64        // of those latents; model.Latents draws others of the same seed
	Kernels *simd.Kernels // nil for simd.Best()
	Log     func(string)  // told what was tried; nil means no log

	// WeightBits is how many bits weights have, see QuantizeWeights: 8, for which 0 stands too, 7
	// or 4, with which files take nearly half as much. Values have 8 always.
	WeightBits int

	// Inputs are what to calibrate with in place of latents, which suit no discriminator or
	// classifier: a slice for each float32 input, image after image. They are used over again if
	// there are fewer than Images. nil means latents.
	Inputs [][]float32
}

// Report lists the choices of a quantization and their quality on the calibration's latents.
type Report struct {
	Images int     `json:"calibration_images"`
	Judged int     `json:"judged_images"` // of them: those that Steps and SNR are measured on
	Layers []Layer `json:"layers"`
	Steps  []Step  `json:"steps"`
}

// Layer describes the quantization of one operator.
type Layer struct {
	Name     string  `json:"name"`
	Observer string  `json:"observer"` // that chose the range of its input
	Input    Params  `json:"input"`
	SNR      float64 `json:"snr_db"` // of its output in bytes against the model's, errors of the operators before included
}

// Step is one measure that was tried.
type Step struct {
	Name string  `json:"name"`
	PSNR float64 `json:"psnr_db"` // of the images with it
	Kept bool    `json:"kept"`
}

// Network is a float32 network whose values Calibrate can round to what bytes represent. Its
// values are numbered in the order in which they are computed.
type Network interface {
	Values() int
	// Input tells whether a value is one of the network's inputs, which are quantized as latents.
	Input(value int) bool
	// Fixed returns the Params that a value has to keep, false for one that may have any.
	Fixed(value int) (Params, bool)
	// Observe computes the network on all of the calibration's latents, unrounded, and calls see
	// with a part of each value after the other.
	Observe(see func(value int, x []float32)) error
	// Judge returns the mean squared error of the images if every value is rounded to p.
	Judge(p []Params) (float64, error)
}

// Calibration holds the choices of Calibrate for each of a network's values.
type Calibration struct {
	Params   []Params
	Observer []string // that chose the range
	Step     []int32  // of an input: the step of its latents, see Latents
	Steps    []Step   // what was tried
}

// Calibrate chooses the range of each value. It starts with the range of all that was seen. Then,
// from the first value to the last, it takes the observer whose range brings the images nearest to
// the network's own.
func Calibrate(n Network, log func(string)) (*Calibration, error) {
	hist, err := histograms(n)
	if err != nil {
		return nil, err
	}
	c := &Calibration{Params: make([]Params, len(hist)), Observer: make([]string, len(hist)), Step: make([]int32, len(hist))}
	for v, h := range hist {
		c.set(n, v, Observers()[0], h)
	}
	plain, err := n.Judge(c.Params)
	if err != nil {
		return nil, err
	}
	c.report(log, "min-max", plain, true)
	tried := c.clone()
	best, err := tried.observe(n, hist, plain)
	if err != nil {
		return nil, err
	}
	kept := best < plain
	tried.report(log, "observers", best, kept)
	if !kept {
		c.Steps = tried.Steps
		return c, nil
	}
	return tried, nil
}

// histograms returns one of each value.
func histograms(n Network) ([]*Histogram, error) {
	hist := make([]*Histogram, n.Values())
	for i := range hist {
		hist[i] = &Histogram{}
	}
	if err := n.Observe(func(v int, x []float32) { hist[v].Widen(x) }); err != nil {
		return nil, err
	}
	return hist, n.Observe(func(v int, x []float32) { hist[v].Add(x) })
}

// observe gives each value in turn the range after which the images are nearest, and returns their
// error, which was last before.
func (c *Calibration) observe(n Network, hist []*Histogram, last float64) (float64, error) {
	for v, h := range hist {
		if _, fixed := n.Fixed(v); fixed {
			continue
		}
		best, least := c.clone(), math.Inf(1)
		for _, o := range Observers() {
			c.set(n, v, o, h)
			e, err := n.Judge(c.Params)
			if err != nil {
				return 0, err
			}
			if e < least {
				least, best = e, c.clone()
			}
		}
		*c, last = *best, least
	}
	return last, nil
}

// Kept stands for an observer where a value has kept the Params that it came with.
const Kept = "kept"

// set gives a value the range of an observer, or the one that it has to keep.
func (c *Calibration) set(n Network, v int, o Observer, h *Histogram) {
	if p, ok := n.Fixed(v); ok {
		c.Observer[v], c.Params[v] = Kept, p
		if n.Input(v) {
			c.Step[v] = StepOf(p.Scale)
			c.Params[v].Scale = LatentScale(c.Step[v])
		}
		return
	}
	lo, hi := o.Range(h)
	c.Observer[v] = o.Name
	if n.Input(v) {
		c.Step[v] = LatentStep(math.Max(-lo, hi))
		c.Params[v] = Params{Scale: LatentScale(c.Step[v])}
		return
	}
	c.Params[v] = Range(lo, hi)
}

func (c *Calibration) clone() *Calibration {
	d := *c
	d.Params = append([]Params(nil), c.Params...)
	d.Observer = append([]string(nil), c.Observer...)
	d.Step = append([]int32(nil), c.Step...)
	d.Steps = append([]Step(nil), c.Steps...)
	return &d
}

func (c *Calibration) report(log func(string), name string, e float64, kept bool) {
	c.Steps = append(c.Steps, Step{Name: name, PSNR: PSNR(e), Kept: kept})
	if log != nil {
		log(fmt.Sprintf("%s: %.2f dB, kept: %v", name, PSNR(e), kept))
	}
}

// CalibrationLatents fills z with rows of latents for calibration: none of them is one of
// model.Latents.
func CalibrationLatents(z []float32, dim int, seed uint64) {
	key := rng.NewKey(seed, rng.Sample)
	for i := 0; len(z) > 0; i++ {
		rng.FillNormal(z[:dim], key, uint64(i))
		z = z[dim:]
	}
}

// Decibels is the ratio of two powers, +Inf without noise.
func Decibels(signal, noise float64) float64 {
	if noise == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(signal/noise)
}

// PSNR is the peak signal-to-noise ratio of images in [-1, 1] with a mean squared error, in dB.
func PSNR(e float64) float64 { return Decibels(4, e) }
