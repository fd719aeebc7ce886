package benchmarks

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

// layerBatch is large enough that no layer is dominated by its weights, and small enough for the
// scalar row.
const layerBatch = 64

// threadCounts are one and all.
func threadCounts() []int { return slices.Compact([]int{1, runtime.GOMAXPROCS(0)}) }

// report adds the rates of b.N runs of batch images with the given multiply-adds each.
func report(b *testing.B, batch int, macs int64) {
	seconds := b.Elapsed().Seconds()
	images := float64(b.N) * float64(batch)
	b.ReportMetric(images/seconds, "images/s")
	if macs > 0 {
		b.ReportMetric(2*float64(macs)*images/seconds/1e9, "GFLOP/s")
	}
}

// forEachLayer runs f for every layer of the reference networks that computes anything, alone in a
// model of its own.
func forEachLayer(b *testing.B, f func(b *testing.B, p *model.Pass, l model.LayerInfo)) {
	for _, net := range []*model.Model{model.Generator(model.Config{}), model.Discriminator(model.Config{})} {
		for _, l := range net.Layers() {
			switch l.Op.(type) {
			case model.Reshape, model.Flatten:
				continue
			}
			for _, k := range simd.Variants() {
				b.Run(fmt.Sprintf("layer=%s.%s/kernel=%s/batch=%d", net.Name, l.Name, k.Name, layerBatch), func(b *testing.B) {
					m, err := model.New(l.Name, l.In[0].Shape, l.Op)
					if err != nil {
						b.Fatal(err)
					}
					m.Init(1, model.GlorotUniform)
					p, err := m.NewPass(model.PassOptions{Batch: layerBatch, Threads: 1, Kernels: k, InputGrad: true})
					if err != nil {
						b.Fatal(err)
					}
					defer p.Close()
					_, x := p.Input()
					model.Latents(x, 1, 1, 0)
					if l.MACs == 0 {
						b.SetBytes(4 * layerBatch * int64(l.In[0].Shape.Len()+l.Out.Shape.Len()))
					}
					f(b, p, l)
				})
			}
		}
	}
}

// BenchmarkForward times each layer in training, on one thread.
func BenchmarkForward(b *testing.B) {
	forEachLayer(b, func(b *testing.B, p *model.Pass, l model.LayerInfo) {
		for b.Loop() {
			p.Forward(1)
		}
		report(b, layerBatch, l.MACs)
	})
}

// BenchmarkBackward times each layer's gradients, of its weights and of its input, on one thread.
func BenchmarkBackward(b *testing.B) {
	forEachLayer(b, func(b *testing.B, p *model.Pass, l model.LayerInfo) {
		out, _ := p.Output()
		dy := make([]float32, out.Len())
		model.Latents(dy, 1, 2, 0)
		p.Forward(1)
		for b.Loop() {
			p.Backward(dy, nil, 0)
		}
		report(b, layerBatch, 2*l.MACs)
	})
}

// BenchmarkGenerate times Session.Run of the reference generator.
func BenchmarkGenerate(b *testing.B) {
	benchmarkGenerate(b, model.Generator(model.Config{}))
}

// BenchmarkGenerateInt8 times Session.Run of the reference generator in 8-bit integers.
func BenchmarkGenerateInt8(b *testing.B) {
	g, err := pretrained.Model()
	if err != nil {
		b.Fatal(err)
	}
	benchmarkGenerate(b, g)
}

func benchmarkGenerate(b *testing.B, g *model.Model) {
	macs, _ := g.MACs()
	for _, k := range simd.Variants() {
		for _, batch := range []int{1, 16, 64, 256} {
			for _, threads := range threadCounts() {
				b.Run(fmt.Sprintf("kernel=%s/batch=%d/threads=%d", k.Name, batch, threads), func(b *testing.B) {
					s, err := g.NewSession(model.Options{Batch: batch, Threads: threads, Kernels: k})
					if err != nil {
						b.Fatal(err)
					}
					defer s.Close()
					z := make([]float32, batch*g.Input().Len())
					model.Latents(z, g.Input().Len(), 1, 0)
					dst := make([]float32, batch*g.Output().Len())
					for b.Loop() {
						if err := s.Run(dst, z); err != nil {
							b.Fatal(err)
						}
					}
					report(b, batch, macs)
				})
			}
		}
	}
}

// BenchmarkStep times one whole step of the reference training.
func BenchmarkStep(b *testing.B) { benchmarkSteps(b, train.Default()) }

// BenchmarkSmallStep is a step of networks of an eighth of the width on few images: small enough to
// count its instructions.
func BenchmarkSmallStep(b *testing.B) {
	c := train.Default()
	c.Width, c.Batch = c.Width/8, 16
	benchmarkSteps(b, c)
}

func benchmarkSteps(b *testing.B, c train.Config) {
	for _, k := range simd.Variants() {
		for _, threads := range threadCounts() {
			c.Threads = threads
			b.Run(fmt.Sprintf("kernel=%s/batch=%d/threads=%d", k.Name, c.Batch, threads), func(b *testing.B) { benchmarkStep(b, c, k) })
		}
	}
}

func benchmarkStep(b *testing.B, c train.Config, k *simd.Kernels) {
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	t, err := train.New(c, g, d, train.Tuning{Kernels: k})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	z := make([]float32, c.Batch*g.Input().Len())
	model.Latents(z, g.Input().Len(), 1, 0)
	reals := make([]float32, c.Batch*d.Input().Len())
	model.Latents(reals, d.Input().Len(), 2, 0)
	for b.Loop() {
		if _, err := t.StepOn(reals, z, nil); err != nil {
			b.Fatal(err)
		}
	}
	report(b, c.Batch, stepMACs(g, d))
}

// stepMACs counts the multiply-adds of a step, per image of its batch: one pass of the generator
// and two of the discriminator, each layer forward, its weights' gradient and its input's. The
// noise needs no gradient, and only the fakes' pixels do.
func stepMACs(g, d *model.Model) int64 {
	first := func(m *model.Model) int64 {
		for _, l := range m.Layers() {
			if l.MACs > 0 {
				return l.MACs
			}
		}
		return 0
	}
	ofG, _ := g.MACs()
	ofD, _ := d.MACs()
	return 3*ofG - first(g) + 2*3*ofD - first(d)
}
