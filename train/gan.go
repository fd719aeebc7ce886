package train

import (
	"fmt"
	"slices"

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
	name      string
	loss      Loss
	penalties []*penalty
	augment   *augmenter // nil for none
	teacher   *teacher   // nil for none
	g, d      *Network

	gPass, dPass *model.Pass
	latent       int       // index among G's inputs
	gClasses     []int32   // (N) classes of the fakes, empty without classes
	dClasses     []int32   // (2N) classes that D judges by, empty without
	noise        window    // input of G
	reals, fakes window    // the halves of D's input
	batch        window    // where a Source puts reals: there, unless augment changes them first
	logits       window    // outputs of D: N reals, N fakes
	fakeGrad     window    // gradient at the fakes: the second half of D's input gradient
	ones         []float32 // (2N)
	dLogits      []float32 // (2N) gradient of D's loss at its logits
	gLogits      []float32 // (N)  gradient of G's loss at the fakes' logits
}

// GANOptions are what a GAN has beside its loss. The zero value is the reference.
type GANOptions struct {
	Penalties []Penalty // of the discriminator's gradients
	Augment   Augment   // of all that the discriminator sees
	Teacher   *Teacher  // that the generator imitates; nil for none
}

// NewGAN returns the objective with a loss, whose name is for the checkpoints.
func NewGAN(name string, loss Loss, more GANOptions) *GAN {
	o := &GAN{name: name, loss: loss}
	for _, p := range more.Penalties {
		o.name += "+" + p.Kind
		o.penalties = append(o.penalties, &penalty{Penalty: p})
	}
	if len(more.Augment) > 0 {
		o.name += "+augment"
		o.augment = &augmenter{kinds: more.Augment}
	}
	if more.Teacher != nil {
		o.name += "+teacher"
		o.teacher = &teacher{Teacher: *more.Teacher}
	}
	return o
}

// Name is Objective's.
func (o *GAN) Name() string { return "gan/" + o.name }

// Plan is Objective's. The discriminator must give one logit an image and must not
// couple the images of a batch, as BatchNorm does. G writes its fakes into the
// second half of D's input. Networks with classes take those of the reals: a fake is
// drawn in the class of the real at its place in the batch.
func (o *GAN) Plan(t *Trainer, g, d *Network) (err error) {
	if d == nil {
		return fmt.Errorf("train: %w: a generator is trained against a discriminator, and there is none", ErrConfig)
	}
	if err := fit(g.model, d.model); err != nil {
		return err
	}
	var gClass int
	if o.latent, gClass, err = g.model.GeneratorInputs(); err != nil {
		return fmt.Errorf("train: generator: %w", err)
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
	o.fakes = both.images(n, n)
	if o.augment == nil {
		o.gPass.Bind(o.fakes.Layout, o.fakes.data)
		o.batch = o.reals
	} else {
		o.augment.plan(t, o.gPass)
		o.batch = o.augment.reals
	}
	o.noise, o.logits = windowOf(o.gPass.InputAt(o.latent)), windowOf(o.dPass.Output())
	if gClass >= 0 {
		o.gClasses = o.gPass.Classes(gClass)
	}
	if dClass := classInput(d.model); dClass >= 0 {
		o.dClasses = o.dPass.Classes(dClass)
	}

	o.dLogits = make([]float32, 2*n)
	o.gLogits = make([]float32, n)
	o.ones = make([]float32, 2*n)
	for i := range o.ones {
		o.ones[i] = 1
	}
	for _, p := range o.penalties {
		if err := p.plan(t, d); err != nil {
			return err
		}
	}
	if o.teacher != nil {
		return o.teacher.plan(t, g.model, windowOf(o.gPass.Output()))
	}
	return nil
}

// Close ends the threads of a teacher.
func (o *GAN) Close() {
	if o.teacher != nil && o.teacher.session != nil {
		o.teacher.session.Close()
	}
}

// classInput returns the index of a model's input of classes, or -1.
func classInput(m *model.Model) int {
	return slices.IndexFunc(m.Inputs(), func(p model.Port) bool { return p.Type.Kind == model.Class })
}

// classes returns the number of classes that a model's input of classes has, 0 without one.
func classes(m *model.Model) int {
	if i := classInput(m); i >= 0 {
		return m.Inputs()[i].Type.Classes
	}
	return 0
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
	if in := d.Inputs(); in[0].Type.Kind != model.Float32 || len(in) > 2 || len(in) == 2 && in[1].Type.Kind != model.Class {
		return fmt.Errorf("train: %w: the discriminator's inputs are %v, want an image and, perhaps, a class", model.ErrShape, in)
	}
	if a, b := classes(g), classes(d); a != b && b != 0 {
		return fmt.Errorf("train: %w: the generator draws %d classes, the discriminator judges %d", model.ErrShape, a, b)
	}
	return nil
}

// Step is Objective's.
func (o *GAN) Step(t *Trainer, from Source) (Losses, error) {
	step, n := t.steps+1, t.cfg.Batch

	// Batch and noise.
	from.Reals(o.batch.data, o.batch.Layout)
	from.Noise(o.noise.data, o.noise.Layout, step)
	o.takeClasses(from, n)

	// G forward; D forward on reals and fakes.
	o.gPass.Forward(step)
	o.augment.forward(t, o.reals, o.fakes, step)
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
	grad := o.augment.backward(t, o.fakeGrad)
	if o.teacher != nil {
		if err := o.teacher.draw(o.noise, o.gClasses); err != nil {
			return l, err
		}
		l.Teacher = o.teacher.add(t, grad, windowOf(o.gPass.Output()))
	}
	o.gPass.Backward(grad.data, nil, 0)

	// Gradient penalties.
	for _, p := range o.penalties {
		if step%uint64(p.Every) == 0 {
			l.Penalty += p.add(t, o, step)
		}
	}

	// Both updates.
	if err := t.Update(o.g, o.d); err != nil {
		return l, err
	}

	// Metrics.
	l.Real, l.Fake = meanProbability(real), meanProbability(fake)
	return l, nil
}

// takeClasses gives both networks the classes of the n reals.
func (o *GAN) takeClasses(from Source, n int) {
	switch {
	case len(o.dClasses) > 0:
		from.Labels(o.dClasses[:n])
		copy(o.dClasses[n:], o.dClasses[:n])
		copy(o.gClasses, o.dClasses[:n])
	case len(o.gClasses) > 0:
		from.Labels(o.gClasses)
	}
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

// pixel returns the channels of image i at position p.
func (w window) pixel(p, i int) []float32 { return w.data[p*w.Stride+i*w.Row:][:w.C] }
