package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// blankQRun is a quantized layer on arbitrary numbers, without the direct loops' results.
func blankQRun(b testing.TB, g Geometry, n int, k *simd.Kernels, sums bool) *qrun {
	h, w, err := g.Out()
	if err != nil {
		b.Fatal(err)
	}
	per := g.OutC
	if g.IsDense() {
		per *= h * w
	}
	pr := &qproblem{g: g, n: n, out: NewLayout(h, w, g.OutC, 1), table: make([]uint8, 4096), pixels: make([]uint8, n*h*w*g.OutC)}
	pr.layer = QLayer{Weights: make([]int8, g.WeightLen()), Scale: make([]float32, per), Slope: 0.3, InZero: -40, OutZero: -40}
	rnd := rand.New(rand.NewPCG(1, 0))
	for i := range pr.layer.Weights { // bell-shaped, as trained ones are
		pr.layer.Weights[i] = int8(max(-127, min(127, 29*rnd.NormFloat64())))
	}
	for i := range pr.layer.Scale {
		pr.layer.Scale[i] = 1e-4
	}
	pr.x = make([]int8, n*g.InH*g.InW*g.InC)
	for i := range pr.x {
		pr.x[i] = int8(31 * i)
	}
	return plainQRun(b, pr, k, sums)
}

// BenchmarkQForward runs the generator's layers in int8 at every batch on every
// kernel row; compare with BenchmarkForward.
func BenchmarkQForward(b *testing.B) {
	for i, l := range layers[:4] {
		for _, batch := range []int{1, 16} {
			for _, k := range simd.Variants() {
				b.Run(fmt.Sprintf("layer=%s/batch=%d/kernel=%s", l.name, batch, k.Name), func(b *testing.B) {
					r := blankQRun(b, l.g, batch, k, i == 3)
					y, all := make([]int8, r.p.Out().Len()), Share{0, batch, 0, r.p.Panels()}
					for b.Loop() {
						if i == 3 {
							r.p.Pixels(r.ws, r.pixels, r.x, r.w, r.table, all)
						} else {
							r.p.Forward(r.ws, y, r.x, r.w, all)
						}
					}
					macs, _ := l.g.MACs()
					b.ReportMetric(2*float64(macs)*float64(batch)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GOP/s")
				})
			}
		}
	}
}

// BenchmarkQGenerate is the reference generator's four layers in int8, one after
// the other as a session runs them, to pixels.
func BenchmarkQGenerate(b *testing.B) {
	for _, batch := range []int{1, 16} {
		for _, k := range simd.Variants() {
			b.Run(fmt.Sprintf("batch=%d/kernel=%s", batch, k.Name), func(b *testing.B) {
				var net []*qrun
				for i, l := range layers[:4] {
					net = append(net, blankQRun(b, l.g, batch, k, i == 3))
				}
				for b.Loop() {
					for i, r := range net {
						all := Share{0, batch, 0, r.p.Panels()}
						if i == 3 {
							r.p.Pixels(r.ws, r.pixels, r.x, r.w, r.table, all)
						} else {
							r.p.Forward(r.ws, net[i+1].x, r.x, r.w, all)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch)/1e6, "ms/image")
			})
		}
	}
}

// BenchmarkQPack is what loading a quantized model costs.
func BenchmarkQPack(b *testing.B) {
	for i, l := range layers[:4] {
		b.Run("layer="+l.name, func(b *testing.B) {
			r := blankQRun(b, l.g, 1, simd.Best(), i == 3)
			for b.Loop() {
				if _, err := r.p.Pack(r.layer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
