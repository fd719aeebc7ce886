package train

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestInstanceNoise: all images get normal noise of the standard deviation that the step has, each
// another, the fakes' gradients are what they were, and after the last step the images are as they
// are.
func TestInstanceNoise(t *testing.T) {
	c := small()
	c.Batch, c.InstanceNoise, c.InstanceNoiseSteps = 64, 0.5, 4
	tr := newTrainer(t, c, nil)
	o := tr.objective.(*GAN)
	for step, want := range []float64{0.5, 0.375, 0.25, 0.125, 0, 0} {
		if _, err := tr.Step(random{1}); err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]window{"reals": {o.reals, o.augment.reals}, "fakes": {o.fakes, o.augment.fakes}} {
			var sum, squares, between float64
			n := float64(pair[0].Positions() * pair[0].N)
			for p := range pair[0].Positions() {
				for i := range pair[0].N {
					d := float64(pair[0].pixel(p, i)[0]) - float64(pair[1].pixel(p, i)[0])
					sum += d
					squares += d * d
					if i > 0 {
						between += d * (float64(pair[0].pixel(p, i-1)[0]) - float64(pair[1].pixel(p, i-1)[0]))
					}
				}
			}
			if std := math.Sqrt(squares / n); math.Abs(std-want) > 0.03*want || math.Abs(sum/n) > 0.05*want || math.Abs(between/n) > 0.05*want*want {
				t.Errorf("step %d: noise on the %s has mean %.3g, standard deviation %.3g and covariance %.3g, want %g", step+1, name, sum/n, std, between/n, want)
			}
		}
	}
	for p := range o.fakeGrad.Positions() {
		for i := range o.fakeGrad.N {
			if o.fakeGrad.pixel(p, i)[0] != o.augment.fakeGrad.pixel(p, i)[0] {
				t.Fatal("noise changes the gradient at the fakes")
			}
		}
	}
}

// TestDSteps: the discriminator is updated in each step, as without the setting, the generator in
// every third.
func TestDSteps(t *testing.T) {
	c := small()
	plain := newTrainer(t, c, nil)
	c.DSteps = 3
	tr := newTrainer(t, c, nil)
	var before map[string][]float32
	for step := 1; step <= 6; step++ {
		before = stateOf(tr)
		if _, err := tr.Step(random{3}); err != nil {
			t.Fatal(err)
		}
		after := stateOf(tr)
		if step == 1 {
			if _, err := plain.Step(random{3}); err != nil {
				t.Fatal(err)
			}
		}
		for network, want := range map[string]bool{"generator.": step%3 == 0, "discriminator.": true} {
			changed := false
			for name := range after {
				if strings.HasPrefix(name, network) && !strings.Contains(name, "moving") {
					changed = changed || differ(map[string][]float32{"it": before[name]}, map[string][]float32{"it": after[name]}) != ""
					if network == "discriminator." && step == 1 && differ(map[string][]float32{"it": stateOf(plain)[name]}, map[string][]float32{"it": after[name]}) != "" {
						t.Errorf("%s is not what one step makes of it", name)
					}
				}
			}
			if changed != want {
				t.Errorf("step %d: the %s has changed: %v", step, network, changed)
			}
		}
	}
	if tr.g.n != 2 || tr.d.n != 6 {
		t.Errorf("%d and %d updates, want 2 and 6", tr.g.n, tr.d.n)
	}
}

func TestDiscriminatorSettingsRefused(t *testing.T) {
	for says, set := range map[string]func(c *Config){
		"label_smoothing is 0.1, and loss hinge": func(c *Config) { c.LabelSmoothing, c.Loss = 0.1, "hinge" },
		"label_smoothing is 0.6":                 func(c *Config) { c.LabelSmoothing = 0.6 },
		"d_steps is 0":                           func(c *Config) { c.DSteps = 0 },
		"instance_noise is -1":                   func(c *Config) { c.InstanceNoise = -1 },
		"instance_noise is +Inf":                 func(c *Config) { c.InstanceNoise = math.Inf(1) },
		"instance_noise_steps is -1":             func(c *Config) { c.InstanceNoiseSteps = -1 },
	} {
		c := small()
		set(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	c := small()
	c.InstanceNoise = 0.1
	if _, err := New(c, nil, nil, Tuning{}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "instance_noise_steps") {
		t.Errorf("noise without an end: %v", err)
	}
	if got := c.settled(7).InstanceNoiseSteps; got != 14 {
		t.Errorf("noise up to step %d, want 14", got)
	}
}
