package train

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
)

// GAN is the objective of Keras' MNIST DCGAN: on one batch of images and one of
// noise, both losses and both gradients at the same weights, then both updates.
//
// One backward pass through the discriminator serves both losses. It starts from a
// gradient of 1 at every logit; D's own loss enters as one factor an image on its
// weight gradients, and what G's loss is in the gradient of a fake is one factor
// too, because no layer of D mixes images.
type GAN struct {
	name string
	loss Loss
	g, d *Network

	gPass, dPass *model.Pass
	noise, reals window    // inputs of G, and of D's first half
	logits       window    // outputs of D: N reals, N fakes
	fakeGrad     window    // gradient at the fakes: the second half of D's input gradient
	ones         []float32 // (2N)
	dLogits      []float32 // (2N) gradient of D's loss at its logits
	gLogits      []float32 // (N)  gradient of G's loss at the fakes' logits
}

// NewGAN returns the objective with a loss, whose name is for the checkpoints.
func NewGAN(name string, loss Loss) *GAN { return &GAN{name: name, loss: loss} }

// Name is Objective's.
func (o *GAN) Name() string { return "gan/" + o.name }

// Plan is Objective's. The discriminator must give one logit an image and must not
// couple the images of a batch, as BatchNorm does. G writes its fakes into the
// second half of D's input.
func (o *GAN) Plan(t *Trainer, g, d *Network) (err error) {
	if err := fit(g.model, d.model); err != nil {
		return err
	}
	n := t.cfg.Batch
	if o.dPass, err = d.NewPass(model.PassOptions{Batch: 2 * n, InputGrad: true}); err != nil {
		return err
	}
	// D's activations are of no more use when G goes backward.
	if o.gPass, err = g.NewPass(model.PassOptions{Batch: n, Borrow: o.dPass}); err != nil {
		return err
	}
	o.g, o.d = g, d

	both, grad := windowOf(o.dPass.Input()), windowOf(o.dPass.InputGrad())
	o.reals, o.fakeGrad = both.images(0, n), grad.images(n, n)
	fakes := both.images(n, n)
	o.gPass.Bind(fakes.Layout, fakes.data)
	o.noise, o.logits = windowOf(o.gPass.Input()), windowOf(o.dPass.Output())

	o.dLogits = make([]float32, 2*n)
	o.gLogits = make([]float32, n)
	o.ones = make([]float32, 2*n)
	for i := range o.ones {
		o.ones[i] = 1
	}
	return nil
}

// fit reports why the two models cannot be trained against one another.
func fit(g, d *model.Model) error {
	for i, l := range d.Layers() {
		if _, mixes := l.Op.(model.Mixing); mixes {
			return fmt.Errorf("train: %w: discriminator: layer %d (%s) makes the images of a batch depend on one another", ErrConfig, i, l.Op.Kind())
		}
	}
	if g.Output() != d.Input() {
		return fmt.Errorf("train: %w: the generator draws %v, the discriminator judges %v", model.ErrShape, g.Output(), d.Input())
	}
	if out := d.Output(); out.Len() != 1 {
		return fmt.Errorf("train: %w: the discriminator's output is %v, not one logit", model.ErrShape, out)
	}
	return nil
}

// Step is Objective's.
func (o *GAN) Step(t *Trainer, from Source) (Losses, error) {
	step, n := t.steps+1, t.cfg.Batch

	// Batch and noise.
	from.Reals(o.reals.data, o.reals.Layout)
	from.Noise(o.noise.data, o.noise.Layout, step)

	// G forward; D forward on reals and fakes.
	o.gPass.Forward(step)
	o.dPass.Forward(step)

	// Losses and their gradients at the logits.
	real, fake := o.logits.data[:n], o.logits.data[n:2*n]
	var l Losses
	l.G, l.D = o.loss(o.dLogits, o.gLogits, real, fake)
	if !finite(l.G + l.D) {
		return l, t.Diverged(fmt.Sprintf("the losses are %g and %g", l.G, l.D))
	}

	// D backward, down to the fakes' pixels; G backward from there.
	o.dPass.Backward(o.ones, o.dLogits, n)
	o.scaleFakeGrad(t)
	o.gPass.Backward(o.fakeGrad.data, nil, 0)

	// Both updates.
	if err := t.Update(o.g, o.d); err != nil {
		return l, err
	}

	// Metrics.
	l.Real, l.Fake = meanProbability(real), meanProbability(fake)
	return l, nil
}

// scaleFakeGrad turns the gradients of the fakes' logits by their pixels into
// those of G's loss. The images of an input lie side by side.
func (o *GAN) scaleFakeGrad(t *Trainer) {
	g := o.fakeGrad
	for p := range g.Positions() {
		t.k.RowScale(g.data[p*g.Stride:][:g.N*g.C], o.gLogits)
	}
}

// window is a position-major buffer.
type window struct {
	conv.Layout
	data []float32
}

func windowOf(m conv.Layout, data []float32) window { return window{m, data} }

// images returns the window of n images from n0 on.
func (w window) images(n0, n int) window {
	w.N = n
	w.data = w.data[n0*w.Row:]
	w.data = w.data[:w.Len()]
	return w
}
