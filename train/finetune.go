package train

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// FineTuning configures FineTune. The zero value but for Steps is the usual.
type FineTuning struct {
	Steps      int           // how often the weights are updated
	Batch      int           // images of a step, 64 if 0
	Rate       float64       // of Adam at first, 3e-5 if 0; it falls to 0 along a cosine
	Seed       uint64        // of the latents
	WeightBits int           // as in quant.Options: 8, for which 0 stands too, 7 or 4
	Threads    int           // 0 for one per processor that Go may use; any number gives the same bits
	Kernels    *simd.Kernels // nil for simd.Best()

	// Features, if not nil, is a network of images whose last output, such as the features of an
	// eval.Classifier's Network, is compared too, and Weight the weight of that in the loss, 2 if
	// 0.
	Features *model.Model
	Weight   float64

	// Log, if not nil, is told after each step its number and the mean squared error of its images,
	// in [-1, 1], and the relative one of their features.
	Log func(step int, images, features float64)
}

// FineTune changes the weights of m, which teacher.Simulate has made, so that with all its numbers
// rounded to bytes it draws what the teacher draws in floats: quantization-aware training (Jacob et
// al. 2018). It needs no data. A step draws latents and classes anew; its loss is
//
//	mean((x - x')²) + Weight * mean((f(x) - f(x'))²) / mean(f(x')²), x = m(z, y), x' = teacher(z, y)
//
// with weights and values rounded, and gradients pass straight through the rounding, values' where
// they are not clipped. The latents are those of training, of which model.Latents draws none.
//
// When ctx ends, it returns the context's error, and m is of no use any more.
func FineTune(ctx context.Context, m, teacher *model.Model, o FineTuning) error {
	c := Default()
	c.Batch, c.LearningRate, c.Seed, c.Threads = 64, 3e-5, o.Seed, o.Threads
	if o.Batch != 0 {
		c.Batch = o.Batch
	}
	if o.Rate != 0 {
		c.LearningRate = o.Rate
	}
	if o.Steps < 1 {
		return fmt.Errorf("train: %w: %d steps of fine-tuning, want at least 1", ErrConfig, o.Steps)
	}
	c.WarmupSteps = o.Steps / 20
	c.Schedule, c.DecaySteps = "cosine", max(o.Steps-c.WarmupSteps, 1)
	rounded, err := twinOf(m)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := quant.CheckWeightBits(o.WeightBits); err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	tune := newFineTune(m, teacher)
	tune.bits = o.WeightBits
	if o.Features != nil {
		tune.features = &featureLoss{weight: o.Weight}
		if o.Weight == 0 {
			tune.features.weight = 2
		}
		if tune.features.network, err = o.Features.Folded(); err != nil {
			return fmt.Errorf("train: features: %w", err)
		}
	}
	t, err := New(c, rounded, nil, Tuning{Kernels: o.Kernels, Components: Components{Objective: tune}})
	if err != nil {
		return err
	}
	defer t.Close()
	noise := latentNoise{rng.NewKey(o.Seed, rng.Noise)}
	for step := 1; step <= o.Steps; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := t.Step(noise)
		if err != nil {
			return err
		}
		if o.Log != nil {
			o.Log(step, l.Teacher, l.Features)
		}
	}
	m.Changed()
	return nil
}

// fineTune is the Objective of FineTune. The network of the Trainer has the rounded weights.
type fineTune struct {
	exact    *model.Model // with weights as they are trained
	bits     int          // of weights
	teacher  *teacher
	features *featureLoss // nil for none
	net      *Network
	pass     *model.Pass
	classes  []int32           // (N) input of the network, empty without
	noise    window            // alike
	images   window            // what it draws
	gradient window            // of the loss at the images
	classOf  func(i int) int32 // of image i, counted over all steps
}

func newFineTune(m, from *model.Model) *fineTune {
	n := max(classes(m), 1)
	return &fineTune{
		exact: m, teacher: &teacher{Teacher: Teacher{Model: from, Weight: 1}},
		classOf: func(i int) int32 { return int32(i % n) },
	}
}

// Name is Objective's.
func (o *fineTune) Name() string { return "fine-tune" }

// Plan is Objective's, of a generator g; d is nil.
func (o *fineTune) Plan(t *Trainer, g, _ *Network) (err error) {
	if g.model.BatchDependent() {
		return fmt.Errorf("train: %w: cannot fine-tune a normalization that no weights precede", ErrConfig)
	}
	g.name, g.exact, o.net = "generator", o.exact, g
	if o.pass, err = g.NewPass(model.PassOptions{Batch: t.cfg.Batch}); err != nil {
		return err
	}
	o.images = windowOf(o.pass.Output())
	if err := o.teacher.plan(t, g.model, o.images); err != nil {
		return err
	}
	o.noise = windowOf(o.pass.InputAt(o.teacher.latent))
	if o.teacher.class >= 0 {
		o.classes = o.pass.Classes(o.teacher.class)
	}
	o.gradient = o.images
	o.gradient.data = make([]float32, o.images.Len())
	if o.features != nil {
		return o.features.plan(t, g.model.Output())
	}
	return nil
}

// Step is Objective's. Of the Losses it sets Teacher and Features.
func (o *fineTune) Step(t *Trainer, from Source) (l Losses, err error) {
	step := t.steps + 1

	// Weights as bytes have them.
	if err := o.exact.RoundWeights(o.net.model, o.bits); err != nil {
		return l, t.Diverged(err.Error())
	}
	o.net.repack()

	// Latents, all classes by turns, and what the teacher draws.
	from.Noise(o.noise.data, o.noise.Layout, step)
	for i := range o.classes {
		o.classes[i] = o.classOf(int(t.steps)*len(o.classes) + i)
	}
	if err := o.teacher.draw(o.noise, o.classes); err != nil {
		return l, err
	}

	// Forward, the loss and its gradient at the images.
	o.pass.Forward(step)
	clear(o.gradient.data)
	if l.Teacher = o.teacher.add(t, o.gradient, o.images); !finite(l.Teacher) {
		return l, t.Diverged(fmt.Sprintf("the distance from the teacher is %g", l.Teacher))
	}
	if o.features != nil {
		if l.Features = o.features.add(t, o.gradient, o.images, o.teacher.images); !finite(l.Features) {
			return l, t.Diverged(fmt.Sprintf("the distance of the features is %g", l.Features))
		}
	}

	// Backward, and the update.
	o.pass.Backward(o.gradient.data, nil, 0)
	return l, t.Update(o.net)
}

// Close ends the threads of the teacher.
func (o *fineTune) Close() {
	o.teacher.close()
}

// latentNoise is a Source of latents alone.
type latentNoise struct{ key rng.Key }

func (latentNoise) Reals([]float32, conv.Layout) {}
func (latentNoise) Labels([]int32)               {}

func (s latentNoise) Noise(dst []float32, m conv.Layout, step uint64) {
	key := s.key.Sub(step)
	for n := range m.N {
		rng.FillNormal(dst[n*m.Row:][:m.C], key, uint64(n))
	}
}
