package train

import (
	"errors"
	"fmt"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// ErrDiverged is what the errors of a loss, gradient or weight that is not a
// finite number wrap.
var ErrDiverged = errors.New("training diverged")

// Trainer holds a pair of networks in training: what a step reads and changes.
// It belongs to one goroutine and works with as many threads as its Config says.
type Trainer struct {
	cfg       Config
	schedule  Schedule
	objective Objective
	team      *model.Team
	k         *simd.Kernels
	steps     uint64   // done
	slow      float64  // share of the learning rates, 1 until a run has gone back
	g, d      *Network // d is nil of a classifier
	ema       *average // nil: none

	// The call of each in progress, and its share of a worker, bound once.
	eachOf    int
	eachCall  func(i int)
	eachShare func(worker int)
}

// Tuning holds what a Trainer takes beside its Config. The zero value is the
// reference.
type Tuning struct {
	Components
	Kernels *simd.Kernels // nil: what Config.Kernel names
	Strict  bool          // direct sums only, see model.PassOptions

	// MaxBytes is how much memory a pass may take, see model.PassOptions.
	MaxBytes int64

	// Observe, if not nil, is called after each stage of a network's pass with
	// the network's name and the stage's index in Ops, name and duration.
	Observe func(network string, op int, name string, d time.Duration)
}

// Components replace what a Config names by a caller's own. A nil field stands for the
// Config's.
type Components struct {
	Objective              Objective
	GOptimizer, DOptimizer Optimizer // the generator's and the discriminator's

	// Teacher is what the generator imitates by the setting teacher_weight. When a run is resumed
	// it is the one that the run has kept.
	Teacher *model.Model
}

// New prepares to train generator g against discriminator d, which become the
// Trainer's own: their parameters change with every step. Memory for a step is
// planned here, for batches of c.Batch images. Which pairs fit each other the
// objective says, see GAN. Without d, which is nil, g is a classifier.
func New(c Config, g, d *model.Model, o Tuning) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Schedule != "constant" && c.DecaySteps == 0 { // which Run knows
		return nil, bad("decay_steps", c.DecaySteps, "the number of steps in which a "+c.Schedule+" schedule ends")
	}
	if c.InstanceNoise > 0 && c.InstanceNoiseSteps == 0 {
		return nil, bad("instance_noise_steps", c.InstanceNoiseSteps, "the number of steps in which the noise falls to 0")
	}
	if o.Kernels == nil {
		var err error
		if o.Kernels, err = c.kernels(); err != nil {
			return nil, err
		}
	}
	c.choose(&o.Components)
	t := &Trainer{cfg: c, schedule: c.schedule(), objective: o.Objective, k: o.Kernels, slow: 1, team: model.NewTeam(c.Threads)}
	t.eachShare = t.runEach
	if d != nil {
		t.g = t.network("generator", g, o.GOptimizer, c.LearningRate, o)
		t.d = t.network("discriminator", d, o.DOptimizer, c.dLearningRate(), o)
		t.d.spectral = c.SpectralNorm
	} else {
		t.g = t.network("classifier", g, o.GOptimizer, c.LearningRate, o)
	}
	if err := t.plan(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Trainer) network(name string, m *model.Model, rule Optimizer, rate float64, o Tuning) *Network {
	n := &Network{name: name, model: m, rule: rule, rate: rate}
	n.options = model.PassOptions{Team: t.team, Kernels: t.k, Seed: t.cfg.Seed, Strict: o.Strict, MaxBytes: o.MaxBytes}
	if o.Observe != nil {
		n.options.Observe = func(op int, stage string, d time.Duration) { o.Observe(name, op, stage, d) }
	}
	return n
}

// networks are those in training.
func (t *Trainer) networks() []*Network {
	if t.d == nil {
		return []*Network{t.g}
	}
	return []*Network{t.g, t.d}
}

// plan makes the passes, the optimizers' state and the average.
func (t *Trainer) plan() error {
	if err := t.objective.Plan(t, t.g, t.d); err != nil {
		return err
	}
	for _, n := range t.networks() {
		if err := n.plan(t.team, rng.NewKey(t.cfg.Seed, rng.Spectral)); err != nil {
			return err
		}
	}
	if t.cfg.EMAImages > 0 {
		var err error
		t.ema, err = newAverage(t.g.model, t.cfg.EMAImages, t.cfg.Batch)
		return err
	}
	return nil
}

// Step trains the networks on one batch, as the objective does. After an error,
// which wraps ErrDiverged, no weight has changed.
func (t *Trainer) Step(from Source) (Losses, error) {
	l, err := t.objective.Step(t, from)
	if err != nil {
		return l, err
	}
	t.steps++
	if t.ema != nil {
		t.ema.follow(t.k)
	}
	return l, nil
}

// Update changes the parameters of the networks, once each, by the gradients of
// their first passes: if all of them are finite, else it changes nothing and the
// error wraps ErrDiverged. Gradients longer than the setting clip_norm are scaled.
// An Objective's Step calls it.
func (t *Trainer) Update(networks ...*Network) error {
	for _, n := range networks {
		for _, w := range n.normalized {
			w.backward()
		}
		if !n.finite(t.team) {
			return t.Diverged("a gradient is not finite")
		}
	}
	share := t.slow * t.schedule.At(t.steps+1)
	for _, n := range networks {
		if t.cfg.ClipNorm > 0 {
			n.clip(t.team, t.cfg.ClipNorm)
		}
		n.update(t.team, n.rate*share)
	}
	return nil
}

// each calls f for 0 to n-1, shared out to the Trainer's threads. It allocates nothing.
func (t *Trainer) each(n int, f func(i int)) {
	t.eachOf, t.eachCall = n, f
	t.team.Run(t.eachShare)
}

func (t *Trainer) runEach(worker int) {
	lo, hi := pool.Split(t.eachOf, t.team.Workers(), worker)
	for i := lo; i < hi; i++ {
		t.eachCall(i)
	}
}

// Diverged returns the error of a step in progress which has met a value that is
// not finite. It wraps ErrDiverged.
func (t *Trainer) Diverged(what string) error { return diverged(t.steps+1, what) }

func diverged(step uint64, what string) error {
	return fmt.Errorf("train: %w at step %d: %s", ErrDiverged, step, what)
}

// StepOn is Step on one given batch: reals (N, H, W, C) with pixels in [-1, 1],
// noise (N, latent), and the classes of the reals, nil for networks that have none.
func (t *Trainer) StepOn(reals, noise []float32, labels []int32) (Losses, error) {
	if t.d == nil {
		return Losses{}, fmt.Errorf("train: %w: a step of a classifier has no noise", ErrConfig)
	}
	want := [2]int{t.cfg.Batch * t.d.model.Input().Len(), t.cfg.Batch * t.g.model.Input().Len()}
	if len(reals) != want[0] || len(noise) != want[1] {
		return Losses{}, fmt.Errorf("train: %w: a batch of %d and %d values, want %d and %d", model.ErrShape, len(reals), len(noise), want[0], want[1])
	}
	if labels != nil && len(labels) != t.cfg.Batch {
		return Losses{}, fmt.Errorf("train: %w: a batch of %d labels, want %d", model.ErrShape, len(labels), t.cfg.Batch)
	}
	for i, label := range labels {
		if label < 0 || int(label) >= max(classes(t.g.model), 1) {
			return Losses{}, fmt.Errorf("train: %w: label %d is %d, the generator draws %d classes", model.ErrShape, i, label, classes(t.g.model))
		}
	}
	return t.Step(given{reals, noise, labels})
}

// given is the Source of one batch that is at hand.
type given struct {
	reals, noise []float32
	labels       []int32
}

func (g given) Reals(dst []float32, m conv.Layout)           { m.Import(dst, g.reals) }
func (g given) Labels(dst []int32)                           { copy(dst, g.labels) }
func (g given) Noise(dst []float32, m conv.Layout, _ uint64) { m.Import(dst, g.noise) }

// Steps returns the number of steps done.
func (t *Trainer) Steps() uint64 { return t.steps }

// Config returns the settings.
func (t *Trainer) Config() Config { return t.cfg }

// Kernels returns the row of kernels that the steps run on.
func (t *Trainer) Kernels() *simd.Kernels { return t.k }

// Generator returns the generator in training, or the classifier.
func (t *Trainer) Generator() *model.Model { return t.g.model }

// Discriminator returns the discriminator in training, nil for none.
func (t *Trainer) Discriminator() *model.Model {
	if t.d == nil {
		return nil
	}
	return t.d.model
}

// Average returns the moving average of the generator, whose parameters change
// with every step, or nil without the setting ema_images.
func (t *Trainer) Average() *model.Model {
	if t.ema == nil {
		return nil
	}
	return t.ema.model
}

// product is the generator that a run saves and draws with.
func (t *Trainer) product() *model.Model {
	if t.ema != nil {
		return t.ema.model
	}
	return t.g.model
}

// Ops describes the operators of the generator's and the discriminator's first pass.
func (t *Trainer) Ops() (g, d []model.OpInfo) {
	if t.d != nil {
		d = t.d.passes[0].Ops()
	}
	return t.g.passes[0].Ops(), d
}

// Gradients returns the gradients of the last step, of each trainable parameter
// of the generator and of the discriminator in the model's order, as they were
// applied. The next step overwrites them.
func (t *Trainer) Gradients() (g, d []*model.Param) {
	if t.d != nil {
		d = t.d.grads
	}
	return t.g.grads, d
}

// Close ends the Trainer's threads, and those of an Objective that has a method Close. The models
// stay usable.
func (t *Trainer) Close() {
	if o, ok := t.objective.(interface{ Close() }); ok {
		o.Close()
	}
	t.team.Close()
}
