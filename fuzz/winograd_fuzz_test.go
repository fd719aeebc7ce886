package fuzz

import (
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/simd"
)

// FuzzWinograd: plans by Winograd's algorithm, of all the geometries that have one, compute what
// direct loops do, forwards and backwards, whatever the batch, the strides and the parts.
func FuzzWinograd(f *testing.F) {
	for i, s := range [][7]uint8{{7, 7, 0, 0, 4, 0, 1}, {4, 9, 0, 1, 5, 0x11, 2}, {3, 6, 1, 0, 5, 0x35, 9}, {2, 2, 0, 0, 6, 0x2b, 4}, {8, 5, 1, 1, 4, 0x07, 8}, {1, 9, 0, 0, 5, 0x1d, 3}} {
		for stride := range uint8(3) {
			f.Add(uint64(i), s[6], s[0], s[1], s[2], s[3], s[4], stride, s[5])
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, inH, inW, inC, outC, kernel, stride, pads uint8) {
		g := winogradGeometry(inH, inW, inC, outC, kernel, stride, pads)
		h, w, err := g.Out()
		if err != nil {
			t.Skip()
		}
		images := atMost(n, 17)
		if macs, _ := g.MACs(); macs*int64(images) > 8<<20 {
			t.Skip()
		}
		rng := rand.New(rand.NewPCG(seed, 8))
		x, dy, weights := noise(rng, images*g.InH*g.InW*g.InC), noise(rng, images*h*w*g.OutC), noise(rng, g.WeightLen())
		y, dx, dw := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(weights))
		conv.DirectForward(g, y, x, weights, images)
		conv.DirectInputGrad(g, dx, dy, weights, images)
		conv.DirectWeightGrad(g, dw, x, dy, images)
		in, out := layouts(g, images, h, w, seed)
		for _, k := range simd.Variants() {
			p, err := conv.NewWinogradPlan(g, in, out, k)
			if err != nil {
				t.Fatal(err)
			}
			r := runPlan(p, images, x, dy, weights, 1+int(seed>>8%4))
			near(t, k.Name+" y", exported(t, out, r.y), y)
			near(t, k.Name+" dx", exported(t, in, r.dx), dx)
			near(t, k.Name+" dw", r.dw, dw)
		}
	})
}

// winogradGeometry has 32 or more channels on both sides and a kernel and strides that Winograd
// plans take.
func winogradGeometry(inH, inW, inC, outC, kernel, stride, pads uint8) conv.Geometry {
	channels := [4]int{32, 48, 33, 40}
	g := conv.Geometry{
		InH: atMost(inH, 9), InW: atMost(inW, 9), InC: channels[inC%4], OutC: channels[outC%4], KH: 5, KW: 5, StrideH: 1, StrideW: 1,
		DilationH: 1, DilationW: 1, Groups: 1,
		PadTop: int(pads) % 5, PadBottom: int(pads) / 5 % 5, PadLeft: int(pads) / 25 % 5, PadRight: int(pads) / 50 % 5,
	}
	if stride%3 > 0 {
		g.StrideH, g.StrideW, g.KH, g.KW = 2, 2, 4+int(kernel)%3, 4+int(kernel)/3%3
	}
	g.Transposed = stride%3 == 2
	return g
}

// near allows what Winograd's transforms cost.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	w := make([]float32, len(want))
	for i := range w {
		w[i] = float32(want[i])
	}
	if e := oracle.Error(got, w); !(e <= 1e-4) {
		t.Fatalf("%s: error %.2g of the largest value", what, e)
	}
}
