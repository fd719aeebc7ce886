package conv

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/simd"
)

func TestPlansAgainstDirect(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			// Images below, at and above what the forms of a pass change at.
			for _, n := range []int{1, 3, 2*k.MR + 1} {
				if testing.Short() && n > 3 {
					continue
				}
				s := plainPasses(t, newProblem(f.g, n, uint64(i)), k)
				what := fmt.Sprintf("%s, %d images: ", f.name, n)
				checkClose(t, what+"y", s.forward(Epilogue{Slope: 1}, 1, 1), s.problem.y)
				checkClose(t, what+"dx", s.inputGrad(1, 1), s.problem.dx)
				checkClose(t, what+"dw", s.weightGrad(n, 1), s.problem.dw)
			}
		}
	})
}

// A call writes its share and nothing else, and the bits do not depend on the cut.
func TestSharesAgreeToTheBit(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		n := k.MR + 2
		if testing.Short() {
			n = 4
		}
		for i, f := range families() {
			pr := newProblem(f.g, n, uint64(i))
			s := plainPasses(t, pr, k)
			e := Epilogue{Bias: make([]float32, len(pr.y)/n), Slope: 0.3}
			if !f.g.IsDense() {
				e.Bias = e.Bias[:f.g.OutC]
			}
			for j := range e.Bias {
				e.Bias[j] = float32(j%7) - 3
			}
			y, dx, dw := s.forward(e, 1, 1), s.inputGrad(1, 1), s.weightGrad(n, 1)
			for _, cut := range [][2]int{{2, 1}, {3, 2}, {n, 1}, {1, 4}, {2, 100}} {
				if got := s.forward(e, cut[0], cut[1]); !sameBits(got, y) {
					t.Errorf("%s: y in %d x %d shares has other bits", f.name, cut[0], cut[1])
				}
				if got := s.inputGrad(cut[0], cut[1]); !sameBits(got, dx) {
					t.Errorf("%s: dx in %d x %d shares has other bits", f.name, cut[0], cut[1])
				}
			}
			for _, shares := range []int{2, 3, 4, 50} {
				if got := s.weightGrad(n, shares); !sameBits(got, dw) {
					t.Errorf("%s: dw in %d shares has other bits", f.name, shares)
				}
			}
			// An image alone gives the bits that it has in the batch.
			one := &problem{g: f.g, n: 1, outH: pr.outH, outW: pr.outW, w: pr.w}
			ex, ey := len(pr.x)/n, len(pr.y)/n
			for img := range n {
				one.x, one.dy = pr.x[img*ex:][:ex], pr.dy[img*ey:][:ey]
				one.y, one.dx = one.dy, one.x
				s1 := plainPasses(t, one, k)
				if !sameBits(s1.forward(e, 1, 1), y[img*ey:][:ey]) {
					t.Errorf("%s: image %d alone gives other bits", f.name, img)
				}
				if !sameBits(s1.inputGrad(1, 1), dx[img*ex:][:ex]) {
					t.Errorf("%s: input gradient of image %d alone has other bits", f.name, img)
				}
			}
		}
	})
}

// Rows with fused products differ in tiles and panels, never in bits.
func TestFusedRowsAgreeToTheBit(t *testing.T) {
	var fused []*simd.Kernels
	for _, k := range simd.Variants() {
		if k.FMA {
			fused = append(fused, k)
		}
	}
	if len(fused) < 2 {
		t.Skip("fewer than two rows with fused products here")
	}
	for i, f := range families() {
		pr := newProblem(f.g, 5, uint64(i))
		var y, dx, dw []float32
		for j, k := range fused {
			s := plainPasses(t, pr, k)
			y1, dx1, dw1 := s.forward(Epilogue{Slope: 0.3}, 1, 1), s.inputGrad(1, 1), s.weightGrad(5, 1)
			if j == 0 {
				y, dx, dw = y1, dx1, dw1
			} else if !sameBits(y, y1) || !sameBits(dx, dx1) || !sameBits(dw, dw1) {
				t.Errorf("%s: %s and %s differ", f.name, fused[0].Name, k.Name)
			}
		}
	}
}

func TestEpilogue(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{1, k.MR} {
				pr := newProblem(f.g, n, uint64(i))
				s := plainPasses(t, pr, k)
				bias := make([]float32, f.g.OutC)
				if f.g.IsDense() {
					bias = make([]float32, len(pr.y)/n)
				}
				for j := range bias {
					bias[j] = float32(j%5)/4 - 0.5
				}
				want := slices.Clone(pr.y)
				for j := range want {
					want[j] += bias[j%len(bias)]
					if want[j] < 0 {
						want[j] *= 0.25
					}
				}
				checkClose(t, fmt.Sprintf("%s, %d images", f.name, n), s.forward(Epilogue{Bias: bias, Slope: 0.25}, 1, 1), want)
			}
		}
	})
}

// A Layout can be a window into a larger one: results have the same bits, and nothing outside the
// window is read or written.
func TestWindows(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{1, 3, thinImages + 1} {
				if testing.Short() && n != 3 {
					continue
				}
				pr := newProblem(f.g, n, uint64(i))
				plain := plainPasses(t, pr, k)
				for j, m := range pr.windows() {
					checkWindow(t, fmt.Sprintf("%s, %d images, window %d", f.name, n, j), newPasses(t, pr, m[0], m[1], k), plain)
				}
			}
		}
	})
}

// checkWindow compares a plan between windows with the plan between plain layouts.
func checkWindow(t *testing.T, what string, s, plain *passes) {
	t.Helper()
	e := Epilogue{Bias: make([]float32, len(s.problem.y)/s.n), Slope: 0.3}
	if !s.g.IsDense() {
		e.Bias = e.Bias[:s.g.OutC]
	}
	for i := range e.Bias {
		e.Bias[i] = float32(i%7) - 3
	}
	if !sameBits(s.forward(e, 2, 1), plain.forward(e, 1, 1)) {
		t.Errorf("%s: y has other bits", what)
	}
	if !sameBits(s.inputGrad(1, 2), plain.inputGrad(1, 1)) {
		t.Errorf("%s: dx has other bits", what)
	}
	if !sameBits(s.weightGrad(s.n, 2), plain.weightGrad(s.n, 1)) {
		t.Errorf("%s: dw has other bits", what)
	}
}

// WeightGrad over the first n images only.
func TestWeightGradPrefix(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			pr := newProblem(f.g, 5, uint64(i))
			s := plainPasses(t, pr, k)
			for _, n := range []int{0, 2} {
				dw := make([]float64, len(pr.w))
				DirectWeightGrad(f.g, dw, pr.x, pr.dy, n)
				checkClose(t, fmt.Sprintf("%s, %d of 5 images", f.name, n), s.weightGrad(n, 2), narrow(dw))
			}
		}
	})
}

// Several blocks of images, whose last one is shorter.
func TestWeightGradBlocks(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for _, g := range []Geometry{
			Same(3, 3, 5, 9, 3, 1, true), Same(2, 2, 9, 5, 3, 2, true), Same(4, 4, 5, 6, 3, 2, false),
			Same(4, 4, 6, 6, 3, 2, false), Same(4, 4, 1, 9, 3, 2, false), Same(3, 3, 9, 2, 4, 2, true), Dense(1, 1, 4, 2, 1, 3),
		} {
			n := 2*maxBlock + 5
			if g.IsDense() {
				n = maxBlockDense + 3
			}
			pr := newProblem(g, n, 1)
			s := plainPasses(t, pr, k)
			checkClose(t, fmt.Sprintf("%+v", g), s.weightGrad(n, 1), pr.dw)
			if !sameBits(s.weightGrad(n, 3), s.weightGrad(n, 1)) {
				t.Errorf("%+v: shares differ", g)
			}
		}
	})
}

// A batch in pieces, cut where a block of images ends, gives the bits of the whole one.
func TestWeightGradPieces(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for _, g := range []Geometry{Same(3, 3, 5, 9, 3, 1, true), Same(4, 4, 5, 6, 3, 2, false), Same(4, 4, 6, 6, 3, 2, false)} {
			n := maxBlock + 7
			s := plainPasses(t, newProblem(g, n, 1), k)
			want, sums := s.weightGrad(n, 1), s.sums()
			for share := range 2 {
				s.p.WeightGrad(s.ws, sums, s.x, s.dy, maxBlock, share, 2)
			}
			sums.Add = true
			x, dy := append(s.x, nans(maxBlock*g.InC)...), append(s.dy, nans(maxBlock*g.OutC)...) // as long as a layout of n images from there on
			for share := range 3 {
				s.p.WeightGrad(s.ws, sums, x[maxBlock*g.InC:], dy[maxBlock*g.OutC:], n-maxBlock, share, 3)
			}
			s.p.FinishWeightGrad(s.ws, sums, 0, 1)
			if !sameBits(sums.DW, want) {
				t.Errorf("%+v: two pieces give other bits than the whole", g)
			}
		}
	})
}

// Contractions so long that a tile takes several kernel calls, on small whole
// numbers: their sums are exact.
func TestLongContractions(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for _, g := range []Geometry{
			Dense(1, 1, 300_000, 1, 1, 3), // one deep tap
			Dense(40, 40, 150, 1, 1, 3),   // many taps
		} {
			pr := newProblem(g, k.MR, 1)
			for i := range pr.x {
				pr.x[i] = float32(i%3 - 1)
			}
			for i := range pr.w {
				pr.w[i] = float32(i%5 - 2)
			}
			y := make([]float64, len(pr.y))
			DirectForward(g, y, pr.x, pr.w, pr.n)
			if !sameBits(plainPasses(t, pr, k).forward(Epilogue{Slope: 1}, 1, 1), narrow(y)) {
				t.Errorf("%d inputs: not the exact sum", g.InH*g.InW*g.InC)
			}
		}
	})
}

func TestPassesAllocateNothing(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			s := plainPasses(t, newProblem(f.g, 3, uint64(i)), k)
			y, dx, sums := nans(s.p.Out().Len()), nans(s.p.In().Len()), s.sums()
			if a := alloctest.PerRun(func() {
				s.p.Pack(s.ws, s.packed, s.w)
				s.p.PackGrad(s.ws, s.packedGrad, s.w)
				s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 0.3}, Share{0, 3, 0, s.p.Panels()})
				s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 0.3}, Share{0, 1, 0, s.p.Panels()})
				s.p.InputGrad(s.ws, dx, s.dy, s.packedGrad, Share{0, 3, 0, s.p.GradPanels()})
				s.p.WeightGrad(s.ws, sums, s.x, s.dy, 3, 0, 1)
				s.p.FinishWeightGrad(s.ws, sums, 0, 1)
			}); a != 0 {
				t.Errorf("%s: %d allocations", f.name, a)
			}
		}
	})
}

// One Workspace serves several plans of different sizes.
func TestWorkspaceIsShared(t *testing.T) {
	k := simd.Best()
	var all []*passes
	var plans []*Plan
	for i, f := range families() {
		s := plainPasses(t, newProblem(f.g, 2, uint64(i)), k)
		all, plans = append(all, s), append(plans, s.p)
	}
	ws, forward := NewWorkspace(plans...), NewForwardWorkspace(plans...)
	if n := int64(ForwardBytes(plans...)); n != forward.Bytes() || n > ws.Bytes() {
		t.Errorf("scratch of %d bytes, for the forward passes alone of %d where %d were announced", ws.Bytes(), forward.Bytes(), n)
	}
	for i, s := range all {
		name := families()[i].name
		s.ws = forward
		checkClose(t, name+": y by forward scratch", s.forward(Epilogue{Slope: 1}, 1, 1), s.problem.y)
		s.ws = ws
		checkClose(t, name+": y", s.forward(Epilogue{Slope: 1}, 1, 1), s.problem.y)
		checkClose(t, name+": dx", s.inputGrad(1, 1), s.problem.dx)
		checkClose(t, name+": dw", s.weightGrad(2, 1), s.problem.dw)
	}
}

// Packed weights depend on geometry and kernels only, so that sessions of
// different batches can share them.
func TestPackedWeightsAreShared(t *testing.T) {
	k := simd.Best()
	for i, f := range families() {
		a, b := plainPasses(t, newProblem(f.g, 1, uint64(i)), k), plainPasses(t, newProblem(f.g, 9, uint64(i)), k)
		copy(b.w, a.w)
		b.p.Pack(b.ws, b.packed, a.w)
		b.p.PackGrad(b.ws, b.packedGrad, a.w)
		if !sameBits(a.packed, b.packed) || !sameBits(a.packedGrad, b.packedGrad) {
			t.Errorf("%s: packed weights differ between batches", f.name)
		}
	}
}

func TestBadLayouts(t *testing.T) {
	g := Same(4, 4, 3, 5, 3, 1, false)
	in, out := NewLayout(4, 4, 3, 2), NewLayout(4, 4, 5, 2)
	edit := func(m Layout, f func(*Layout)) Layout { f(&m); return m }
	for name, m := range map[string][2]Layout{
		"height":       {edit(in, func(m *Layout) { m.H = 5 }), out},
		"channels":     {in, edit(out, func(m *Layout) { m.C = 4 })},
		"batch":        {in, edit(out, func(m *Layout) { m.N = 3; m.Stride = 15 })},
		"no images":    {edit(in, func(m *Layout) { m.N = 0 }), edit(out, func(m *Layout) { m.N = 0 })},
		"no row":       {edit(in, func(m *Layout) { m.Row = 0 }), out},
		"short row":    {in, edit(out, func(m *Layout) { m.Row = 4 })},
		"long row":     {edit(in, func(m *Layout) { m.Row = 4 }), out},
		"short stride": {edit(in, func(m *Layout) { m.Stride = 5 }), out},
		"long stride":  {edit(in, func(m *Layout) { m.Stride = math.MaxInt }), out},
	} {
		if _, err := NewPlan(g, m[0], m[1], simd.Best()); !errors.Is(err, ErrLayout) {
			t.Errorf("%s: error %v, want ErrLayout", name, err)
		}
	}
	if _, err := NewPlan(Geometry{}, in, out, simd.Best()); !errors.Is(err, ErrGeometry) {
		t.Errorf("no geometry: error %v, want ErrGeometry", err)
	}
}

func TestMisuse(t *testing.T) {
	s := plainPasses(t, newProblem(Same(4, 4, 3, 5, 3, 1, false), 2, 1), simd.Best())
	y, all := nans(s.p.Out().Len()), Share{0, 2, 0, s.p.Panels()}
	winograd := plainWinogradPasses(t, newProblem(Same(4, 4, 32, 32, 5, 1, false), 1, 1), simd.Best())
	for name, f := range map[string]func(){
		"images beyond the batch": func() { s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 1}, Share{0, 3, 0, 1}) },
		"units beyond Panels":     func() { s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 1}, Share{0, 2, 0, 1 + s.p.Panels()}) },
		"short output":            func() { s.p.Forward(s.ws, y[1:], s.x, s.packed, Epilogue{Slope: 1}, all) },
		"short input":             func() { s.p.Forward(s.ws, y, s.x[1:], s.packed, Epilogue{Slope: 1}, all) },
		"short weights":           func() { s.p.Forward(s.ws, y, s.x, s.packed[1:], Epilogue{Slope: 1}, all) },
		"long bias":               func() { s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Bias: make([]float32, 6), Slope: 1}, all) },
		"short packing":           func() { s.p.Pack(s.ws, s.packed[1:], s.w) },
		"packing without scratch": func() { winograd.p.Pack(s.ws, winograd.packed, winograd.w) },
		"more images":             func() { s.p.WeightGrad(s.ws, Sums{DW: s.w}, s.x, s.dy, 3, 0, 1) },
		"share of none":           func() { s.p.WeightGrad(s.ws, Sums{DW: s.w}, s.x, s.dy, 2, 1, 1) },
		"short gradient":          func() { s.p.WeightGrad(s.ws, Sums{DW: s.w[1:]}, s.x, s.dy, 2, 0, 1) },
		"short workspace":         func() { winograd.p.WeightGrad(winograd.ws, Sums{DW: winograd.w}, winograd.x, winograd.dy, 1, 0, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// Many images of one channel go by rows of images, a few by tiles of sums: the same bits.
func TestThinOutputOfManyImages(t *testing.T) {
	const n = thinMost + thinImages + 3
	for i, g := range []Geometry{Same(3, 4, 5, 1, 5, 1, false), Same(3, 2, 9, 1, 5, 2, true)} {
		pr := newProblem(g, n, uint64(i))
		want := slices.Clone(pr.y)
		for j := range want {
			if want[j] += 0.25; want[j] < 0 {
				want[j] *= 0.3
			}
		}
		forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
			s := plainPasses(t, pr, k)
			if _, ok := s.p.forward.(*thinPass); !ok {
				t.Fatalf("geometry %d: not by a thin output", i)
			}
			e := Epilogue{Bias: []float32{0.25}, Slope: 0.3}
			y := s.forward(e, 1, 1)
			checkClose(t, fmt.Sprint("geometry ", i), y, want)
			for _, cut := range [][2]int{{n, 1}, {n / 5, 1}, {2, 3}, {1, 2}} {
				if !sameBits(s.forward(e, cut[0], cut[1]), y) {
					t.Errorf("geometry %d: %d x %d shares have other bits", i, cut[0], cut[1])
				}
			}
		})
	}
}
