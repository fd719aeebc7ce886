package train

import (
	"errors"
	"fmt"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// ErrDiverged is what the errors of a loss, gradient or weight that is not a
// finite number wrap.
var ErrDiverged = errors.New("training diverged")

// Source gives every step its batch. Both destinations are position-major
// buffers of a whole batch, laid out as their Map says.
type Source interface {
	// Reals fills dst with images, pixels in [-1, 1].
	Reals(dst []float32, m conv.Layout)
	// Noise fills dst with the generator's inputs of step number step, from 1.
	Noise(dst []float32, m conv.Layout, step uint64)
}

// Trainer holds a pair of networks in training: what a step reads and changes.
// It belongs to one goroutine and works with as many threads as its Config says.
type Trainer struct {
	cfg   Config
	pool  *pool.Pool
	k     *simd.Kernels
	steps uint64 // done
	g, d  network

	noise, reals window // inputs of G, and of D's first half
	logits       window // outputs of D: N reals, N fakes
	fakeGrad     window // gradient at the fakes: the second half of D's input gradient
	ones         []float32
	dLogits      []float32 // (2N) gradient of D's loss at its logits
	gLogits      []float32 // (N)  gradient of G's loss at the fakes' logits
}

// network is one of the pair with its training pass and its optimiser.
type network struct {
	model *model.Model
	pass  *model.Pass
	adam  *adam
}

// window is a position-major buffer.
type window struct {
	conv.Layout
	data []float32
}

// Tuning holds what changes no number of a Trainer, but by rounding.
type Tuning struct {
	Kernels *simd.Kernels // nil: the best of this machine
	Strict  bool          // direct sums only, see model.PassOptions

	// Observe, if not nil, is called after each stage of a network's pass with
	// the network's name and the stage's index in Ops, name and duration.
	Observe func(network string, op int, name string, d time.Duration)
}

// New prepares to train generator g against discriminator d, which become the
// Trainer's own: their parameters change with every step. Memory for a step is
// planned here, for batches of c.Batch images.
//
// The discriminator must give one logit an image and must not couple the images
// of a batch: one backward pass through it serves both losses, which BatchNorm
// does not allow.
func New(c Config, g, d *model.Model, o Tuning) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	for i, l := range d.Layers() {
		if _, ok := l.Layer.(model.BatchNorm); ok {
			return nil, fmt.Errorf("train: %w: discriminator: layer %d (%s) makes the images of a batch depend on one another", ErrConfig, i, l.Layer.Kind())
		}
	}
	if g.Output() != d.Input() {
		return nil, fmt.Errorf("train: %w: the generator draws %v, the discriminator judges %v", model.ErrShape, g.Output(), d.Input())
	}
	if out := d.Output(); out.Len() != 1 {
		return nil, fmt.Errorf("train: %w: the discriminator's output is %v, not one logit", model.ErrShape, out)
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	t := &Trainer{cfg: c, k: o.Kernels, pool: pool.New(c.Threads)}
	if err := t.plan(g, d, o); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// plan makes the passes and ties the networks together: G writes its fakes into
// the second half of D's input.
func (t *Trainer) plan(g, d *model.Model, o Tuning) error {
	n := t.cfg.Batch
	options := func(network string) model.PassOptions {
		p := model.PassOptions{Pool: t.pool, Kernels: t.k, Seed: t.cfg.Seed, Strict: o.Strict}
		if o.Observe != nil {
			p.Observe = func(op int, name string, d time.Duration) { o.Observe(network, op, name, d) }
		}
		return p
	}
	po := options("discriminator")
	po.Batch, po.InputGrad = 2*n, true
	if err := t.d.plan(d, po); err != nil {
		return fmt.Errorf("train: discriminator: %w", err)
	}
	po = options("generator")
	po.Batch = n
	po.Borrow = t.d.pass // D's activations are of no more use when G goes backward
	if err := t.g.plan(g, po); err != nil {
		return fmt.Errorf("train: generator: %w", err)
	}

	both, grad := windowOf(t.d.pass.Input()), windowOf(t.d.pass.InputGrad())
	t.reals, t.fakeGrad = both.images(0, n), grad.images(n, n)
	fakes := both.images(n, n)
	t.g.pass.Bind(fakes.Layout, fakes.data)
	t.noise, t.logits = windowOf(t.g.pass.Input()), windowOf(t.d.pass.Output())
	t.g.adam = newAdam(g.TrainableParams(), t.g.pass.Grads(), t.k, t.pool.Workers())
	t.d.adam = newAdam(d.TrainableParams(), t.d.pass.Grads(), t.k, t.pool.Workers())

	t.dLogits = make([]float32, 2*n)
	t.gLogits = make([]float32, n)
	t.ones = make([]float32, 2*n)
	for i := range t.ones {
		t.ones[i] = 1
	}
	return nil
}

func windowOf(m conv.Layout, data []float32) window { return window{m, data} }

// images returns the window of n images from n0 on.
func (w window) images(n0, n int) window {
	w.N = n
	w.data = w.data[n0*w.C:]
	w.data = w.data[:w.Len()]
	return w
}

func (n *network) plan(m *model.Model, o model.PassOptions) (err error) {
	n.model = m
	n.pass, err = m.NewPass(o)
	return err
}

// Step trains both networks on one batch: both gradients are taken at the same
// weights, then both are updated. After an error, which wraps ErrDiverged, no
// weight has changed.
//
// One backward pass through D serves both losses. It starts from a gradient of 1
// at every logit; D's own loss enters as one factor an image on its weight
// gradients, and what G's loss is in the gradient of a fake is one factor too,
// because no layer of D mixes images.
func (t *Trainer) Step(from Source) (Losses, error) {
	step, n := t.steps+1, t.cfg.Batch

	// Dataset batch and noise.
	from.Reals(t.reals.data, t.reals.Layout)
	from.Noise(t.noise.data, t.noise.Layout, step)

	// G forward; D forward on reals and fakes.
	t.g.pass.Forward(step)
	t.d.pass.Forward(step)

	// Losses and their gradients at the logits.
	losses := lossesOf(t.dLogits, t.gLogits, t.logits.data[:n], t.logits.data[n:2*n])
	if !finite(losses.G + losses.D) {
		return losses, t.diverged(step, fmt.Sprintf("the losses are %g and %g", losses.G, losses.D))
	}

	// D backward, down to the fakes' pixels; G backward from there.
	t.d.pass.Backward(t.ones, t.dLogits, n)
	t.scaleFakeGrad()
	t.g.pass.Backward(t.fakeGrad.data, nil, 0)
	if !t.g.adam.finite(t.pool) || !t.d.adam.finite(t.pool) {
		return losses, t.diverged(step, "a gradient is not finite")
	}

	// Two Adam updates.
	t.g.update(t, step)
	t.d.update(t, step)
	t.steps = step
	return losses, nil
}

func (t *Trainer) diverged(step uint64, what string) error {
	return fmt.Errorf("train: %w at step %d: %s", ErrDiverged, step, what)
}

// scaleFakeGrad turns the gradients of the fakes' logits by their pixels into
// those of G's loss.
func (t *Trainer) scaleFakeGrad() {
	g := t.fakeGrad
	for p := range g.Positions() {
		t.k.RowScale(g.data[p*g.Stride:][:g.N*g.C], t.gLogits)
	}
}

func (n *network) update(t *Trainer, step uint64) {
	n.adam.update(t.pool, t.cfg, step)
	n.pass.Repack()
}

// StepOn is Step on one given batch: reals (N, H, W, C) with pixels in [-1, 1],
// and noise (N, latent).
func (t *Trainer) StepOn(reals, noise []float32) (Losses, error) {
	want := [2]int{t.reals.Positions() * t.reals.C * t.reals.N, t.noise.Positions() * t.noise.C * t.noise.N}
	if len(reals) != want[0] || len(noise) != want[1] {
		return Losses{}, fmt.Errorf("train: %w: a batch of %d and %d values, want %d and %d", model.ErrShape, len(reals), len(noise), want[0], want[1])
	}
	return t.Step(given{reals, noise})
}

// given is the Source of one batch that is at hand.
type given struct{ reals, noise []float32 }

func (g given) Reals(dst []float32, m conv.Layout)           { m.Import(dst, g.reals) }
func (g given) Noise(dst []float32, m conv.Layout, _ uint64) { m.Import(dst, g.noise) }

// Steps returns the number of steps done.
func (t *Trainer) Steps() uint64 { return t.steps }

// Generator returns the generator in training.
func (t *Trainer) Generator() *model.Model { return t.g.model }

// Discriminator returns the discriminator in training.
func (t *Trainer) Discriminator() *model.Model { return t.d.model }

// Ops describes the operators of the generator's and the discriminator's pass.
func (t *Trainer) Ops() (g, d []model.OpInfo) { return t.g.pass.Ops(), t.d.pass.Ops() }

// Gradients returns the gradients of the last step, of each trainable parameter
// of the generator and of the discriminator in the model's order. The next step
// overwrites them.
func (t *Trainer) Gradients() (g, d []*model.Param) { return t.g.adam.grads, t.d.adam.grads }

// Close ends the Trainer's threads. The models stay usable.
func (t *Trainer) Close() { t.pool.Close() }
