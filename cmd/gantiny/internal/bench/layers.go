package bench

import (
	"context"
	"time"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
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

// TrainingStep measures whole training steps of the reference network on noise, stage by stage.
func TrainingStep(ctx context.Context, o Options) (*Report, error) {
	c := train.Default()
	c.Batch, c.Threads = o.Batch, o.Threads
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	m := newMeasured(o.Kernels, o.Threads, false)
	var t *train.Trainer
	type key struct {
		network string
		op      int
		stage   string
	}
	index := map[key]int{}
	observe := func(network string, op int, stage string, took time.Duration) {
		at := key{network, op, stage}
		i, ok := index[at]
		if !ok {
			i = len(m.parts)
			index[at] = i
			m.parts = append(m.parts, stagePart(t, network, op, stage, o.Batch))
		}
		m.add(i, took)
	}
	t, err := train.New(c, g, d, train.Tuning{Kernels: o.Kernels, Strict: o.Strict, Observe: observe})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	reals := make([]float32, o.Batch*g.Output().Len())
	noise := make([]float32, o.Batch*g.Input().Len())
	model.Latents(reals, g.Output().Len(), 1, 0)
	model.Latents(noise, g.Input().Len(), 2, 0)
	err = m.repeat(ctx, o.Seconds, func() error {
		_, err := t.StepOn(reals, noise, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newReport("reference", true, o, m), nil
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
