package conv

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// exactFamilies are geometries that Winograd's algorithm in whole numbers applies to: every kernel
// and remainder of tiles, crops, and both kinds of convolution.
func exactFamilies() []family {
	pads := func(t, b, l, r int) func(*Geometry) {
		return func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = t, b, l, r }
	}
	return []family{
		{"same_3x3", Same(5, 6, 32, 32, 3, 1, false)},
		{"same_5x5", Same(7, 4, 32, 48, 5, 1, false)},
		{"valid_4x4", Valid(9, 8, 32, 32, 4, 1, false)},
		{"four_pads", with(Valid(6, 5, 32, 32, 3, 1, false), pads(2, 0, 1, 2))},
		{"up_same_5x5", Same(7, 7, 48, 32, 5, 1, true)},
		{"up_2x2", Valid(3, 2, 32, 32, 2, 1, true)},
		{"up_cropped_input", with(Valid(6, 6, 32, 32, 4, 1, true), pads(4, 1, 0, 3))},
		{"up_5x5_stride2", Same(7, 3, 32, 32, 5, 2, true)},
		{"up_4x4_stride2", Same(4, 8, 32, 48, 4, 2, true)},
		{"up_3x3_stride2", Same(5, 2, 32, 32, 3, 2, true)},
		{"up_6x6_stride2", with(Valid(5, 6, 32, 32, 6, 2, true), pads(2, 2, 1, 3))},
		{"up_nonsquare", with(Same(6, 3, 32, 32, 4, 2, true), func(g *Geometry) { g.KW = 7; *g = g.SamePads() })},
	}
}

// exactPlan is a plan by Winograd's algorithm, whether it pays or not.
func exactPlan(t testing.TB, pr *qproblem, in, out Layout, k *simd.Kernels) *QPlan {
	t.Helper()
	p, err := NewQPlan(pr.g, in, out, k)
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := p.lowering.(*qdirect); ok {
		p.winograd = newQWinograd(d)
	}
	if p.winograd == nil {
		t.Fatal("Winograd's algorithm does not apply")
	}
	return p
}

// exactRun is a problem with such a plan. fits says whether its weights should fit.
func exactRun(t testing.TB, pr *qproblem, in, out Layout, k *simd.Kernels, fits bool) *qrun {
	t.Helper()
	p := exactPlan(t, pr, in, out, k)
	w, err := p.Pack(pr.layer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Lowering(w), map[bool]string{true: "Winograd", false: "direct"}[fits]; got != want {
		t.Fatalf("weights are packed for %s, want %s", got, want)
	}
	if n := p.WeightBytes(); n < w.Bytes() {
		t.Errorf("WeightBytes says %d, the weights take %d", n, w.Bytes())
	}
	r := &qrun{qproblem: pr, p: p, ws: p.NewQWorkspace(), w: w, x: make([]int8, in.Len())}
	for i := range r.x {
		r.x[i] = 99
	}
	reorder(in, pr.n, func(at, i int) { r.x[at] = pr.x[i] })
	return r
}

// layouts are plain ones, and windows of wider rows.
func (pr *qproblem) layouts(wide bool) (in, out Layout) {
	g, o := pr.g, pr.out
	in, out = NewLayout(g.InH, g.InW, g.InC, pr.n), NewLayout(o.H, o.W, o.C, pr.n)
	if wide {
		in.Row, out.Row = in.Row+7, out.Row+5
		in.Stride, out.Stride = pr.n*in.Row+3, pr.n*out.Row+1
	}
	return in, out
}

// bellShaped makes weights like trained ones.
func bellShaped(rnd *rand.Rand, w []int8) {
	for i := range w {
		w[i] = int8(max(-127, min(127, 32*rnd.NormFloat64())))
	}
}

func eachExactRow(t *testing.T, f func(t *testing.T, k *simd.Kernels)) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		if k.Int8.Int16 != nil {
			f(t, k)
		}
	})
}

// The bytes are those of the direct loops, whatever the batch and however the work is cut.
func TestQWinogradAgainstDirect(t *testing.T) {
	for i, f := range exactFamilies() {
		n := []int{1, 3, 2, 19}[i%4]
		if testing.Short() && n > 3 {
			n = 3
		}
		pr := newQProblem(t, f.g, n, uint64(i))
		bellShaped(rand.New(rand.NewPCG(uint64(i), 3)), pr.layer.Weights)
		pr.direct()
		in, out := pr.layouts(i%2 == 1)
		eachExactRow(t, func(t *testing.T, k *simd.Kernels) {
			r := exactRun(t, pr, in, out, k, true)
			for _, cut := range [][2]int{{1, 1}, {1, 3}, {min(n, 3), 2}, {n, 100}} {
				checkEqual(t, fmt.Sprintf("%s, %d images in %d x %d shares", f.name, n, cut[0], cut[1]), r.forward(cut[0], cut[1]), pr.y)
				if k.Name == "scalar" {
					break
				}
			}
		})
	}
}

// Bytes between the rows of a wider layout stay.
func TestQWinogradWindows(t *testing.T) {
	eachExactRow(t, func(t *testing.T, k *simd.Kernels) {
		pr := newQProblem(t, Same(4, 4, 32, 32, 4, 2, true), 3, 1)
		in, out := pr.layouts(true)
		r := exactRun(t, pr, in, out, k, true)
		y := make([]int8, out.Len())
		for i := range y {
			y[i] = 77
		}
		r.p.Forward(r.ws, y, r.x, r.w, Share{N1: 3, P1: r.p.Panels()})
		reorder(out, 3, func(at, _ int) { y[at] = 77 })
		for i, v := range y {
			if v != 77 {
				t.Fatalf("byte %d between rows is %d", i, v)
			}
		}
	})
}

// extremeKinds are layers at the ends of what numbers there are.
const extremeKinds = 5

// extremeLayer makes the problem one of them: activations at both ends; weights at the bound of the
// sums, at the bounds of 16 bits, of one sign, of signs that suit the points.
func extremeLayer(rnd *rand.Rand, pr *qproblem, kind int) {
	for i := range pr.x {
		pr.x[i] = []int8{-128, 127}[rnd.IntN(2)]
		if kind == 1 {
			pr.x[i] = -128
		}
	}
	w := pr.layer.Weights
	bellShaped(rnd, w)
	big := func(tap, k, c int) { // one input channel
		w[(tap*pr.g.InC+k)*pr.g.OutC+c] = 127
	}
	for tap := range pr.g.KH * pr.g.KW {
		for c := range pr.g.OutC {
			switch kind {
			case 0:
				big(tap, 0, c)
			case 1, 2:
				for k := range pr.g.InC {
					w[(tap*pr.g.InC+k)*pr.g.OutC+c] = 0
				}
				big(tap, c%pr.g.InC, c)
			case 3:
				w[(tap*pr.g.InC+1)*pr.g.OutC+c] = []int8{127, -127}[(tap/pr.g.KW+tap%pr.g.KW)%2]
			}
		}
	}
	pr.direct()
}

func TestQWinogradExtremes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(52, 0))
	for i, f := range exactFamilies() {
		pr := newQProblem(t, f.g, 1, uint64(i))
		for kind := range extremeKinds {
			if (i+kind)%2 == 0 {
				continue
			}
			extremeLayer(rnd, pr, kind)
			in, out := pr.layouts(false)
			eachExactRow(t, func(t *testing.T, k *simd.Kernels) {
				p := exactPlan(t, pr, in, out, k)
				w, err := p.Pack(pr.layer)
				if err != nil {
					t.Fatal(err)
				}
				r := &qrun{qproblem: pr, p: p, ws: p.NewQWorkspace(), w: w, x: pr.x}
				checkEqual(t, fmt.Sprintf("%s, kind %d, %s", f.name, kind, p.Lowering(w)), r.forward(1, 1), pr.y)
			})
		}
	}
}

// Sums up to the bound fit and are right; beyond it, the layer is computed by direct sums.
func TestQWinogradBound(t *testing.T) {
	eachExactRow(t, func(t *testing.T, k *simd.Kernels) {
		const limit = (1<<25 - 1) / 128 // of the weights of an output channel, in size
		g := Same(3, 3, 112, 32, 5, 1, true)
		for _, over := range []bool{false, true} {
			for _, x := range []int8{-128, 127} {
				pr := newQProblem(t, g, 1, 1)
				left := limit
				for i := range pr.layer.Weights {
					pr.layer.Weights[i] = 0
				}
				// All weights of channel 0 nearly alike, so that few of them need high halves of
				// their own.
				n := g.KH * g.KW * g.InC
				for i := range n {
					v := (left + n - i - 1) / (n - i)
					pr.layer.Weights[i*g.OutC] = int8(v)
					left -= v
				}
				if over {
					pr.layer.Weights[5*g.OutC]++
				}
				for i := range pr.x {
					pr.x[i] = x
				}
				pr.layer.Scale[0] = 1e-6
				pr.direct()
				in, out := pr.layouts(false)
				p := exactPlan(t, pr, in, out, k)
				if fits := p.winograd.fits(pr.layer); fits == over {
					t.Fatalf("weights that add up to %d more than the bound: fits says %v", map[bool]int{true: 1}[over], fits)
				}
				p.winograd.high = n * 64
				w, err := p.Pack(pr.layer)
				if err != nil || (p.Lowering(w) == "Winograd") == over {
					t.Fatalf("over the bound: %v; packed for %s, %v", over, p.Lowering(w), err)
				}
				r := &qrun{qproblem: pr, p: p, ws: p.NewQWorkspace(), w: w, x: pr.x}
				checkEqual(t, p.Lowering(w), r.forward(1, 1), pr.y)
			}
		}
	})
}

// Too many weights that need high halves: direct sums.
func TestQWinogradHighHalves(t *testing.T) {
	eachExactRow(t, func(t *testing.T, k *simd.Kernels) {
		pr := newQProblem(t, Same(4, 4, 32, 32, 5, 1, true), 2, 1) // any weights, all alike often
		in, out := pr.layouts(false)
		r := exactRun(t, pr, in, out, k, false)
		checkEqual(t, "direct", r.forward(1, 1), pr.y)
		bellShaped(rand.New(rand.NewPCG(53, 0)), pr.layer.Weights)
		pr.direct()
		r = exactRun(t, pr, in, out, k, true)
		if len(r.w.high) == 0 {
			t.Error("no weight has a high half")
		}
		checkEqual(t, "Winograd", r.forward(1, 1), pr.y)
	})
}

// A plan is by Winograd's algorithm where that pays: large layers of several images.
func TestQWinogradPays(t *testing.T) {
	k := simd.Variants()[0]
	for _, c := range []struct {
		g    Geometry
		n    int
		want string
	}{
		{Same(7, 7, 256, 128, 5, 1, true), 1, "Winograd"}, {Same(7, 7, 128, 64, 5, 2, true), 1, "direct"}, {Same(7, 7, 128, 64, 5, 2, true), 2, "Winograd"},
		{Same(7, 7, 128, 40, 5, 2, true), 16, "direct"}, {Same(14, 14, 64, 128, 5, 2, false), 16, "direct"}, {Same(14, 14, 64, 1, 5, 2, true), 16, "thin"},
		{Same(2, 2, 64, 64, 2, 1, true), 16, "direct"},
	} {
		pr := blankQRun(t, c.g, c.n, k, false)
		if got := pr.p.Lowering(pr.w); got != c.want {
			t.Errorf("%+v, %d images: %s, want %s", c.g, c.n, got, c.want)
		}
	}
}

// Random layers and numbers, GANTINY_CASES of them.
func TestQWinogradRandom(t *testing.T) {
	count := 20
	if n, err := strconv.Atoi(os.Getenv("GANTINY_CASES")); err == nil {
		count = n
	}
	fast := simd.Variants()[len(simd.Variants())-1]
	for _, k := range simd.Variants() {
		if k.Int8.Int16 != nil {
			fast = k
		}
	}
	if fast.Int8.Int16 == nil {
		t.Skip("this machine's rows have no int16 functions")
	}
	compared := 0
	for i := range count {
		rnd := rand.New(rand.NewPCG(54, uint64(i)))
		stride := 1 + rnd.IntN(2)
		transposed := stride == 2 || rnd.IntN(2) == 0
		kernel := stride + 1 + rnd.IntN(exactTaps*stride-stride)
		g := Valid(2+rnd.IntN(7), 2+rnd.IntN(7), 32+16*rnd.IntN(2), 32, kernel, stride, transposed)
		if rnd.IntN(2) == 0 {
			g = g.SamePads()
		}
		if _, _, err := g.Out(); err != nil {
			continue
		}
		pr := newQProblem(t, g, 1+rnd.IntN(2), uint64(i))
		extremeLayer(rnd, pr, rnd.IntN(extremeKinds))
		in, out := pr.layouts(rnd.IntN(2) == 0)
		p, err := NewQPlan(g, in, out, fast)
		if err != nil {
			t.Fatal(err)
		}
		if p.winograd = newQWinograd(p.lowering.(*qdirect)); p.winograd == nil {
			continue
		}
		w, err := p.Pack(pr.layer)
		if err != nil {
			t.Fatal(err)
		}
		r := &qrun{qproblem: pr, p: p, ws: p.NewQWorkspace(), w: w, x: make([]int8, in.Len())}
		reorder(in, pr.n, func(at, i int) { r.x[at] = pr.x[i] })
		checkEqual(t, fmt.Sprintf("case %d, %s", i, p.Lowering(w)), r.forward(1+rnd.IntN(2), 1+rnd.IntN(2)), pr.y)
		if p.Lowering(w) == "Winograd" {
			compared += len(pr.y)
		}
	}
	t.Logf("%d bytes by Winograd's algorithm", compared)
	if compared == 0 {
		t.Error("no case was computed by Winograd's algorithm")
	}
}
