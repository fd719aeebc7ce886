package quantize

import (
	"fmt"
	"math"

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
		plain.act = append(plain.act, quant.Params{Scale: 1})
		plain.observer = append(plain.observer, "")
	}
	for _, step := range []struct {
		name string
		try  func(s *scheme) error
	}{
		{"min-max", c.minMax},
		{"observers", c.observe},
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
		if x, err = c.apply(i, x, c.layers[i].Weight, c.layers[i].Bias); err != nil {
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
				if x, err = c.apply(i, x, s.layers[i].Weight, s.layers[i].Bias); err != nil {
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
		if x, err = c.apply(i, x.rounded(s.act[i]), w, b); err != nil {
			return err
		}
	}
	return nil
}

// describe fills in the report's layers: how far each one's output in bytes is from the model's.
func (c *calibration) describe() error {
	s := c.best
	exact, rough := c.few, c.few
	for i := range s.layers {
		var err error
		if exact, err = c.apply(i, exact, s.layers[i].Weight, s.layers[i].Bias); err != nil {
			return err
		}
		w, b, err := s.rounded(i)
		if err != nil {
			return err
		}
		if rough, err = c.apply(i, rough.rounded(s.act[i]), w, b); err != nil {
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
