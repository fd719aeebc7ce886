package fuzz

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/conv"
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
		g := smallGeometry(inH, inW, inC, outC, kh, kw, strides, dilations, groups, before, after, transposed, dense)
		h, w, err := g.Out()
		images := atMost(n, 33)
		if macs, _ := g.MACs(); err != nil || macs*int64(images) > 4<<20 {
			t.Skip()
		}
		checkPlans(t, g, images, h, w, seed)
	})
}

func atMost(v uint8, limit int) int { return 1 + int(v)%limit }

// smallGeometry keeps the sizes within bounds that suit a test; not every geometry is valid.
func smallGeometry(inH, inW, inC, outC, kh, kw, strides, dilations, groups, before, after uint8, transposed, dense bool) conv.Geometry {
	g := conv.Geometry{
		InH: atMost(inH, 9), InW: atMost(inW, 9), InC: atMost(inC, 40), OutC: atMost(outC, 40), KH: atMost(kh, 7), KW: atMost(kw, 7),
		StrideH: atMost(strides&15, 3), StrideW: atMost(strides>>4, 3), DilationH: atMost(dilations&15, 3), DilationW: atMost(dilations>>4, 3),
		Groups: atMost(groups, 4), PadTop: int(before) % 8, PadLeft: int(before) / 8 % 8, PadBottom: int(after) % 8, PadRight: int(after) / 8 % 8,
		Transposed: transposed,
	}
	g.InC, g.OutC = (g.InC+g.Groups-1)/g.Groups*g.Groups, (g.OutC+g.Groups-1)/g.Groups*g.Groups
	if transposed {
		g.OutPadH, g.OutPadW = int(after)>>6%g.StrideH, int(after)>>6%g.StrideW
	}
	if dense {
		g = conv.Dense(g.InH%3+1, g.InW%3+1, g.InC, g.KH%3+1, g.KW%3+1, g.OutC)
	}
	return g
}

// layouts are those of n images, of every second seed as windows into larger batches and wider
// rows.
func layouts(g conv.Geometry, n, h, w int, seed uint64) (in, out conv.Layout) {
	in, out = conv.NewLayout(g.InH, g.InW, g.InC, n), conv.NewLayout(h, w, g.OutC, n)
	if seed%2 == 1 { // a window into a larger batch
		in.Stride += g.InC * int(seed%5)
		out.Stride += g.OutC * int(seed%7)
	}
	if seed%4 == 3 { // and into wider rows
		in.Row += int(seed % 3)
		out.Row += int(seed % 11)
		in.Stride, out.Stride = in.Stride+n*(in.Row-in.C), out.Stride+n*(out.Row-out.C)
	}
	return in, out
}

// sums are what a layer adds up: the results, and the same of the terms' sizes, by which rounding
// goes.
type sums struct{ want, size []float64 }

// directSums calls direct, which fills n sums of products of a and b, for both.
func directSums(n int, a, b []float32, direct func(to []float64, a, b []float32)) sums {
	s := sums{make([]float64, n), make([]float64, n)}
	direct(s.want, a, b)
	direct(s.size, sizes(a), sizes(b))
	return s
}

func sizes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = max(v, -v)
	}
	return y
}

func checkPlans(t *testing.T, g conv.Geometry, n, h, w int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	x, dy, weights := noise(rng, n*g.InH*g.InW*g.InC), noise(rng, n*h*w*g.OutC), noise(rng, g.WeightLen())
	y := directSums(len(dy), x, weights, func(to []float64, a, b []float32) { conv.DirectForward(g, to, a, b, n) })
	dx := directSums(len(x), dy, weights, func(to []float64, a, b []float32) { conv.DirectInputGrad(g, to, a, b, n) })
	dw := directSums(len(weights), x, dy, func(to []float64, a, b []float32) { conv.DirectWeightGrad(g, to, a, b, n) })

	in, out := layouts(g, n, h, w, seed)
	parts := 1 + int(seed>>8%4)
	for _, k := range simd.Variants() {
		p, err := conv.NewPlan(g, in, out, k)
		if err != nil {
			t.Fatal(err)
		}
		r := runPlan(p, n, x, dy, weights, parts)
		y.check(t, k.Name+" y", exported(t, out, r.y))
		dx.check(t, k.Name+" dx", exported(t, in, r.dx))
		dw.check(t, k.Name+" dw", r.dw)
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

// check allows each result what rounding its terms and their sum may come to.
func (s sums) check(t *testing.T, what string, got []float32) {
	t.Helper()
	for i, want := range s.want {
		if d := math.Abs(float64(got[i]) - want); !(d <= 1e-6*s.size[i]) {
			t.Fatalf("%s: element %d of %d is %g, want %g; terms of size %g", what, i, len(got), got[i], want, s.size[i])
		}
	}
}

// planned are the results of a plan's three passes, in its layouts.
type planned struct{ y, dx, dw []float32 }

// runPlan computes them, the work cut into parts.
func runPlan(p *conv.Plan, n int, x, dy, weights []float32, parts int) planned {
	ws := p.NewWorkspace()
	in, out := p.In(), p.Out()
	bx, bdy := filled(in.Len()), filled(out.Len())
	in.Import(bx, x)
	out.Import(bdy, dy)
	r := planned{filled(out.Len()), filled(in.Len()), filled(len(weights))}
	sums := conv.Sums{DW: r.dw, Workspace: filled(p.SumsLen())}
	packed, packedGrad := filled(p.PackedLen()), filled(p.PackedGradLen())
	p.Pack(ws, packed, weights)
	p.PackGrad(ws, packedGrad, weights)
	for part := range parts {
		n0, n1 := pool.Split(n, parts, part)
		p.Forward(ws, r.y, bx, packed, conv.Epilogue{Slope: 1}, conv.Share{N0: n0, N1: n1, P1: p.Panels()})
		p0, p1 := pool.Split(p.GradPanels(), parts, part)
		p.InputGrad(ws, r.dx, bdy, packedGrad, conv.Share{N1: n, P0: p0, P1: p1})
		p.WeightGrad(ws, sums, bx, bdy, n, part, parts)
	}
	for part := range parts {
		p.FinishWeightGrad(ws, sums, part, parts)
	}
	return r
}
