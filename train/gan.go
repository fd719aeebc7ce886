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
// too, because no layer of D is BatchDependent. With an auxiliary head, see there, this is not so.
type GAN struct {
	name      string
	loss      Loss
	penalties []*penalty
	augment   *augmenter  // nil for none
	aux       *auxiliary  // nil for none
	san       *san        // nil for none
	dSteps    uint64      // steps in each of which D is updated, and G in the last of them
	adapt     *adaptation // of augment; nil for none
	teacher   *teacher    // nil for none
	g, d      *Network

	gPass, dPass *model.Pass
	latent       int       // index among G's inputs
	labels       []int32   // (N) classes of the reals, in which the fakes are drawn; empty without classes
	gClasses     []int32   // (N) inputs of G, empty without
	dClasses     []int32   // (2N) inputs of D, empty without
	noise        window    // input of G
	reals, fakes window    // the halves of D's input
	batch        window    // where a Source puts reals: there, unless augment changes them first
	logits       window    // outputs of D: N reals, N fakes
	fakeGrad     window    // gradient at the fakes: the second half of D's input gradient, or of aux
	ones         []float32 // (2N)
	dLogits      []float32 // (2N) gradient of D's loss at its logits
	gLogits      []float32 // (N)  gradient of G's loss at the fakes' logits
}

// GANOptions are what a GAN has beside its loss. The zero value is the reference.
type GANOptions struct {
	Penalties []Penalty // of the discriminator's gradients
	Augment   Augment   // of all that the discriminator sees
	Teacher   *Teacher  // that the generator imitates; nil for none

	// Auxiliary is the weight of the cross-entropy of a second head of the discriminator, its
	// second output, which names classes: on reals for the discriminator, on fakes for the
	// generator (Odena et al. 2017, AC-GAN). 0 is none.
	Auxiliary float64

	// SAN makes the discriminator's last layer, a dense one, a direction: of length 1, and by a
	// loss of its own (Takida et al. 2024).
	SAN bool

	// DSteps is the number of steps, each of a batch of its own, in which the discriminator is
	// updated for one update of the generator (n_dis, n_critic); 0 is 1.
	DSteps int

	Adaptive *Adaptive     // of Augment; nil: all images are changed
	Noise    InstanceNoise // on all that the discriminator sees; a Std of 0 is none
}

// NewGAN returns the objective with a loss, whose name is for the checkpoints.
func NewGAN(name string, loss Loss, more GANOptions) *GAN {
	o := &GAN{name: name, loss: loss, dSteps: uint64(max(more.DSteps, 1))}
	for _, p := range more.Penalties {
		o.name += "+" + p.Kind
		o.penalties = append(o.penalties, &penalty{Penalty: p})
	}
	if len(more.Augment) > 0 {
		o.name += "+augment"
		o.augment = &augmenter{kinds: more.Augment}
	}
	if more.Adaptive != nil {
		o.name += "+adaptive"
		o.adapt = &adaptation{Adaptive: *more.Adaptive}
		if o.augment != nil {
			o.augment.adapt = o.adapt
		}
	}
	if more.Noise.Std != 0 {
		o.name += "+noise"
		if o.augment == nil {
			o.augment = &augmenter{}
		}
		o.augment.noise = &instanceNoise{InstanceNoise: more.Noise}
	}
	if more.Auxiliary != 0 {
		o.name += "+auxiliary"
		o.aux = &auxiliary{weight: more.Auxiliary}
	}
	if more.SAN {
		o.name += "+san"
		o.san = &san{}
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
	if o.adapt != nil {
		var kinds Augment
		if o.augment != nil {
			kinds = o.augment.kinds
		}
		if err := o.adapt.validate(kinds); err != nil {
			return err
		}
	}
	n, judge := t.cfg.Batch, d.model
	if o.san != nil {
		if d.direction, judge, err = lastLayer(d.model); err != nil {
			return err
		}
	}
	if o.dPass, err = d.newPass(judge, model.PassOptions{Batch: 2 * n, InputGrad: o.aux == nil}); err != nil {
		return err
	}
	// D's activations are of no more use when G goes backward.
	if o.gPass, err = g.NewPass(model.PassOptions{Batch: n, Borrow: o.dPass}); err != nil {
		return err
	}
	o.g, o.d = g, d

	if err := o.placeImages(t, n); err != nil {
		return err
	}
	o.planBuffers(n, gClass)
	if o.san != nil {
		o.san.plan(d, o.dPass)
	}
	for _, p := range o.penalties {
		if err := p.plan(t, d, o.dPass); err != nil {
			return err
		}
	}
	if o.teacher != nil {
		return o.teacher.plan(t, g.model, windowOf(o.gPass.Output()))
	}
	return nil
}

// planBuffers finds the passes' buffers of noise, classes and logits, and allocates the labels and
// the gradients at the logits. gClass is the generator's class input, below 0 for none.
func (o *GAN) planBuffers(n, gClass int) {
	o.noise, o.logits = windowOf(o.gPass.InputAt(o.latent)), windowOf(o.dPass.Output())
	if gClass >= 0 {
		o.labels, o.gClasses = make([]int32, n), o.gPass.Classes(gClass)
	}
	if dClass := classInput(o.d.model); dClass >= 0 {
		o.dClasses = o.dPass.Classes(dClass)
	}

	o.dLogits = make([]float32, 2*n)
	o.gLogits = make([]float32, n)
	o.ones = make([]float32, 2*n)
	for i := range o.ones {
		o.ones[i] = 1
	}
}

// placeImages finds the memory of the reals and of the fakes with their gradients.
func (o *GAN) placeImages(t *Trainer, n int) error {
	both := windowOf(o.dPass.Input())
	o.reals, o.fakes = both.images(0, n), both.images(n, n)
	drawn := o.fakes
	if o.aux == nil {
		grad := windowOf(o.dPass.InputGrad())
		o.fakeGrad = grad.images(n, n)
	} else {
		if err := o.aux.plan(n, o.g, o.d, o.dPass, o.san != nil); err != nil {
			return err
		}
		drawn, o.fakeGrad = o.aux.fakes, o.aux.grad
	}
	if o.augment == nil {
		o.gPass.Bind(drawn.Layout, drawn.data)
		o.batch = o.reals
		return nil
	}
	if o.augment.noise != nil {
		if err := o.augment.noise.validate(); err != nil {
			return err
		}
	}
	o.augment.plan(t, o.gPass, o.reals, o.fakes, o.fakeGrad)
	o.batch = o.augment.reals
	return nil
}

// Close ends the threads of a teacher.
func (o *GAN) Close() {
	o.teacher.close()
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
		if _, depends := l.Op.(model.BatchDependent); depends {
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
	o.augment.forward(t, step)
	o.aux.takeFakes(o)
	o.dPass.Forward(step)

	// Losses and their gradients at the logits.
	real, fake := o.logits.data[:n], o.logits.data[n:2*n]
	var l Losses
	l.G, l.D = o.loss(o.dLogits, o.gLogits, real, fake)
	if !finite(l.G + l.D) {
		return l, t.Diverged(fmt.Sprintf("the losses are %g and %g", l.G, l.D))
	}
	l.Real, l.Fake = meanProbability(real), meanProbability(fake)
	if o.adapt != nil {
		l.AugmentP = o.adapt.P
		l.RealSign = o.adapt.observe(real)
	}

	// D backward, down to the fakes' pixels; G backward from there.
	due := step%o.dSteps == 0
	o.san.measure(t)
	o.backwardD(t, &l, step, due)
	if due {
		if err := o.backwardG(t, &l); err != nil {
			return l, err
		}
	}

	// Gradient penalties.
	for _, p := range o.penalties {
		if step%uint64(p.Every) == 0 {
			l.Penalty += p.add(t, o, step)
		}
	}

	o.san.replace()

	// Both updates.
	if !due {
		return l, t.Update(o.d)
	}
	return l, t.Update(o.g, o.d)
}

// backwardD leaves D's gradients and, where G's update is due, the gradient of its loss at the
// fakes.
func (o *GAN) backwardD(t *Trainer, l *Losses, step uint64, due bool) {
	switch {
	case o.aux != nil:
		o.aux.backwardD(o, l)
		if due {
			o.aux.backwardG(o, step)
		}
	case due:
		o.dPass.Backward(o.ones, o.dLogits, len(o.gLogits))
		o.scaleFakeGrad(t)
	default:
		o.dPass.Backward(o.ones, o.dLogits, len(o.dLogits))
	}
}

// backwardG leaves G's gradients, its teacher's part among them.
func (o *GAN) backwardG(t *Trainer, l *Losses) error {
	grad := o.augment.backward(t, o.fakeGrad)
	if o.teacher != nil {
		if err := o.teacher.draw(o.noise, o.gClasses); err != nil {
			return err
		}
		l.Teacher = o.teacher.add(t, grad, windowOf(o.gPass.Output()))
	}
	o.gPass.Backward(grad.data, nil, 0)
	return nil
}

// takeClasses gives both networks the classes of the n reals.
func (o *GAN) takeClasses(from Source, n int) {
	if len(o.labels) == 0 {
		return
	}
	from.Labels(o.labels)
	copy(o.gClasses, o.labels)
	if len(o.dClasses) > 0 {
		copy(o.dClasses, o.labels)
		copy(o.dClasses[n:], o.labels)
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

// take copies another window's images.
func (w window) take(from window) {
	for p := range w.Positions() {
		copy(w.data[p*w.Stride:][:w.N*w.C], from.data[p*from.Stride:])
	}
}

// pixel returns the channels of image i at position p.
func (w window) pixel(p, i int) []float32 { return w.data[p*w.Stride+i*w.Row:][:w.C] }
