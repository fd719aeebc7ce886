package train

import (
	"fmt"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/simd"
)

// stepMACs returns the multiply-adds of a step on one image of each half of the
// batch that touch a pixel: forward, input gradient and weight gradient of each
// layer, twice for D, without the input gradients that nobody needs.
func stepMACs(t *Trainer) (exact int64) {
	for i, l := range t.Generator().Layers() {
		exact += 3 * l.MACs
		if i == 0 {
			exact -= l.MACs // of the noise
		}
	}
	for i, l := range t.Discriminator().Layers() {
		exact += 2 * 3 * l.MACs
		if i == 0 {
			exact -= l.MACs // of the reals
		}
	}
	return exact
}

var pictures28 = &dataset.Dataset{H: 28, W: 28, C: 1, N: 1000, Pix: make([]uint8, 1000*28*28)}

// BenchmarkStep is a whole training step of the reference networks.
func BenchmarkStep(b *testing.B) {
	rows := simd.Variants()
	for _, k := range rows {
		for _, batch := range []int{16, 256} {
			if batch > 16 && k == rows[0] && len(rows) > 1 {
				continue // a minute a step
			}
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("kernel=%s/batch=%d/threads=%d", k.Name, batch, threads), func(b *testing.B) {
					c := Default()
					c.Batch, c.Threads = batch, threads
					t := newTrainer(b, c, k)
					from, err := newStream(pictures28, c, dataset.Cursor{})
					if err != nil {
						b.Fatal(err)
					}
					for b.Loop() {
						if _, err := t.Step(from); err != nil {
							b.Fatal(err)
						}
					}
					perSecond := float64(b.N) * float64(batch) / b.Elapsed().Seconds()
					b.ReportMetric(perSecond, "images/s")
					b.ReportMetric(2e-9*perSecond*float64(stepMACs(t)), "GFLOP/s")
				})
			}
		}
	}
}

// BenchmarkUpdate is what Step does beside the networks' own passes.
func BenchmarkUpdate(b *testing.B) {
	for _, k := range simd.Variants() {
		b.Run("kernel="+k.Name, func(b *testing.B) {
			c := Default()
			c.Batch, c.Threads = 1, 1
			t := newTrainer(b, c, k)
			for b.Loop() {
				if !t.g.finite(t.team) || !t.d.finite(t.team) {
					b.Fatal("a gradient is not finite")
				}
				t.g.update(t.team, c.LearningRate)
				t.d.update(t.team, c.LearningRate)
			}
		})
	}
}

// BenchmarkGradNorms is what a line of metrics costs beside the line.
func BenchmarkGradNorms(b *testing.B) {
	c := Default()
	c.Batch, c.Threads = 1, 1
	t := newTrainer(b, c, nil)
	for b.Loop() {
		t.GradNorms()
	}
}
