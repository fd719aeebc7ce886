package conv

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// qproblem is a random quantized layer with what direct loops over whole
// numbers make of it, in plain (N, H, W, C) order.
type qproblem struct {
	g      Geometry
	n      int
	layer  QLayer
	x      []int8
	sums   []int32
	y      []int8
	pixels []uint8
	table  []uint8
	out    Layout // of one image
}

func newQProblem(t testing.TB, g Geometry, n int, seed uint64) *qproblem {
	h, w, err := g.Out()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(seed, 2))
	per := g.OutC
	if g.IsDense() {
		per *= h * w
	}
	p := &qproblem{g: g, n: n, out: NewLayout(h, w, g.OutC, 1), table: make([]uint8, 512)}
	l := &p.layer
	*l = QLayer{
		Weights: make([]int8, g.WeightLen()), Bias: make([]int32, per), Scale: make([]float32, per),
		Slope: []float32{1, 0.3, 0}[rnd.IntN(3)], InZero: int32(rnd.IntN(256) - 128), OutZero: int32(rnd.IntN(256) - 128),
	}
	if rnd.IntN(4) == 0 {
		l.Bias = nil
	}
	for i := range l.Weights {
		l.Weights[i] = int8(rnd.IntN(255) - 127)
	}
	for i := range l.Bias {
		l.Bias[i] = int32(rnd.IntN(1<<16) - 1<<15)
	}
	// Sums of k products have some 127*75*sqrt(k); the outputs should fill their range.
	spread := 60 / (127 * 75 * math.Sqrt(float64(g.InC*g.KH*g.KW)))
	for i := range l.Scale {
		l.Scale[i] = float32(spread * (0.5 + rnd.Float64()))
	}
	for i := range p.table {
		p.table[i] = uint8(rnd.Uint32())
	}
	p.x = make([]int8, n*g.InH*g.InW*g.InC)
	for i := range p.x {
		p.x[i] = int8(rnd.Uint32())
	}
	p.direct()
	return p
}

// direct computes sums, y and pixels.
func (p *qproblem) direct() {
	l := p.layer
	p.sums = make([]int32, p.n*p.out.Len())
	for i := range p.sums {
		if l.Bias != nil {
			p.sums[i] = l.Bias[i%len(l.Bias)]
		}
	}
	p.g.direct(p.n, func(xi, yi, wi int) { p.sums[yi] += (int32(p.x[xi]) - l.InZero) * int32(l.Weights[wi]) })
	p.y, p.pixels = make([]int8, len(p.sums)), make([]uint8, len(p.sums))
	for i, s := range p.sums {
		scale := l.Scale[i%len(l.Scale)]
		p.y[i] = simd.Requantize(s, scale, l.Slope, l.OutZero)
		half := float64(len(p.table) / 2)
		v := math.RoundToEven(float64(float32(float64(float32(s)) * float64(scale))))
		p.pixels[i] = p.table[int(max(-half, min(half-1, v))+half)]
	}
}

// qrun is a problem with a plan.
type qrun struct {
	*qproblem
	p  *QPlan
	ws *QWorkspace
	w  *QWeights
	x  []int8
}

func newQRun(t testing.TB, pr *qproblem, in, out Layout, k *simd.Kernels, sums bool) *qrun {
	t.Helper()
	p, err := newQPlan(pr.g, in, out, int8For(k, pr.layer.Weights), sums)
	if err != nil {
		t.Fatal(err)
	}
	w, err := p.Pack(pr.layer)
	if err != nil {
		t.Fatal(err)
	}
	if n := p.WeightBytes(); n < w.Bytes() || p.winograd == nil && n > w.Bytes() {
		t.Errorf("WeightBytes says %d, the weights take %d", n, w.Bytes())
	}
	r := &qrun{qproblem: pr, p: p, ws: p.NewQWorkspace(), w: w, x: make([]int8, in.Len())}
	for i := range r.x {
		r.x[i] = 99
	}
	reorder(in, pr.n, func(at, i int) { r.x[at] = pr.x[i] })
	return r
}

func plainQRun(t testing.TB, pr *qproblem, k *simd.Kernels, sums bool) *qrun {
	out := pr.out
	return newQRun(t, pr, NewLayout(pr.g.InH, pr.g.InW, pr.g.InC, pr.n), NewLayout(out.H, out.W, out.C, pr.n), k, sums)
}

// reorder calls f with where an element stands in the Layout and in (N, H, W, C) order.
func reorder(m Layout, n int, f func(at, i int)) {
	for img := range n {
		for q := range m.Positions() {
			for c := range m.C {
				f(q*m.Stride+img*m.Row+c, (img*m.Positions()+q)*m.C+c)
			}
		}
	}
}

// results, in (N, H, W, C) order, computed in imageShares x unitShares shares.
func (r *qrun) forward(imageShares, unitShares int) []int8 {
	y := make([]int8, r.p.Out().Len())
	eachShare(r.n, r.p.Panels(), imageShares, unitShares, func(share Share) { r.p.Forward(r.ws, y, r.x, r.w, share) })
	v := make([]int8, len(r.y))
	reorder(r.p.Out(), r.n, func(at, i int) { v[i] = y[at] })
	return v
}

func (r *qrun) sum(imageShares, unitShares int) []int32 {
	y := make([]int32, r.p.Out().Len())
	eachShare(r.n, r.p.Panels(), imageShares, unitShares, func(share Share) { r.p.Sums(r.ws, y, r.x, r.w, share) })
	v := make([]int32, len(r.sums))
	reorder(r.p.Out(), r.n, func(at, i int) { v[i] = y[at] })
	return v
}

func (r *qrun) pixel(imageShares, unitShares int) []uint8 {
	v := make([]uint8, len(r.pixels))
	eachShare(r.n, r.p.Panels(), imageShares, unitShares, func(share Share) { r.p.Pixels(r.ws, v, r.x, r.w, r.table, share) })
	return v
}

// check compares everything with the direct loops in the given cuts.
func (pr *qproblem) check(t *testing.T, k *simd.Kernels, name string, cuts ...[2]int) {
	t.Helper()
	r, s := plainQRun(t, pr, k, false), plainQRun(t, pr, k, true)
	for _, cut := range cuts {
		what := fmt.Sprintf("%s, %d images in %d x %d shares", name, pr.n, cut[0], cut[1])
		checkEqual(t, what+": y", r.forward(cut[0], cut[1]), pr.y)
		checkEqual(t, what+": sums", s.sum(cut[0], cut[1]), pr.sums)
		checkEqual(t, what+": pixels", s.pixel(cut[0], cut[1]), pr.pixels)
	}
}

func checkEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// Every row gives the bytes of the direct loops, whatever the batch and however
// the work is cut.
func TestQPlansAgainstDirect(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{1, 2, k.Int8.MR/2 + 1, 2*k.Int8.MR + 1} {
				if testing.Short() && n > 2 {
					continue
				}
				pr := newQProblem(t, f.g, n, uint64(i))
				pr.check(t, k, f.name, [2]int{1, 1}, [2]int{1, 3}, [2]int{min(n, 3), 2}, [2]int{n, 100})
			}
		}
	})
}

// Extreme numbers: every activation -128, every weight 127 or -127, sums that
// leave 32 bits.
func TestQPlanExtremes(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			pr := newQProblem(t, f.g, 2, uint64(i))
			pr.layer.InZero = []int32{127, -128, 0}[i%3]
			for j := range pr.x {
				pr.x[j] = -128
			}
			for j := range pr.layer.Weights {
				pr.layer.Weights[j] = []int8{127, -127}[i%2]
			}
			for j := range pr.layer.Bias {
				pr.layer.Bias[j] = []int32{math.MaxInt32, math.MinInt32}[j%2]
			}
			for j := range pr.layer.Scale {
				pr.layer.Scale[j] = []float32{0, 1e-45, 1, 1e30, math.MaxFloat32}[j%5]
			}
			pr.direct()
			pr.check(t, k, f.name, [2]int{1, 1})
		}
	})
}

// Layouts that are windows: the gaps keep their bytes and are not read.
func TestQPlanWindows(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{1, 3, k.Int8.MR + 1} {
				if testing.Short() && n != 3 {
					continue
				}
				pr := newQProblem(t, f.g, n, uint64(i))
				windows := (&problem{g: f.g, n: n, outH: pr.out.H, outW: pr.out.W}).windows()
				for j, m := range windows {
					what := fmt.Sprintf("%s, %d images, window %d", f.name, n, j)
					checkQWindow(t, what, newQRun(t, pr, m[0], m[1], k, false))
					checkEqual(t, what+": sums", newQRun(t, pr, m[0], m[1], k, true).sum(1, 2), pr.sums)
				}
			}
		}
	})
}

func checkQWindow(t *testing.T, what string, r *qrun) {
	t.Helper()
	out := r.p.Out()
	y := make([]int8, out.Len())
	for j := range y {
		y[j] = 77
	}
	r.p.Forward(r.ws, y, r.x, r.w, Share{0, r.n, 0, r.p.Panels()})
	reorder(out, r.n, func(at, i int) {
		if y[at] != r.y[i] {
			t.Errorf("%s: element %d is %d, want %d", what, i, y[at], r.y[i])
		}
		y[at] = 77
	})
	for j, v := range y {
		if v != 77 {
			t.Fatalf("%s: element %d, outside the window, was written", what, j)
		}
	}
}

// Packed weights serve plans of other batches.
func TestQWeightsAreShared(t *testing.T) {
	k := simd.Best()
	for i, f := range families() {
		for _, sums := range []bool{false, true} {
			pr := newQProblem(t, f.g, 1, uint64(i))
			a := plainQRun(t, pr, k, sums)
			big := newQProblem(t, f.g, 20, uint64(i))
			b := plainQRun(t, big, k, sums)
			w, err := b.p.Pack(pr.layer)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.w.packed, w.packed) || !slices.Equal(a.w.start, w.start) || !slices.Equal(a.w.scale, w.scale) {
				t.Errorf("%s: packed weights differ between batches", f.name)
			}
		}
	}
}

func TestQPassesAllocateNothing(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			pr := newQProblem(t, f.g, 3, uint64(i))
			r, s := plainQRun(t, pr, k, false), plainQRun(t, pr, k, true)
			y, sums, pixels := make([]int8, r.p.Out().Len()), make([]int32, r.p.Out().Len()), make([]uint8, len(pr.pixels))
			if a := alloctest.PerRun(func() {
				r.p.Forward(r.ws, y, r.x, r.w, Share{0, 3, 0, r.p.Panels()})
				s.p.Sums(s.ws, sums, s.x, s.w, Share{0, 3, 0, s.p.Panels()})
				s.p.Pixels(s.ws, pixels, s.x, s.w, pr.table, Share{0, 3, 0, s.p.Panels()})
			}); a != 0 {
				t.Errorf("%s: %d allocations", f.name, a)
			}
		}
	})
}

// One QWorkspace serves several plans of different sizes.
func TestQWorkspaceIsShared(t *testing.T) {
	k := simd.Best()
	var runs []*qrun
	var plans []*QPlan
	for i, f := range families() {
		for _, sums := range []bool{false, true} {
			r := plainQRun(t, newQProblem(t, f.g, 2, uint64(i)), k, sums)
			runs, plans = append(runs, r), append(plans, r.p)
		}
	}
	ws := NewQWorkspace(plans...)
	for _, r := range runs {
		r.ws = ws
		if r.p.lowering.common().sums {
			checkEqual(t, "sums", r.sum(1, 1), r.sums)
		} else {
			checkEqual(t, "y", r.forward(1, 1), r.y)
		}
	}
}

func TestQLayerErrors(t *testing.T) {
	g := Same(4, 4, 3, 5, 3, 1, false)
	for name, spoil := range map[string]func(l *QLayer){
		"few weights":     func(l *QLayer) { l.Weights = l.Weights[1:] },
		"weight of -128":  func(l *QLayer) { l.Weights[7] = -128 },
		"few biases":      func(l *QLayer) { l.Bias = make([]int32, 4) },
		"many scales":     func(l *QLayer) { l.Scale = append(l.Scale, 1) },
		"negative scale":  func(l *QLayer) { l.Scale[1] = -1 },
		"infinite scale":  func(l *QLayer) { l.Scale[1] = float32(math.Inf(1)) },
		"scale NaN":       func(l *QLayer) { l.Scale[0] = float32(math.NaN()) },
		"steep slope":     func(l *QLayer) { l.Slope = 2 },
		"slope NaN":       func(l *QLayer) { l.Slope = float32(math.NaN()) },
		"slope -Inf":      func(l *QLayer) { l.Slope = float32(math.Inf(-1)) },
		"input zero":      func(l *QLayer) { l.InZero = 128 },
		"output zero":     func(l *QLayer) { l.OutZero = -129 },
		"dense-like bias": func(l *QLayer) { l.Bias = make([]int32, 80) },
	} {
		pr := newQProblem(t, g, 1, 1)
		p := plainQRun(t, pr, simd.Best(), false).p
		spoil(&pr.layer)
		if _, err := p.Pack(pr.layer); !errors.Is(err, ErrQuantized) {
			t.Errorf("%s: error %v, want ErrQuantized", name, err)
		}
	}
	if _, err := NewQPlan(g, NewLayout(4, 4, 3, 2), NewLayout(4, 4, 4, 2), simd.Best()); !errors.Is(err, ErrLayout) {
		t.Errorf("other channels: error %v, want ErrLayout", err)
	}
	if _, err := NewQPlan(Geometry{}, Layout{}, Layout{}, simd.Best()); !errors.Is(err, ErrGeometry) {
		t.Errorf("no geometry: error %v, want ErrGeometry", err)
	}
	if math.MaxInt > math.MaxInt32 {
		big, m := Valid(1<<12, 1<<12, 1, 1, 1, 1, false), NewLayout(1<<12, 1<<12, 1, 128)
		if _, err := NewQPlan(big, m, m, simd.Best()); !errors.Is(err, ErrGeometry) {
			t.Errorf("offsets beyond 32 bits: error %v, want ErrGeometry", err)
		}
	}
}

func TestQMisuse(t *testing.T) {
	pr := newQProblem(t, Same(4, 4, 3, 5, 3, 1, false), 2, 1)
	r, s := plainQRun(t, pr, simd.Best(), false), plainQRun(t, pr, simd.Best(), true)
	other := plainQRun(t, newQProblem(t, Same(4, 4, 3, 99, 3, 1, false), 2, 1), simd.Best(), false)
	y, sums, pixels := make([]int8, r.p.Out().Len()), make([]int32, r.p.Out().Len()), make([]uint8, len(pr.pixels))
	all := Share{0, 2, 0, r.p.Panels()}
	for name, f := range map[string]func(){
		"images beyond the batch": func() { r.p.Forward(r.ws, y, r.x, r.w, Share{0, 3, 0, 1}) },
		"units beyond Panels":     func() { r.p.Forward(r.ws, y, r.x, r.w, Share{0, 2, 0, 1 + r.p.Panels()}) },
		"short output":            func() { r.p.Forward(r.ws, y[1:], r.x, r.w, all) },
		"short input":             func() { r.p.Forward(r.ws, y, r.x[1:], r.w, all) },
		"another layer's weights": func() { r.p.Forward(r.ws, y, r.x, other.w, all) },
		"Forward of sums":         func() { s.p.Forward(s.ws, y, s.x, s.w, all) },
		"Sums of none":            func() { r.p.Sums(r.ws, sums, r.x, r.w, all) },
		"short sums":              func() { s.p.Sums(s.ws, sums[1:], s.x, s.w, all) },
		"short images":            func() { s.p.Pixels(s.ws, pixels[1:], s.x, s.w, pr.table, all) },
		"no table":                func() { s.p.Pixels(s.ws, pixels, s.x, s.w, nil, all) },
		"odd table":               func() { s.p.Pixels(s.ws, pixels, s.x, s.w, pr.table[1:], all) },
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

// Workers of a pool, each with its own share, make the bytes of one.
func TestQPlanThreads(t *testing.T) {
	pr := newQProblem(t, Same(5, 5, 8, 40, 5, 2, true), 1, 3)
	r := plainQRun(t, pr, simd.Best(), false)
	threads := pool.New(3)
	defer threads.Close()
	works := []*QWorkspace{r.p.NewQWorkspace(), r.p.NewQWorkspace(), r.p.NewQWorkspace()}
	y := make([]int8, r.p.Out().Len())
	threads.Run(func(worker int) {
		lo, hi := pool.Split(r.p.Panels(), 3, worker)
		r.p.Forward(works[worker], y, r.x, r.w, Share{0, 1, lo, hi})
	})
	checkEqual(t, "y", y, pr.y)
}
