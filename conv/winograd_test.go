package conv

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/simd"
)

// winogradFamilies are geometries that Winograd plans apply to.
func winogradFamilies() []family {
	return []family{
		{"same", Same(7, 7, 33, 36, 5, 1, false)},
		{"valid", Valid(8, 9, 32, 40, 5, 1, false)},
		{"wide_pads", with(Valid(3, 5, 35, 32, 5, 1, false), func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = 4, 6, 9, 0 })},
		{"one_block", Same(4, 4, 32, 64, 5, 1, false)},
		{"one_pixel", Same(1, 1, 32, 33, 5, 1, false)},
		{"up_same", Same(7, 7, 36, 33, 5, 1, true)},
		{"up_valid", Valid(3, 2, 32, 35, 5, 1, true)},
		{"strided_transposed", Same(7, 7, 36, 33, 5, 2, true)},
		{"strided_transposed_three_tiles", Same(9, 5, 32, 35, 5, 2, true)},
		{"strided_transposed_by_four", with(Valid(4, 7, 33, 32, 4, 2, true), func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = 1, 1, 1, 1 })},
		{"strided_transposed_cropped", with(Valid(5, 6, 32, 64, 5, 2, true), func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = 3, 1, 0, 5 })},
		{"strided_transposed_six_by_four", with(Valid(4, 3, 40, 32, 4, 2, true), func(g *Geometry) { g.KH = 6 })},
		{"shrink", Same(14, 14, 33, 36, 5, 2, false)},
		{"shrink_valid", Valid(11, 14, 32, 40, 5, 2, false)},
		{"shrink_by_four", with(Valid(10, 8, 32, 33, 4, 2, false), func(g *Geometry) { g.PadTop, g.PadLeft, g.PadRight = 1, 3, 2 })},
		{"up_cropped", with(Valid(6, 7, 64, 32, 5, 1, true), func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = 6, 1, 0, 4 })},
	}
}

func winogradPasses(t testing.TB, pr *problem, in, out Layout, k *simd.Kernels) *passes {
	t.Helper()
	p, err := NewWinogradPlan(pr.g, in, out, k)
	if err != nil {
		t.Fatal(err)
	}
	return bindPasses(p, pr)
}

func plainWinogradPasses(t testing.TB, pr *problem, k *simd.Kernels) *passes {
	return winogradPasses(t, pr, NewLayout(pr.g.InH, pr.g.InW, pr.g.InC, pr.n), NewLayout(pr.outH, pr.outW, pr.g.OutC, pr.n), k)
}

// checkWinograd allows what the transforms cost: the promise is 1e-4.
func checkWinograd(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if e := oracle.Error(got, want); !(e <= 5e-5) {
		t.Errorf("%s: error %.2g of the largest value, want at most 5e-5", what, e)
	}
}

func TestWinogradAgainstDirect(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range winogradFamilies() {
			for _, n := range []int{1, 3} {
				if n > 1 && testing.Short() {
					continue
				}
				pr := newProblem(f.g, n, uint64(i))
				s := plainWinogradPasses(t, pr, k)
				if !isWinogradPlan(s.p) {
					t.Fatalf("%s: not by Winograd", f.name)
				}
				what := fmt.Sprintf("%s, %d images: ", f.name, n)
				checkWinograd(t, what+"y", s.forward(Epilogue{Slope: 1}, 1, 1), pr.y)
				checkWinograd(t, what+"dx", s.inputGrad(1, 1), pr.dx)
				checkWinograd(t, what+"dw", s.weightGrad(n, 1), pr.dw)
				checkWinograd(t, what+"dw of no image", s.weightGrad(0, 1), make([]float32, len(pr.dw)))
			}
		}
	})
}

// Whole chunks and a rest, windows, the epilogue; the same bits for every cut
// and for an image alone.
func TestWinogradSharesAgreeToTheBit(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range winogradFamilies() {
			if testing.Short() && i%3 != 0 {
				continue
			}
			const n = 5
			pr := newProblem(f.g, n, uint64(i))
			in, out := NewLayout(f.g.InH, f.g.InW, f.g.InC, n), NewLayout(pr.outH, pr.outW, f.g.OutC, n)
			in.Stride += f.g.InC
			out.Stride += 2 * f.g.OutC
			s := winogradPasses(t, pr, in, out, k)
			chunks(s.p, 2)
			e := Epilogue{Bias: make([]float32, f.g.OutC), Slope: 0.3}
			want := slices.Clone(pr.y)
			for j := range want {
				e.Bias[j%f.g.OutC] = float32(j%f.g.OutC%7) - 3
				if want[j] += e.Bias[j%f.g.OutC]; want[j] < 0 {
					want[j] *= 0.3
				}
			}
			y, dx, dw := s.forward(e, 1, 1), s.inputGrad(1, 1), s.weightGrad(n, 1)
			checkWinograd(t, f.name+": y", y, want)
			checkWinograd(t, f.name+": dx", dx, pr.dx)
			checkWinograd(t, f.name+": dw", dw, pr.dw)
			for _, cut := range [][2]int{{2, 1}, {n, 1}, {1, 2}, {2, 50}} {
				if !sameBits(s.forward(e, cut[0], cut[1]), y) || !sameBits(s.inputGrad(cut[0], cut[1]), dx) {
					t.Errorf("%s: %d x %d shares have other bits", f.name, cut[0], cut[1])
				}
			}
			for _, shares := range []int{2, 3, 200} {
				if !sameBits(s.weightGrad(n, shares), dw) {
					t.Errorf("%s: dw in %d shares has other bits", f.name, shares)
				}
			}
			checkWinograd(t, f.name+": dw in pieces", s.weightGradInPieces(n), pr.dw)
			one := &problem{g: f.g, n: 1, outH: pr.outH, outW: pr.outW, w: pr.w, x: pr.x[:len(pr.x)/n], dy: pr.dy[:len(pr.dy)/n]}
			one.y, one.dx = one.dy, one.x
			s = plainWinogradPasses(t, one, k)
			if !sameBits(s.forward(e, 1, 1), y[:len(one.y)]) || !sameBits(s.inputGrad(1, 1), dx[:len(one.x)]) {
				t.Errorf("%s: an image alone has other bits", f.name)
			}
		}
	})
}

// Windows into wider rows give the bits of plain layouts.
func TestWinogradWindows(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range winogradFamilies() {
			if testing.Short() && i%3 != 0 {
				continue
			}
			pr := newProblem(f.g, 3, uint64(i))
			plain := plainWinogradPasses(t, pr, k)
			windows := pr.windows()
			if testing.Short() {
				windows = windows[3:]
			}
			for j, m := range windows {
				checkWindow(t, fmt.Sprintf("%s, window %d", f.name, j), winogradPasses(t, pr, m[0], m[1], k), plain)
			}
		}
	})
}

// isWinogradPlan tells how a plan was lowered.
func isWinogradPlan(p *Plan) bool {
	switch p.weight.(type) {
	case *winogradGrad, *stridedGrad:
		return true
	}
	return false
}

// chunks has the passes transform n images at a time.
func chunks(p *Plan, n int) {
	for _, f := range []lowering{p.forward, p.grad} {
		switch f := f.(type) {
		case *winogradPass:
			f.chunk = n
		case *stridedPass:
			f.chunk = n
		}
	}
	switch d := p.weight.(type) {
	case *winogradGrad:
		d.chunk = n
	case *stridedGrad:
		d.chunk = n
	}
}

// The promised bound at the reference networks' own sizes.
func TestWinogradErrorAtFullSize(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	for _, l := range layers {
		pr := newProblem(l.g, 1, 1)
		s := plainWinogradPasses(t, pr, simd.Best())
		if !isWinogradPlan(s.p) {
			continue
		}
		checkWinograd(t, l.name+": y", s.forward(Epilogue{Slope: 1}, 1, 1), pr.y)
		checkWinograd(t, l.name+": dx", s.inputGrad(1, 1), pr.dx)
		checkWinograd(t, l.name+": dw", s.weightGrad(1, 1), pr.dw)
	}
}

// Elsewhere a Winograd plan is the direct one.
func TestWinogradPlanFallsBack(t *testing.T) {
	k := simd.Best()
	for i, f := range families() {
		pr := newProblem(f.g, 2, uint64(i))
		a, b := plainPasses(t, pr, k), plainWinogradPasses(t, pr, k)
		if !sameBits(a.forward(Epilogue{Slope: 1}, 1, 1), b.forward(Epilogue{Slope: 1}, 1, 1)) || !sameBits(a.weightGrad(2, 1), b.weightGrad(2, 1)) {
			t.Errorf("%s: differs from the direct plan", f.name)
		}
	}
}

func TestWinogradAllocatesNothing(t *testing.T) {
	for _, g := range []Geometry{Same(4, 4, 32, 32, 5, 1, true), Same(4, 4, 32, 32, 5, 2, true), Same(6, 6, 32, 32, 5, 2, false)} {
		winogradAllocatesNothing(t, plainWinogradPasses(t, newProblem(g, 2, 1), simd.Best()))
	}
}

func winogradAllocatesNothing(t *testing.T, s *passes) {
	t.Helper()
	y, dx, sums := nans(s.p.Out().Len()), nans(s.p.In().Len()), s.sums()
	if a := alloctest.PerRun(func() {
		s.p.Pack(s.ws, s.packed, s.w)
		s.p.PackGrad(s.ws, s.packedGrad, s.w)
		s.p.Forward(s.ws, y, s.x, s.packed, Epilogue{Slope: 0.3}, Share{0, 2, 0, s.p.Panels()})
		s.p.InputGrad(s.ws, dx, s.dy, s.packedGrad, Share{0, 2, 0, s.p.GradPanels()})
		s.p.WeightGrad(s.ws, sums, s.x, s.dy, 2, 0, 1)
		s.p.FinishWeightGrad(s.ws, sums, 0, 1)
	}); a != 0 {
		t.Errorf("%d allocations", a)
	}
}

// The matrices are those of the points: sum over frequencies of
// A^T[q] B^T[.,r] G[.,t] is 1 where r = q+t and 0 elsewhere.
func TestTransformsAreExact(t *testing.T) {
	for q := range blockOut {
		for r := range blockIn {
			for tap := range blockTaps {
				s := 0.0
				for i := range blockIn {
					s += float64(outputT[q*blockIn+i]) * float64(inputT[i*blockIn+r]) * float64(kernelT[i*blockTaps+tap])
				}
				want := 0.0
				if r == q+tap {
					want = 1
				}
				if math.Abs(s-want) > 1e-6 {
					t.Errorf("output %d, input %d, tap %d: %v, want %v", q, r, tap, s, want)
				}
				if q == blockOut-1 || r == shortIn {
					continue
				}
				s = 0
				for i := range shortIn {
					s += float64(shortOutputT[q*shortIn+i]) * float64(shortInputT[i*shortIn+r]) * float64(kernelT[i*blockTaps+tap])
				}
				if math.Abs(s-want) > 1e-6 {
					t.Errorf("short block, output %d, input %d, tap %d: %v, want %v", q, r, tap, s, want)
				}
			}
		}
	}
}
