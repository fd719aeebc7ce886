package quantize

import (
	"fmt"
	"math"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// calibration chooses a scheme.
type calibration struct {
	*network
	log    func(string)
	report Report

	all   tensor // latents
	few   tensor // those that choose
	want  tensor // the model's images of the few
	best  *scheme
	error float64 // mean square of the best's images
}

// choose tries one measure after another; each starts from the best scheme so far.
func (c *calibration) choose(z []float32) (*scheme, error) {
	c.all = c.latents(z)
	c.few = c.all[:min(len(c.all), judged/chunk)]
	c.report.Judged = len(c.few) * chunk
	var err error
	if c.want, err = c.exact(c.few); err != nil {
		return nil, err
	}
	c.error = math.Inf(1)
	plain := &scheme{}
	for i := range c.layers {
		plain.layers = append(plain.layers, c.layers[i].Linear)
		plain.shift = append(plain.shift, nil)
		plain.clip = append(plain.clip, nil)
		plain.act = append(plain.act, quant.Params{Scale: 1})
		plain.observer = append(plain.observer, "")
	}
	for _, step := range []struct {
		name string
		try  func(s *scheme) error
	}{
		{"min-max", c.minMax},
		{"observers", c.observe},
		{"equalisation 0.25", func(s *scheme) error { return c.equalise(s, 0.25) }},
		{"equalisation 0.5", func(s *scheme) error { return c.equalise(s, 0.5) }},
		{"clipped weights", c.clipWeights},
		{"bias correction", c.correct},
	} {
		s := plain
		if c.best != nil {
			s = c.best.clone()
		}
		if err := step.try(s); err != nil {
			return nil, err
		}
		if err := c.judge(step.name, s); err != nil {
			return nil, err
		}
	}
	return c.best, c.describe()
}

// exact runs the model as it is.
func (c *calibration) exact(x tensor) (tensor, error) {
	var err error
	for i := range c.layers {
		if x, err = c.apply(i, x, c.layers[i].Weight, c.layers[i].Bias, true); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// judge keeps s if its images are nearer to the model's than the best's so far.
func (c *calibration) judge(name string, s *scheme) error {
	got, err := c.run(s, 0, c.few)
	if err != nil {
		return err
	}
	e := meanSquare(got, c.want)
	kept := e < c.error || c.best == nil
	if kept {
		c.best, c.error = s, e
	}
	c.report.Steps = append(c.report.Steps, Step{Name: name, PSNR: psnr(e), Kept: kept})
	if c.log != nil {
		c.log(fmt.Sprintf("%s: %.2f dB, kept: %v", name, psnr(e), kept))
	}
	return nil
}

// histograms returns one of each layer's input, in the floats of a scheme.
func (c *calibration) histograms(s *scheme) ([]*quant.Histogram, error) {
	hist := make([]*quant.Histogram, len(c.layers))
	for i := range hist {
		hist[i] = &quant.Histogram{}
	}
	for _, see := range []func(h *quant.Histogram, x []float32){(*quant.Histogram).Widen, (*quant.Histogram).Add} {
		for j := range c.all {
			x := c.all[j : j+1]
			for i := range c.layers {
				see(hist[i], x[0])
				if i+1 == len(c.layers) {
					break
				}
				var err error
				if x, err = c.apply(i, x, s.layers[i].Weight, s.layers[i].Bias, true); err != nil {
					return nil, err
				}
			}
		}
	}
	return hist, nil
}

// minMax gives every tensor the range that was seen.
func (c *calibration) minMax(s *scheme) error {
	hist, err := c.histograms(s)
	if err != nil {
		return err
	}
	o := quant.Observers()[0]
	for i, h := range hist {
		lo, hi := o.Range(h)
		s.setRange(i, o.Name, lo, hi)
	}
	return nil
}

// observe gives each tensor in turn the range after which the images are nearest.
func (c *calibration) observe(s *scheme) error {
	hist, err := c.histograms(s)
	if err != nil {
		return err
	}
	x := c.few
	for i, h := range hist {
		best, least := *s.clone(), math.Inf(1)
		for _, o := range quant.Observers() {
			lo, hi := o.Range(h)
			s.setRange(i, o.Name, lo, hi)
			got, err := c.run(s, i, x)
			if err != nil {
				return err
			}
			if e := meanSquare(got, c.want); e < least {
				least, best = e, *s.clone()
			}
		}
		*s = best
		w, b, err := s.rounded(i)
		if err != nil {
			return err
		}
		if x, err = c.apply(i, x.rounded(s.act[i]), w, b, true); err != nil {
			return err
		}
	}
	return nil
}

// equalise divides each channel between two layers by its largest value to the power alpha and multiplies the weights that read
// it accordingly (Nagel et al. 2019): leaky activations let factors through. Then it chooses ranges anew.
func (c *calibration) equalise(s *scheme, alpha float64) error {
	x := c.few
	for i := range len(s.layers) - 1 {
		y, err := c.apply(i, x, s.layers[i].Weight, s.layers[i].Bias, true)
		if err != nil {
			return err
		}
		channels := s.layers[i].Out.C
		most := make([]float64, channels)
		for _, values := range y {
			for j, v := range values {
				most[j%channels] = math.Max(most[j%channels], math.Abs(float64(v)))
			}
		}
		scaleChannels(&s.layers[i], &s.layers[i+1], factors(most, alpha))
		if x, err = c.apply(i, x, s.layers[i].Weight, s.layers[i].Bias, true); err != nil {
			return err
		}
	}
	return c.observe(s)
}

// factors returns most^-alpha, scaled to a mean logarithm of 0 so that ranges stay where they were.
func factors(most []float64, alpha float64) []float32 {
	mean, n := 0.0, 0.0
	for _, v := range most {
		if v > 0 {
			mean += math.Log(v)
			n++
		}
	}
	f := make([]float32, len(most))
	for c, v := range most {
		f[c] = 1
		if v > 0 {
			f[c] = float32(math.Max(1.0/16, math.Min(16, math.Exp(alpha*(mean/n-math.Log(v))))))
		}
	}
	return f
}

// scaleChannels multiplies the output channels of a layer by f and divides in the next what reads them.
func scaleChannels(l, next *model.Linear, f []float32) {
	weight, bias := make([]float32, len(l.Weight)), make([]float32, len(l.Bias))
	for i, v := range l.Weight {
		weight[i] = v * f[i%len(bias)%len(f)]
	}
	for i, v := range l.Bias {
		bias[i] = v * f[i%len(f)]
	}
	l.Weight, l.Bias = weight, bias
	g := next.Geometry
	columns := len(next.Bias)
	rows := g.InC / g.Groups // channels that a weight row runs over; of a Dense layer all positions' in turn
	read := make([]float32, len(next.Weight))
	for i, v := range next.Weight {
		c := i / columns % rows
		if g.Groups > 1 {
			c += i % columns / (g.OutC / g.Groups) * rows
		}
		read[i] = v / f[c]
	}
	next.Weight = read
}

// clipWeights clips each column to the least squared error of its weights.
func (c *calibration) clipWeights(s *scheme) error {
	for i := range s.layers {
		var err error
		if s.clip[i], err = quant.BestClip(s.layers[i].Weight, len(s.layers[i].Bias)); err != nil {
			return err
		}
	}
	return nil
}

// corrected is how many images the biases are corrected by: all of their activations are in memory.
const corrected = 256

// correct moves each bias by the mean error of its channel's sums, layer by layer (Nagel et al. 2019).
func (c *calibration) correct(s *scheme) error {
	exact, rough := c.all[:min(len(c.all), corrected/chunk)], c.all[:min(len(c.all), corrected/chunk)]
	for i := range s.layers {
		l := &c.layers[i]
		rough = rough.rounded(s.act[i])
		w, b, err := s.rounded(i)
		if err != nil {
			return err
		}
		mean := make([]float64, len(b))
		next, after := make(tensor, len(exact)), make(tensor, len(exact))
		for j := range exact {
			want, err := c.apply(i, exact[j:j+1], s.layers[i].Weight, s.layers[i].Bias, false)
			if err != nil {
				return err
			}
			got, err := c.apply(i, rough[j:j+1], w, b, false)
			if err != nil {
				return err
			}
			for k, v := range want[0] {
				mean[l.column(k)] += float64(v) - float64(got[0][k])
			}
			next[j], after[j] = want[0], got[0]
		}
		each := float64(len(exact) * l.out.Len() / len(mean))
		s.shift[i] = make([]float32, len(mean))
		for k := range mean {
			mean[k] /= each
			s.shift[i][k] = float32(mean[k])
		}
		for j := range next {
			for k := range next[j] {
				after[j][k] += float32(mean[l.column(k)])
				next[j][k], after[j][k] = leaky(next[j][k], l.Slope), leaky(after[j][k], l.Slope)
			}
		}
		exact, rough = next, after
	}
	return nil
}

func leaky(v, slope float32) float32 {
	if v < 0 {
		return slope * v
	}
	return v
}

// describe fills in the report's layers: how far each one's output in bytes is from the model's.
func (c *calibration) describe() error {
	s := c.best
	exact, rough := c.few, c.few
	for i := range s.layers {
		var err error
		if exact, err = c.apply(i, exact, s.layers[i].Weight, s.layers[i].Bias, true); err != nil {
			return err
		}
		w, b, err := s.rounded(i)
		if err != nil {
			return err
		}
		if rough, err = c.apply(i, rough.rounded(s.act[i]), w, b, true); err != nil {
			return err
		}
		seen := rough
		if i+1 < len(s.act) {
			seen = rough.rounded(s.act[i+1])
		}
		c.report.Layers = append(c.report.Layers, Layer{
			Name: s.layers[i].Name, Observer: s.observer[i], Input: s.act[i], SNR: decibels(exact.power(), meanSquare(exact, seen)),
		})
	}
	return nil
}
