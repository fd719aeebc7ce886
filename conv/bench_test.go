package conv

import (
	"fmt"
	"testing"

	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// layers are those of the reference networks.
var layers = []struct {
	name string
	g    Geometry
}{
	{"dense_100_12544", Dense(1, 1, 100, 7, 7, 256)},
	{"convT_256_128", Same(7, 7, 256, 128, 5, 1, true)},
	{"convT_128_64", Same(7, 7, 128, 64, 5, 2, true)},
	{"convT_64_1", Same(14, 14, 64, 1, 5, 2, true)},
	{"conv_1_64", Same(28, 28, 1, 64, 5, 2, false)},
	{"conv_64_128", Same(14, 14, 64, 128, 5, 2, false)},
	{"dense_6272_1", Dense(7, 7, 128, 1, 1, 1)},
}

// benchmark runs one pass of every layer at every batch on every kernel row:
// benchstat -col /kernel compares the rows.
func benchmark(b *testing.B, pass func(s *passes, y, dx []float32, sums Sums)) {
	for _, l := range layers {
		for _, batch := range []int{1, 16, 256} {
			for _, k := range simd.Variants() {
				b.Run(fmt.Sprintf("layer=%s/batch=%d/kernel=%s", l.name, batch, k.Name), func(b *testing.B) {
					s := blankPasses(b, l.g, batch, k)
					y, dx := make([]float32, s.p.Out().Len()), make([]float32, s.p.In().Len())
					sums := Sums{DW: make([]float32, len(s.w)), Workspace: make([]float32, s.p.SumsLen())}
					for b.Loop() {
						pass(s, y, dx, sums)
					}
					macs, _ := l.g.MACs()
					b.ReportMetric(2*float64(macs)*float64(batch)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}

// blankPasses is newPasses without the direct loops' results.
func blankPasses(b *testing.B, g Geometry, n int, k *simd.Kernels) *passes {
	h, w, err := g.Out()
	if err != nil {
		b.Fatal(err)
	}
	in, out := NewLayout(g.InH, g.InW, g.InC, n), NewLayout(h, w, g.OutC, n)
	p, err := NewPlan(g, in, out, k)
	if err != nil {
		b.Fatal(err)
	}
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%17)/16 - 0.5
		}
		return v
	}
	s := &passes{problem: &problem{g: g, n: n, w: fill(g.WeightLen())}, p: p, ws: p.NewWorkspace(), x: fill(in.Len()), dy: fill(out.Len())}
	s.packed, s.packedGrad = make([]float32, p.PackedLen()), make([]float32, p.PackedGradLen())
	p.Pack(s.ws, s.packed, s.w)
	p.PackGrad(s.ws, s.packedGrad, s.w)
	return s
}

func BenchmarkForward(b *testing.B) {
	benchmark(b, func(s *passes, y, _ []float32, _ Sums) {
		s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 0.3}, Share{0, s.n, 0, s.p.Panels()})
	})
}

func BenchmarkInputGrad(b *testing.B) {
	benchmark(b, func(s *passes, _, dx []float32, _ Sums) {
		s.p.InputGrad(s.ws, dx, s.dy, s.packedGrad, Share{0, s.n, 0, s.p.GradPanels()})
	})
}

func BenchmarkWeightGrad(b *testing.B) {
	benchmark(b, func(s *passes, _, _ []float32, sums Sums) {
		s.p.WeightGrad(s.ws, sums, s.x, s.dy, s.n, 0, 1)
		s.p.FinishWeightGrad(s.ws, sums, 0, 1)
	})
}

// BenchmarkPack is what each update of the weights costs on top.
func BenchmarkPack(b *testing.B) {
	for _, l := range layers {
		b.Run("layer="+l.name, func(b *testing.B) {
			s := blankPasses(b, l.g, 1, simd.Best())
			for b.Loop() {
				s.p.Pack(s.ws, s.packed, s.w)
				s.p.PackGrad(s.ws, s.packedGrad, s.w)
			}
		})
	}
}

// BenchmarkGenerate is the reference generator's four layers, one after the
// other as a session runs them, without tanh.
func BenchmarkGenerate(b *testing.B) {
	for _, batch := range []int{1, 16} {
		for _, k := range simd.Variants() {
			b.Run(fmt.Sprintf("batch=%d/kernel=%s", batch, k.Name), func(b *testing.B) {
				var net []*passes
				for _, l := range layers[:4] {
					net = append(net, blankPasses(b, l.g, batch, k))
				}
				y := make([]float32, net[3].p.Out().Len())
				for b.Loop() {
					for i, s := range net {
						to := y
						if i < 3 {
							to = net[i+1].x
						}
						s.p.Forward(s.ws, to, s.x, s.packed, Epilogue{Slope: 0.3}, Share{0, batch, 0, s.p.Panels()})
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch)/1e6, "ms/image")
			})
		}
	}
}

// BenchmarkWinograd is the passes that Winograd computes, one thread.
func BenchmarkWinograd(b *testing.B) {
	const n = 256
	k := simd.Best()
	for _, l := range layers {
		h, w, _ := l.g.Out()
		p, err := NewWinogradPlan(l.g, NewLayout(l.g.InH, l.g.InW, l.g.InC, n), NewLayout(h, w, l.g.OutC, n), k)
		if err != nil {
			b.Fatal(err)
		}
		if !isWinogradPlan(p) {
			continue
		}
		fill := func(n int) []float32 {
			v := arena.Floats(n)
			for i := range v {
				v[i] = float32(i%17)/16 - 0.5
			}
			return v
		}
		x, dy, y, dx := fill(p.In().Len()), fill(p.Out().Len()), fill(p.Out().Len()), fill(p.In().Len())
		packed, packedGrad, weights := fill(p.PackedLen()), fill(p.PackedGradLen()), fill(l.g.WeightLen())
		sums := Sums{DW: fill(l.g.WeightLen()), Workspace: fill(p.SumsLen())}
		ws := p.NewWorkspace()
		for _, pass := range []struct {
			name string
			run  func()
		}{
			{"pack", func() { p.Pack(ws, packed, weights) }},
			{"packgrad", func() { p.PackGrad(ws, packedGrad, weights) }},
			{"forward", func() { p.Forward(ws, y, x, packed, Epilogue{Slope: 1}, Share{0, n, 0, p.Panels()}) }},
			{"inputgrad", func() { p.InputGrad(ws, dx, dy, packedGrad, Share{0, n, 0, p.GradPanels()}) }},
			{"weightgrad", func() { p.WeightGrad(ws, sums, x, dy, n, 0, 1); p.FinishWeightGrad(ws, sums, 0, 1) }},
		} {
			b.Run("layer="+l.name+"/pass="+pass.name, func(b *testing.B) {
				for b.Loop() {
					pass.run()
				}
			})
		}
	}
}
