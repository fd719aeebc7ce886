package fuzz

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// FuzzGeometry: no geometry, however wild, makes Out panic, and one that is
// valid has sizes that fit 32 bits.
func FuzzGeometry(f *testing.F) {
	add := func(g conv.Geometry) {
		f.Add(g.InH, g.InW, g.InC, g.OutC, g.KH, g.KW, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Groups,
			g.PadTop, g.PadBottom, g.PadLeft, g.PadRight, g.OutPadH, g.OutPadW, g.DenseH, g.DenseW, g.Transposed)
	}
	add(conv.Same(14, 14, 64, 128, 5, 2, false))
	add(conv.Same(7, 7, 128, 64, 5, 2, true))
	add(conv.Dense(1, 1, 100, 7, 7, 256))
	add(conv.Geometry{})
	wild := conv.Same(1<<30, 1<<30, 1<<30, 1<<30, 5, 1<<30, true)
	add(wild)
	wild.InH, wild.InW, wild.PadTop, wild.DilationH = 3, math.MaxInt32, math.MinInt32, math.MaxInt32
	add(wild)
	f.Fuzz(func(t *testing.T, inH, inW, inC, outC, kh, kw, sh, sw, dh, dw, groups, top, bottom, left, right, oph, opw, denseH, denseW int, transposed bool) {
		g := conv.Geometry{
			InH: inH, InW: inW, InC: inC, OutC: outC, KH: kh, KW: kw, StrideH: sh, StrideW: sw,
			DilationH: dh, DilationW: dw, Groups: groups, PadTop: top, PadBottom: bottom, PadLeft: left, PadRight: right,
			OutPadH: oph, OutPadW: opw, DenseH: denseH, DenseW: denseW, Transposed: transposed,
		}
		h, w, err := g.Out()
		if err != nil {
			if !errors.Is(err, conv.ErrGeometry) {
				t.Fatalf("error %v does not wrap ErrGeometry", err)
			}
			return
		}
		exact, nominal := g.MACs()
		if h < 1 || w < 1 || exact < 0 || nominal < 0 {
			t.Fatalf("valid, but output %dx%d, %d and %d MACs", h, w, exact, nominal)
		}
		for _, v := range []int64{int64(h) * int64(w) * int64(outC), int64(inH) * int64(inW) * int64(inC), int64(g.WeightLen())} {
			if v < 1 || v > math.MaxInt32 {
				t.Fatalf("valid, but a tensor of %d elements", v)
			}
		}
	})
}

// FuzzPlan: whatever the geometry, batch, strides and parts, every kernel row
// computes what the direct loops do and writes nothing else.
func FuzzPlan(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(7), uint8(7), uint8(5), uint8(9), uint8(5), uint8(5), uint8(0), uint8(0), uint8(0), uint8(2), uint8(2), false, false)
	f.Add(uint64(2), uint8(1), uint8(5), uint8(6), uint8(20), uint8(1), uint8(5), uint8(4), uint8(0x11), uint8(0), uint8(0), uint8(1), uint8(2), true, false)
	f.Add(uint64(3), uint8(17), uint8(4), uint8(3), uint8(1), uint8(33), uint8(4), uint8(4), uint8(0x10), uint8(0), uint8(0), uint8(0), uint8(1), false, false)
	f.Add(uint64(4), uint8(2), uint8(6), uint8(6), uint8(3), uint8(2), uint8(3), uint8(3), uint8(0x21), uint8(0x12), uint8(2), uint8(3), uint8(0), true, false)
	f.Add(uint64(5), uint8(4), uint8(2), uint8(3), uint8(7), uint8(5), uint8(3), uint8(1), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), false, true)
	f.Fuzz(func(t *testing.T, seed uint64, n, inH, inW, inC, outC, kh, kw, strides, dilations, groups, before, after uint8, transposed, dense bool) {
		small := func(v uint8, limit int) int { return 1 + int(v)%limit }
		g := conv.Geometry{
			InH: small(inH, 9), InW: small(inW, 9), InC: small(inC, 40), OutC: small(outC, 40), KH: small(kh, 7), KW: small(kw, 7),
			StrideH: small(strides&15, 3), StrideW: small(strides>>4, 3), DilationH: small(dilations&15, 3), DilationW: small(dilations>>4, 3),
			Groups: small(groups, 4), PadTop: int(before) % 8, PadLeft: int(before) / 8 % 8, PadBottom: int(after) % 8, PadRight: int(after) / 8 % 8,
			Transposed: transposed,
		}
		g.InC, g.OutC = (g.InC+g.Groups-1)/g.Groups*g.Groups, (g.OutC+g.Groups-1)/g.Groups*g.Groups
		if transposed {
			g.OutPadH, g.OutPadW = int(after)>>6%g.StrideH, int(after)>>6%g.StrideW
		}
		if dense {
			g = conv.Dense(g.InH%3+1, g.InW%3+1, g.InC, g.KH%3+1, g.KW%3+1, g.OutC)
		}
		h, w, err := g.Out()
		images := small(n, 33)
		if macs, _ := g.MACs(); err != nil || macs*int64(images) > 4<<20 {
			t.Skip()
		}
		checkPlans(t, g, images, h, w, seed)
	})
}

func checkPlans(t *testing.T, g conv.Geometry, n, h, w int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = rng.Float32()*2 - 1
		}
		return v
	}
	x, dy, weights := random(n*g.InH*g.InW*g.InC), random(n*h*w*g.OutC), random(g.WeightLen())
	y, dx, dw := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(weights))
	conv.DirectForward(g, y, x, weights, n)
	conv.DirectInputGrad(g, dx, dy, weights, n)
	conv.DirectWeightGrad(g, dw, x, dy, n)

	in, out := conv.NewLayout(g.InH, g.InW, g.InC, n), conv.NewLayout(h, w, g.OutC, n)
	if seed%2 == 1 { // a window into a larger batch
		in.Stride += g.InC * int(seed%5)
		out.Stride += g.OutC * int(seed%7)
	}
	if seed%4 == 3 { // and into wider rows
		in.Row += int(seed % 3)
		out.Row += int(seed % 11)
		in.Stride, out.Stride = in.Stride+n*(in.Row-in.C), out.Stride+n*(out.Row-out.C)
	}
	parts := 1 + int(seed>>8%4)
	for _, k := range simd.Variants() {
		p, err := conv.NewPlan(g, in, out, k)
		if err != nil {
			t.Fatal(err)
		}
		ws := p.NewWorkspace()
		bx, bdy := filled(in.Len()), filled(out.Len())
		in.Import(bx, x)
		out.Import(bdy, dy)
		by, bdx := filled(out.Len()), filled(in.Len())
		sums := conv.Sums{DW: filled(len(weights)), Workspace: filled(p.SumsLen())}
		packed, packedGrad := filled(p.PackedLen()), filled(p.PackedGradLen())
		p.Pack(ws, packed, weights)
		p.PackGrad(ws, packedGrad, weights)
		for part := range parts {
			n0, n1 := pool.Split(n, parts, part)
			p.Forward(ws, by, bx, packed, conv.Epilogue{Slope: 1}, conv.Share{N0: n0, N1: n1, P1: p.Panels()})
			p0, p1 := pool.Split(p.GradPanels(), parts, part)
			p.InputGrad(ws, bdx, bdy, packedGrad, conv.Share{N1: n, P0: p0, P1: p1})
			p.WeightGrad(ws, sums, bx, bdy, n, part, parts)
		}
		for part := range parts {
			p.FinishWeightGrad(ws, sums, part, parts)
		}
		near(t, k.Name+" y", exported(t, out, by), y)
		near(t, k.Name+" dx", exported(t, in, bdx), dx)
		near(t, k.Name+" dw", sums.DW, dw)
	}
}

func filled(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	return v
}

func exported(t *testing.T, m conv.Layout, buf []float32) []float32 {
	t.Helper()
	v := make([]float32, m.Positions()*m.N*m.C)
	m.Export(v, buf)
	for i, b := range buf {
		if r := i % m.Stride; (r >= (m.N-1)*m.Row+m.C || r%m.Row >= m.C) && b == b {
			t.Fatalf("element %d, outside the layout, was written", i)
		}
	}
	return v
}

func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	w := make([]float32, len(want))
	for i := range w {
		w[i] = float32(want[i])
	}
	if e := oracle.Error(got, w); !(e <= 5e-6) {
		t.Fatalf("%s: error %.2g of the largest value", what, e)
	}
}
