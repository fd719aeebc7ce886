package train

import "github.com/gantiny/gantiny/internal/rng"

// InstanceNoise is normal noise on all pixels that the discriminator sees, so that it cannot tell
// reals from fakes for certain while they have little in common (Sønderby et al. 2017). Its
// standard deviation falls evenly from Std, in pixels of [-1, 1], to 0 after Steps steps. The noise
// of an image depends on (seed, step, image) alone.
type InstanceNoise struct {
	Std   float64
	Steps int
}

// At returns the standard deviation at a step, from 1.
func (n InstanceNoise) At(step uint64) float64 {
	return n.Std * max(0, 1-float64(step-1)/float64(n.Steps))
}

func (n InstanceNoise) validate() error {
	switch {
	case !(n.Std > 0) || !finite(n.Std):
		return bad("instance_noise", n.Std, "a positive number")
	case n.Steps < 1:
		return bad("instance_noise_steps", n.Steps, "at least 1")
	}
	return nil
}

// instanceNoise is InstanceNoise at work. A nil one adds nothing.
type instanceNoise struct {
	InstanceNoise
	key, now rng.Key
	std      float32     // of this step
	values   [][]float32 // (2N, pixels of an image)
}

func (n *instanceNoise) plan(t *Trainer, pixels int) {
	if n == nil {
		return
	}
	n.key = rng.NewKey(t.cfg.Seed, rng.Instance)
	n.values = make([][]float32, 2*t.cfg.Batch)
	for i := range n.values {
		n.values[i] = make([]float32, pixels)
	}
}

func (n *instanceNoise) begin(step uint64) {
	if n != nil {
		n.now, n.std = n.key.Sub(step), float32(n.At(step))
	}
}

// add adds noise number place of the step to image i.
func (n *instanceNoise) add(w window, i, place int) {
	if n == nil || n.std == 0 {
		return
	}
	noise := n.values[place]
	rng.FillNormal(noise, n.now, uint64(place))
	for p := range w.Positions() {
		for c, v := range noise[p*w.C:][:w.C] {
			w.pixel(p, i)[c] += float32(n.std * v)
		}
	}
}
