package conv

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/simd"
)

// BenchmarkDirectPeak is how near the direct passes of the wide layers come to the peak, at a
// training step's batch: by the thread's own time, the peak measured right before and after each
// call, and medians of both. What another process or a slow spell of the machine takes counts for
// both sides.
func BenchmarkDirectPeak(b *testing.B) {
	const n = 256
	for _, l := range layers {
		if l.g.IsDense() || min(l.g.InC, l.g.OutC) <= thinChannels {
			continue
		}
		macs, _ := l.g.MACs()
		for _, k := range simd.Variants() {
			if k.Peak == nil || !k.FMA {
				continue
			}
			h, w, _ := l.g.Out()
			p, err := NewPlan(l.g, NewLayout(l.g.InH, l.g.InW, l.g.InC, n), NewLayout(h, w, l.g.OutC, n), k)
			if err != nil {
				b.Fatal(err)
			}
			fill := func(n int) []float32 {
				v := arena.Floats(n)
				for i := range v {
					v[i] = float32(i%17)/16 - 0.5
				}
				return v
			}
			x, dy, y, dx := fill(p.In().Len()), fill(p.Out().Len()), fill(p.Out().Len()), fill(p.In().Len())
			weights, sums := fill(l.g.WeightLen()), Sums{DW: fill(l.g.WeightLen()), Workspace: fill(p.SumsLen())}
			packed, packedGrad := fill(p.PackedLen()), fill(p.PackedGradLen())
			ws := p.NewWorkspace()
			p.Pack(ws, packed, weights)
			p.PackGrad(ws, packedGrad, weights)
			for _, pass := range []struct {
				name string
				run  func()
			}{
				{"forward", func() { p.Forward(ws, y, x, packed, Epilogue{Slope: 0.3}, Share{0, n, 0, p.Panels()}) }},
				{"inputgrad", func() { p.InputGrad(ws, dx, dy, packedGrad, Share{0, n, 0, p.GradPanels()}) }},
				{"weightgrad", func() { p.WeightGrad(ws, sums, x, dy, n, 0, 1); p.FinishWeightGrad(ws, sums, 0, 1) }},
			} {
				b.Run(fmt.Sprintf("layer=%s/pass=%s/kernel=%s", l.name, pass.name, k.Name), func(b *testing.B) {
					besidePeak(b, k, 2*float64(macs)*n, pass.run)
				})
			}
		}
	}
}

// besidePeak reports the milliseconds of run, which makes so many operations, and their share of
// k's peak before and after it.
func besidePeak(b *testing.B, k *simd.Kernels, operations float64, run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	peak := func() float64 { return cputime.Rate(func() int64 { return k.Peak(1000) }) }
	var ms, share []float64
	run()
	before := peak()
	for b.Loop() {
		start := cputime.Thread()
		run()
		took := (cputime.Thread() - start).Seconds()
		after := peak()
		ms = append(ms, took*1e3)
		share = append(share, 100*operations/took/((before+after)/2))
		before = after
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(ms), "ms")
	b.ReportMetric(middle(share), "%peak")
}

// middle is the median.
func middle(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
