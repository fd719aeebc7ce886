package conv_test

import (
	"math"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/simd"
)

// winogradBound is what NewWinogradPlan promises, as a share of the largest value of float64
// results.
const winogradBound = 1e-4

// noise fills a tensor as testdata/winograd.py does.
func noise(stream uint32, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		h := uint32(i) + stream<<26
		h = (h ^ h>>16) * 0x7feb352d
		h = (h ^ h>>15) * 0x846ca68b
		h ^= h >> 16
		v[i] = float32(float64(h>>8)/(1<<23) - 1)
	}
	return v
}

// winogradCase is one entry of the file's "cases".
type winogradCase struct {
	Name    string
	N       int
	Steps   map[string]int
	Largest map[string]float64
}

// The layers of the reference networks that Winograd plans compute, at their own size, against
// PyTorch in float64.
func TestWinogradOracle(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	o, err := oracle.Open("testdata/winograd.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []winogradCase
	if err := o.Meta("cases", &cases); err != nil {
		t.Fatal(err)
	}
	geometries := map[string]conv.Geometry{
		"convT_256_128": conv.Same(7, 7, 256, 128, 5, 1, true),
		"convT_128_64":  conv.Same(7, 7, 128, 64, 5, 2, true),
		"conv_64_128":   conv.Same(14, 14, 64, 128, 5, 2, false),
	}
	if len(cases) != len(geometries) {
		t.Fatalf("%d cases, want %d", len(cases), len(geometries))
	}
	for _, c := range cases {
		g, ok := geometries[c.Name]
		if !ok {
			t.Fatalf("%s: no such layer", c.Name)
		}
		rows := simd.Variants()
		for i, k := range rows {
			if i == 0 && len(rows) > 1 {
				continue // the scalar row takes the order of the others
			}
			for name, got := range winogradResults(t, g, c, k) {
				checkSamples(t, c, name, k, o.Float32(c.Name+"."+name), got)
			}
		}
	}
}

// winogradResults are y, dx and dw of a case.
func winogradResults(t *testing.T, g conv.Geometry, c winogradCase, k *simd.Kernels) map[string][]float32 {
	t.Helper()
	h, w, err := g.Out()
	if err != nil {
		t.Fatal(err)
	}
	in, out := conv.NewLayout(g.InH, g.InW, g.InC, c.N), conv.NewLayout(h, w, g.OutC, c.N)
	x, weights, dy := make([]float32, in.Len()), noise(2, g.WeightLen()), make([]float32, out.Len())
	in.Import(x, noise(1, c.N*g.InH*g.InW*g.InC))
	out.Import(dy, noise(3, c.N*h*w*g.OutC))
	p, err := conv.NewWinogradPlan(g, in, out, k)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := conv.NewPlan(g, in, out, k); err != nil || d.PackedLen() == p.PackedLen() {
		t.Fatalf("%s: a direct plan (%v)", c.Name, err)
	}
	ws := p.NewWorkspace()
	packed, packedGrad := nans(p.PackedLen()), nans(p.PackedGradLen())
	p.Pack(ws, packed, weights)
	p.PackGrad(ws, packedGrad, weights)
	y, dx := nans(out.Len()), nans(in.Len())
	sums := conv.Sums{DW: nans(len(weights)), Workspace: nans(p.SumsLen())}
	p.Forward(ws, y, x, packed, conv.Epilogue{Slope: 1}, conv.Share{N1: c.N, P1: p.Panels()})
	p.InputGrad(ws, dx, dy, packedGrad, conv.Share{N1: c.N, P1: p.GradPanels()})
	p.WeightGrad(ws, sums, x, dy, c.N, 0, 1)
	p.FinishWeightGrad(ws, sums, 0, 1)
	return map[string][]float32{"y": exported(t, out, y), "dx": exported(t, in, dx), "dw": sums.DW}
}

// checkSamples compares what the file has of a tensor.
func checkSamples(t *testing.T, c winogradCase, name string, k *simd.Kernels, want, got []float32) {
	t.Helper()
	worst, step := 0.0, c.Steps[name]
	if (len(got)+step-1)/step != len(want) {
		t.Fatalf("%s.%s: %d samples of %d values", c.Name, name, len(want), len(got))
	}
	for j, v := range want {
		if e := math.Abs(float64(got[j*step]) - float64(v)); !(e <= worst) {
			worst = e
		}
	}
	worst /= c.Largest[name]
	if !(worst <= winogradBound) {
		t.Errorf("%s on %s: %s is off by %.2g of the largest value, want at most %g", c.Name, k.Name, name, worst, winogradBound)
	}
	t.Logf("%s on %s: %s off by %.2g", c.Name, k.Name, name, worst)
}
