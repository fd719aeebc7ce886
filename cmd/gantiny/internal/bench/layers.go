package bench

import (
	"context"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
	"github.com/gantiny/gantiny/train/networks"
)

// Options say how to measure.
type Options struct {
	Batch   int // images of a Run, or of a training step
	Threads int
	Kernels *simd.Kernels
	Seconds float64 // how long at least
	Strict  bool    // of a training step: direct sums only
}

// Run measures RunFeed of a batch, layer by layer.
func Run(ctx context.Context, n Network, o Options) (*Report, error) {
	m := newMeasured(o.Kernels, o.Threads, n.Model.Quantized())
	session, err := n.Model.NewSession(model.Options{Batch: o.Batch, Threads: o.Threads, Kernels: o.Kernels,
		Observe: func(op int, _ string, d time.Duration) { m.add(op, d) }})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	for _, op := range session.Ops() {
		m.parts = append(m.parts, part{name: op.Name, by: op.By, macs: op.MACs * int64(o.Batch), nominal: op.Nominal * int64(o.Batch)})
	}
	feed := n.feed(o.Batch)
	if err := m.repeat(ctx, o.Seconds, func() error { return session.RunFeed(ctx, feed) }); err != nil {
		return nil, err
	}
	return newReport(n.Name, false, o, m), nil
}

// benchClasses is the number of classes of networks that know any: those of the digits.
const benchClasses = 10

// pair builds the networks of a training with these settings; of a classifier the second is nil.
func pair(c train.Config) (g, d *model.Model, err error) {
	n := c.Networks(benchClasses)
	if c.Task == "classify" {
		n.Classes = benchClasses
		g, err = networks.Classifier(n)
		return g, nil, err
	}
	if g, err = networks.Generator(n); err != nil {
		return nil, nil, err
	}
	d, err = networks.Discriminator(n)
	return g, d, err
}

// noise is a Source of random pixels and latents, and of classes by turns.
type noise struct{}

func (noise) Reals(dst []float32, m conv.Layout)           { fillNoise(dst, m, 1) }
func (noise) Noise(dst []float32, m conv.Layout, _ uint64) { fillNoise(dst, m, 2) }

func (noise) Labels(dst []int32) {
	for i := range dst {
		dst[i] = int32(i % benchClasses)
	}
}

func fillNoise(dst []float32, m conv.Layout, seed uint64) {
	x := make([]float32, m.N*m.H*m.W*m.C)
	model.Latents(x, m.H*m.W*m.C, seed, 0)
	m.Import(dst, x)
}

// cycle is how many steps pass until they are alike again: gradient penalties come at every so
// many.
func cycle(c train.Config) int {
	if c.R1 > 0 || c.R2 > 0 || c.GP > 0 {
		return c.PenaltyEvery
	}
	return 1
}

// TrainingStep measures whole training steps with settings, which name says, on noise, stage by
// stage. Where steps differ it measures means: of a gradient penalty's passes the time counts, but
// not their multiply-adds.
func TrainingStep(ctx context.Context, name string, c train.Config, o Options) (*Report, error) {
	c.Batch, c.Threads = o.Batch, o.Threads
	if c.DecaySteps == 0 {
		c.DecaySteps = 1e6 // of a schedule, which no run is here to settle
	}
	g, d, err := pair(c)
	if err != nil {
		return nil, err
	}
	m := newMeasured(o.Kernels, o.Threads, false)
	var t *train.Trainer
	type key struct {
		network string
		op      int
		stage   string
	}
	index := map[key]int{}
	every := cycle(c)
	observe := func(network string, op int, stage string, took time.Duration) {
		at := key{network, op, stage}
		i, ok := index[at]
		if !ok {
			i = len(m.parts)
			index[at] = i
			m.parts = append(m.parts, stagePart(t, network, op, stage, o.Batch*every))
		}
		m.add(i, took)
	}
	if t, err = train.New(c, g, d, train.Tuning{Kernels: o.Kernels, Strict: o.Strict, Observe: observe}); err != nil {
		return nil, err
	}
	defer t.Close()
	err = m.repeat(ctx, o.Seconds, func() error {
		for range every {
			if _, err := t.Step(noise{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.divide(every)
	return newReport(name, true, o, m), nil
}

// stagePart describes a stage of a network's pass. The discriminator sees reals and fakes in one
// pass; down to the pixels go only the fakes' gradients.
func stagePart(t *train.Trainer, network string, op int, stage string, batch int) part {
	ops, discriminator := t.Ops()
	images := int64(batch)
	if network == "discriminator" {
		ops = discriminator
		if op > 0 || stage != "input gradient" {
			images *= 2
		}
	}
	p := part{name: network + " " + ops[op].Name + " " + stage}
	switch stage {
	case "forward", "input gradient", "weight gradient":
		p.macs, p.nominal = ops[op].MACs*images, ops[op].Nominal*images
	}
	switch {
	case p.macs > 0:
		p.kind = Products
	case stage == "pack":
		p.kind = Packing
	default:
		p.kind = Elementwise
	}
	return p
}
