package train

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// Objective is what a step of training computes: which networks run on what, which
// losses come of it, and which parameters follow. GAN is the reference; others can
// do as it does. A value serves one Trainer.
type Objective interface {
	// Name is recorded in checkpoints: one objective does not go on from another's.
	Name() string

	// Plan makes the passes that Step needs, by NewPass of the two networks. New calls
	// it once.
	Plan(t *Trainer, g, d *Network) error

	// Step takes one batch from a Source, by one call of Reals and of Noise, and runs step number
	// t.Steps()+1: it leaves gradients in the passes and has t.Update follow them. It
	// should allocate nothing. If a value is not finite it returns t.Diverged's error.
	Step(t *Trainer, from Source) (Losses, error)
}

// Losses are what one step measures, before its updates.
type Losses struct {
	G, D       float64 // the generator's and the discriminator's loss, means over the batch
	Real, Fake float64 // mean probability of being real that the discriminator gave to reals and to fakes
	Right      float64 // share of the images that a classifier named right; of the fakes that an auxiliary head did
	Penalty    float64 // what gradient penalties add to D, as of this step

	// Of a GAN with an auxiliary head: its cross-entropy at reals and at fakes, which G and D leave
	// out.
	ClassReal, ClassFake float64

	Teacher  float64 // mean squared distance of the fakes from the teacher's images
	Features float64 // and that of features of them, relative to their mean square
	AugmentP float64 // probability of a change of what the discriminator sees, if that adapts
	RealSign float64 // and the mean sign of its logits at reals, by which it does
}

// Source gives every step its batch. The destinations of images and noise are
// position-major buffers of a whole batch in the given layout.
type Source interface {
	// Reals fills dst with images, pixels in [-1, 1].
	Reals(dst []float32, m conv.Layout)
	// Labels fills dst with the classes of the images that Reals gave last. An Objective
	// may call it, or not.
	Labels(dst []int32)
	// Noise fills dst with the generator's inputs of step number step, from 1.
	Noise(dst []float32, m conv.Layout, step uint64)
}

// Network is one of a Trainer's pair: a model, the passes that an Objective runs
// over it, and the optimizer of its parameters.
type Network struct {
	name    string // generator or discriminator, as in checkpoints
	model   *model.Model
	rule    Optimizer
	rate    float64           // learning rate, before the schedule
	options model.PassOptions // of all passes

	spectral  bool   // whether the weights are normalized, see normalized
	direction string // name of a weight that is one; "" for none

	exact *model.Model // whose parameters updates change where the model has them rounded; else nil

	passes     []*model.Pass
	normalized []*normalized
	*updater
}

// Model returns the model. Its parameters change with every update.
func (n *Network) Model() *model.Model { return n.model }

// NewPass plans a pass over the network. Of o, Batch, InputGrad, Tangents, Borrow and Frozen count;
// the rest is the Trainer's. Update follows the gradients of the network's first
// pass: an Objective that runs several adds the others' up there.
func (n *Network) NewPass(o model.PassOptions) (*model.Pass, error) { return n.newPass(n.model, o) }

// newPass is NewPass over m, the model or one of its graph with other outputs.
func (n *Network) newPass(m *model.Model, o model.PassOptions) (*model.Pass, error) {
	own := n.options
	own.Batch, own.InputGrad, own.Tangents, own.Borrow, own.Frozen = o.Batch, o.InputGrad, o.Tangents, o.Borrow, o.Frozen
	p, err := m.NewPass(own)
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", n.name, err)
	}
	n.passes = append(n.passes, p)
	return p, nil
}

// plan makes the optimizer's state once the passes are there, and normalizes weights, beginning
// from what a key gives.
func (n *Network) plan(p *model.Team, key rng.Key) error {
	if len(n.passes) == 0 {
		return fmt.Errorf("train: %w: the objective has no pass over the %s", ErrConfig, n.name)
	}
	n.passes[0].Input() // a pass has no memory, nor its gradients, before it is used
	grads := n.passes[0].Grads()
	params, err := n.normalize(grads, key)
	if err != nil {
		return err
	}
	n.updater = newUpdater(n.rule, params, grads, n.options.Kernels, p.Workers())
	return nil
}

// update follows the gradients, which are those of the weights' raw forms, and has the passes know.
func (n *Network) update(p *model.Team, rate float64) {
	n.updater.update(p, rate)
	for _, w := range n.normalized {
		w.step()
		w.apply()
	}
	n.repack()
}

// repack tells all passes that the weights have changed.
func (n *Network) repack() {
	for _, p := range n.passes {
		p.Repack()
	}
}
