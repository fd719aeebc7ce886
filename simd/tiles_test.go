package simd

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/half"
)

// upTo lists the sizes about 0, the half and the whole of a tile's side n.
func upTo(n int) (list []int) {
	seen := map[int]bool{}
	for _, v := range []int{0, 1, 2, 3, n / 2, n/2 + 1, n - 1, n} {
		if v >= 0 && v <= n && !seen[v] {
			list = append(list, v)
			seen[v] = true
		}
	}
	return list
}

// between is a random number in [lo, hi].
func between(rnd *rand.Rand, lo, hi int) int { return lo + rnd.IntN(hi-lo+1) }

func randomize(rnd *rand.Rand, slices ...[]float32) {
	for _, s := range slices {
		for i := range s {
			s[i] = 2*rnd.Float32() - 1
		}
	}
}

// newGEMM makes a tile in mem whose slices are exactly as long as it needs, with gaps between rows,
// runs and taps. Some have several panels, a scale or weights in half precision, and then B holds
// these widened.
func newGEMM(rnd *rand.Rand, mem memory, nr, rows, cols, depth, taps int) *GEMM {
	mem.reset()
	more := max(0, rnd.IntN(6)-3) // panels
	if cols > 0 {
		cols += more * nr
	}
	h := (rows + 1) / 2
	second := max(rows-h, 0)
	g := &GEMM{
		Rows: rows, Cols: cols, K: depth,
		LDA: depth + rnd.IntN(3), LDC: cols + rnd.IntN(3),
		Start: uint8(rnd.IntN(3)), Slope: []float32{1, 0.3, 0, -0.5}[rnd.IntN(4)],
	}
	g.ARun, g.CRun = h*g.LDA, h*g.LDC
	firstA := 0
	switch rnd.IntN(3) {
	case 0: // the second run lies further on
		g.ARun += rnd.IntN(40)
		g.CRun += rnd.IntN(40)
	case 1: // in A it lies before the first
		g.ARun = -second*g.LDA - rnd.IntN(5)
		if second > 0 {
			firstA = -g.ARun
		}
	}
	spanA, spanC := max(h-1, 0)*g.LDA+depth, max(h-1, 0)*g.LDC+cols
	if second > 0 {
		spanA = max(spanA, g.ARun+(second-1)*g.LDA+depth)
		spanC = max(spanC, g.CRun+(second-1)*g.LDC+cols)
	}
	if more > 0 {
		g.LDB = nr * rnd.IntN(3)
	}
	endA, endB := 0, 0
	for range taps {
		t := Tap{A: firstA + rnd.IntN(20), B: rnd.IntN(3) * nr * max(depth, 1)}
		g.Taps = append(g.Taps, t)
		endA, endB = max(endA, t.A+spanA), max(endB, t.B+depth*nr+more*g.LDB)
	}
	g.C, g.A, g.Bias = mem.slice(spanC), mem.slice(endA), mem.slice((1+more)*nr)
	randomize(rnd, g.C, g.A, g.Bias)
	if rnd.IntN(3) == 0 {
		g.Scale, g.Start = mem.slice((1+more)*nr), StartZero
		randomize(rnd, g.Scale)
	}
	if rnd.IntN(3) > 0 {
		g.B = mem.slice(endB)
		randomize(rnd, g.B)
		return g
	}
	g.B, g.Half = make([]float32, endB), asHalves(mem.slice(endB/2))
	for i := range g.Half {
		g.Half[i] = half.Narrow(2*rnd.Float32() - 1)
		g.B[i] = half.Widen(g.Half[i])
	}
	return g
}

// asHalves returns the memory of s, twice as many values.
func asHalves(s []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(s))), 2*len(s))
}

// newOuter makes a tile in mem whose slices are exactly as long as it needs.
func newOuter(rnd *rand.Rand, mem memory, nr, rows, cols, depth, taps int) *Outer {
	mem.reset()
	o := &Outer{
		Rows: rows, Cols: cols, K: depth,
		LDA: rows + rnd.IntN(3), LDB: nr + rnd.IntN(3), LDC: cols + rnd.IntN(3), Accumulate: rnd.IntN(2) == 0,
	}
	endA, endB := 0, 0
	for range taps {
		t := Tap{A: rnd.IntN(20), B: rnd.IntN(20)}
		o.Taps = append(o.Taps, t)
		endA, endB = max(endA, t.A+max(depth-1, 0)*o.LDA+rows), max(endB, t.B+max(depth-1, 0)*o.LDB+nr)
	}
	o.C, o.A, o.B = mem.slice(max(rows-1, 0)*o.LDC+cols), mem.slice(endA), mem.slice(endB)
	randomize(rnd, o.C, o.A, o.B)
	return o
}

// checkTile runs a tile and compares the whole of C, gaps too, with the model's bits and the
// oracle's values.
func checkTile(t *testing.T, k *Kernels, label string, c, a, b, bias, scale []float32, run func(), model func(arith[float32], tile[float32]), exact func(arith[float64], tile[float64]), terms int) {
	t.Helper()
	want := convert[float32](c)
	model(model32(k), tile[float32]{want, a, b, bias, scale})
	near, size := convert[float64](c), absolute(c)
	exact(oracle, tile[float64]{near, convert[float64](a), convert[float64](b), convert[float64](bias), convert[float64](scale)})
	exact(oracle, tile[float64]{size, absolute(a), absolute(b), absolute(bias), absolute(scale)})
	inputs := [][]float32{a, b, bias, scale}
	before := clones[float32](inputs)
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("%s: %v", label, r)
			}
		}()
		run()
	}()
	if i, ok := sameBits(c, want, false); !ok {
		t.Fatalf("%s: C[%d] = %g, want %g", label, i, c[i], want[i])
	}
	for i, s := range inputs {
		if _, ok := sameBits(s, before[i], true); !ok {
			t.Fatalf("%s: changed input %d", label, i)
		}
	}
	for i, w := range near {
		if e := math.Abs(float64(c[i]) - w); !(e <= float64(terms+2)*math.Abs(size[i])/(1<<24)) {
			t.Fatalf("%s: C[%d] = %g, exactly %g: error %.3g", label, i, c[i], w, e)
		}
	}
}

func absolute(s []float32) []float64 {
	t := convert[float64](s)
	for i, v := range t {
		t[i] = math.Abs(v)
	}
	return t
}

// eachTile runs f over tile sizes, contraction depths and tap counts, and over every kind of
// memory.
func eachTile(t *testing.T, f func(t *testing.T, k *Kernels, rnd *rand.Rand, mem memory, rows, cols, depth, taps int)) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(8, 0))
		for where, mem := range memories() {
			for _, rows := range upTo(k.MR) {
				for _, cols := range upTo(k.NR) {
					for _, depth := range []int{0, 1, 2, 3, 4, 5, 8, 17, 33} {
						f(t, k, rnd, mem, rows, cols, depth, rnd.IntN(4))
						mem.check(t)
						if t.Failed() {
							t.Fatalf("%dx%d, K %d, %s", rows, cols, depth, where)
						}
					}
				}
			}
			for rows := range k.MR + 1 { // several rounds of any loop, and more
				f(t, k, rnd, mem, rows, k.NR, 53, 2)
				mem.check(t)
			}
			f(t, k, rnd, mem, k.MR, k.NR, 128, 25)
		}
	})
}

func TestGEMM(t *testing.T) {
	eachTile(t, func(t *testing.T, k *Kernels, rnd *rand.Rand, mem memory, rows, cols, depth, taps int) {
		g := newGEMM(rnd, mem, k.NR, rows, cols, depth, taps)
		label := fmt.Sprintf("%dx%d, K %d, %d taps, start %d, slope %g, runs %d and %d, half %t, scale %t",
			rows, g.Cols, depth, taps, g.Start, g.Slope, g.ARun, g.CRun, g.Half != nil, g.Scale != nil)
		checkTile(t, k, label, g.C, g.A, g.B, g.Bias, g.Scale, func() { k.GEMM(g) },
			func(f arith[float32], d tile[float32]) { gemmModel(f, g, k.NR, d) },
			func(f arith[float64], d tile[float64]) { gemmModel(f, g, k.NR, d) }, depth*taps)
	})
}

func TestOuter(t *testing.T) {
	eachTile(t, func(t *testing.T, k *Kernels, rnd *rand.Rand, mem memory, rows, cols, depth, taps int) {
		o := newOuter(rnd, mem, k.NR, rows, cols, depth, taps)
		label := fmt.Sprintf("%dx%d, K %d, %d taps, accumulate %t", rows, cols, depth, taps, o.Accumulate)
		checkTile(t, k, label, o.C, o.A, o.B, nil, nil, func() { k.Outer(o) },
			func(f arith[float32], d tile[float32]) { outerModel(f, o, d) },
			func(f arith[float64], d tile[float64]) { outerModel(f, o, d) }, depth*taps)
	})
}

// TestTileSpecials: NaN and infinity spread as sums of products do; padding of B beyond Cols never
// reaches C.
func TestTileSpecials(t *testing.T) {
	specials := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), math.MaxFloat32, 1e-45}
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(9, 0))
		specials := specials
		if k.Flush {
			specials = specials[:len(specials)-1] // the subnormal one
		}
		sprinkle := func(s []float32) {
			for range 3 {
				s[rnd.IntN(len(s))] = specials[rnd.IntN(len(specials))]
			}
		}
		for range 200 {
			rows, cols := between(rnd, 1, k.MR), between(rnd, 1, k.NR)
			g := newGEMM(rnd, &heap{}, k.NR, rows, cols, 9, 2)
			o := newOuter(rnd, &heap{}, k.NR, rows, cols, 9, 2)
			for _, s := range [][]float32{g.A, g.C, g.Bias, o.A, o.B, o.C} {
				sprinkle(s)
			}
			if g.Half == nil {
				sprinkle(g.B)
			} else {
				g.Half[rnd.IntN(len(g.Half))] = half.Narrow(specials[rnd.IntN(len(specials))])
				for i, h := range g.Half {
					g.B[i] = half.Widen(h)
				}
			}
			wantG, wantO := convert[float32](g.C), convert[float32](o.C)
			gemmModel(model32(k), g, k.NR, tile[float32]{wantG, g.A, g.B, g.Bias, g.Scale})
			outerModel(model32(k), o, tile[float32]{wantO, o.A, o.B, nil, nil})
			k.GEMM(g)
			k.Outer(o)
			if i, ok := sameBits(g.C, wantG, false); !ok {
				t.Fatalf("GEMM %dx%d: C[%d] = %g, want %g", rows, cols, i, g.C[i], wantG[i])
			}
			if i, ok := sameBits(o.C, wantO, false); !ok {
				t.Fatalf("Outer %dx%d: C[%d] = %g, want %g", rows, cols, i, o.C[i], wantO[i])
			}
		}
	})
}

const huge = math.MaxInt

// badGEMMs and badOuters spoil a product that fits.
var badGEMMs = map[string]func(g *GEMM){
	"C short":         func(g *GEMM) { g.C = g.C[:len(g.C)-1] },
	"A short":         func(g *GEMM) { g.A = g.A[:len(g.A)-1] },
	"B short":         func(g *GEMM) { g.B = g.B[:len(g.B)-1] },
	"Bias short":      func(g *GEMM) { g.Bias = g.Bias[:len(g.Bias)-1] },
	"no C":            func(g *GEMM) { g.C = nil },
	"negative rows":   func(g *GEMM) { g.Rows = -1 },
	"negative cols":   func(g *GEMM) { g.Cols = -1 },
	"negative K":      func(g *GEMM) { g.K = -1 },
	"too many rows":   func(g *GEMM) { g.Rows++ },
	"too many cols":   func(g *GEMM) { g.Cols++ },
	"K too large":     func(g *GEMM) { g.K++ },
	"K overflows":     func(g *GEMM) { g.K = 1 << 29 },
	"K huge":          func(g *GEMM) { g.K = huge },
	"LDA negative":    func(g *GEMM) { g.LDA = -1 },
	"LDA overflows":   func(g *GEMM) { g.LDA = 1 << 30 },
	"LDA huge":        func(g *GEMM) { g.LDA = huge },
	"LDC overflows":   func(g *GEMM) { g.LDC = 1 << 30 },
	"LDC huge":        func(g *GEMM) { g.LDC = huge },
	"ARun negative":   func(g *GEMM) { g.ARun = -1 - g.Taps[0].A },
	"ARun huge":       func(g *GEMM) { g.ARun = huge },
	"CRun negative":   func(g *GEMM) { g.CRun = -1 },
	"CRun least":      func(g *GEMM) { g.CRun = -huge - 1 },
	"tap A negative":  func(g *GEMM) { g.Taps[1].A = -1 },
	"tap A too large": func(g *GEMM) { g.Taps[1].A++ },
	"tap A huge":      func(g *GEMM) { g.Taps[0].A = huge },
	"tap B negative":  func(g *GEMM) { g.Taps[0].B = -1 },
	"tap B too large": func(g *GEMM) { g.Taps[1].B++ },
	"tap B least":     func(g *GEMM) { g.Taps[1].B = -huge - 1 },
	"bad start":       func(g *GEMM) { g.Start = StartC + 1 },
	"LDB negative":    func(g *GEMM) { g.LDB = -1 },
	"LDB huge":        func(g *GEMM) { g.LDB = huge },
	"panel too many":  func(g *GEMM) { g.Rows, g.Start, g.LDC, g.LDB, g.Cols = 1, StartC, g.Cols, 1, g.Cols+1 },
	"Half short":      func(g *GEMM) { g.Half = make([]uint16, len(g.B)-1) },
	"Scale short":     func(g *GEMM) { g.Start, g.Scale = StartZero, make([]float32, len(g.Bias)-1) },
	"Scale, start":    func(g *GEMM) { g.Scale = g.Bias },
}

var badOuters = map[string]func(o *Outer){
	"C short":         func(o *Outer) { o.C = o.C[:len(o.C)-1] },
	"A short":         func(o *Outer) { o.A = o.A[:len(o.A)-1] },
	"B short":         func(o *Outer) { o.B = o.B[:len(o.B)-1] },
	"negative rows":   func(o *Outer) { o.Rows = -1 },
	"negative cols":   func(o *Outer) { o.Cols = -1 },
	"negative K":      func(o *Outer) { o.K = -1 },
	"too many rows":   func(o *Outer) { o.Rows++ },
	"too many cols":   func(o *Outer) { o.Cols++ },
	"K too large":     func(o *Outer) { o.K++ },
	"K huge":          func(o *Outer) { o.K = huge },
	"LDA overflows":   func(o *Outer) { o.LDA = 1 << 30 },
	"LDB overflows":   func(o *Outer) { o.LDB = 1 << 30 },
	"LDC overflows":   func(o *Outer) { o.LDC = 1 << 30 },
	"LDC negative":    func(o *Outer) { o.LDC = -1 },
	"tap A negative":  func(o *Outer) { o.Taps[0].A = -1 },
	"tap A too large": func(o *Outer) { o.Taps[1].A++ },
	"tap B huge":      func(o *Outer) { o.Taps[1].B = huge },
	"tap B too large": func(o *Outer) { o.Taps[1].B++ },
}

// TestTileBounds: a tile that leaves its slices panics before it writes, also where its offsets
// overflow an int.
func TestTileBounds(t *testing.T) {
	gemm := badGEMMs
	if huge == maxStep { // an int of 32 bits: a stride like any other, which a single panel does not take
		gemm = maps.Clone(gemm)
		delete(gemm, "LDB huge")
	}
	eachRow(t, func(t *testing.T, k *Kernels) {
		const depth = 6
		rnd := rand.New(rand.NewPCG(10, 0))
		h := (k.MR + 1) / 2
		makeGEMM := func() *GEMM {
			g := &GEMM{
				C: make([]float32, k.MR*k.NR), A: make([]float32, 1+2*k.MR*depth), B: make([]float32, 2*k.NR*depth), Bias: make([]float32, k.NR),
				Rows: k.MR, Cols: k.NR, K: depth, LDA: 2 * depth, ARun: h * 2 * depth, LDC: k.NR, CRun: h * k.NR, Start: StartBias, Slope: 1,
				Taps: []Tap{{A: 1}, {A: 1 + depth, B: k.NR * depth}},
			}
			randomize(rnd, g.C, g.A, g.B, g.Bias)
			return g
		}
		makeOuter := func() *Outer {
			o := &Outer{
				C: make([]float32, k.MR*k.NR), A: make([]float32, 2*k.MR*depth), B: make([]float32, 2*k.NR*depth),
				Rows: k.MR, Cols: k.NR, K: depth, LDA: k.MR, LDB: k.NR, LDC: k.NR,
				Taps: []Tap{{}, {A: k.MR * depth, B: k.NR * depth}},
			}
			randomize(rnd, o.C, o.A, o.B)
			return o
		}
		k.GEMM(makeGEMM()) // as they are, they fit
		k.Outer(makeOuter())
		for name, spoil := range gemm {
			g := makeGEMM()
			whole, before := g.C, convert[float32](g.C)
			spoil(g)
			if !panics(func() { k.GEMM(g) }) {
				t.Errorf("GEMM: %s: no panic", name)
			}
			if _, ok := sameBits(whole, before, true); !ok {
				t.Errorf("GEMM: %s: wrote before it refused", name)
			}
		}
		for name, spoil := range badOuters {
			o := makeOuter()
			whole, before := o.C, convert[float32](o.C)
			spoil(o)
			if !panics(func() { k.Outer(o) }) {
				t.Errorf("Outer: %s: no panic", name)
			}
			if _, ok := sameBits(whole, before, true); !ok {
				t.Errorf("Outer: %s: wrote before it refused", name)
			}
		}
	})
}

func TestTileAllocs(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(11, 0))
		g, o := newGEMM(rnd, &heap{}, k.NR, k.MR, k.NR-1, 9, 3), newOuter(rnd, &heap{}, k.NR, k.MR, k.NR-1, 9, 3)
		if n := alloctest.PerRun(func() { k.GEMM(g); k.Outer(o) }); n != 0 {
			t.Errorf("%d allocations", n)
		}
	})
}
