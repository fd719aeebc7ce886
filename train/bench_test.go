package train

import (
	"fmt"
	"slices"
	"testing"
	"time"

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

// BenchmarkR1 compares a step of the reference networks, without dropout, with one that takes R1;
// every 16th step does.
func BenchmarkR1(b *testing.B) {
	c := Default()
	c.Batch, c.Threads, c.Dropout = 64, 1, 0
	var trainers [2]*Trainer
	var times [2][]float64
	for i := range trainers {
		c.R1, c.PenaltyEvery = float64(i), 1
		g, d := networksOf(b, c, 0)
		t, err := New(c, g, d, Tuning{})
		if err != nil {
			b.Fatal(err)
		}
		defer t.Close()
		trainers[i] = t
	}
	from, err := newStream(pictures28, c, dataset.Cursor{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for i, t := range trainers { // in turns, so that both meet the same machine
			start := time.Now()
			if _, err := t.Step(from); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], time.Since(start).Seconds())
		}
	}
	plain, with := slices.Min(times[0]), slices.Min(times[1])
	b.ReportMetric(100*(with-plain)/(16*plain+with-plain), "%of-the-time")
	b.ReportMetric(1e3*plain, "ms/step")
}
