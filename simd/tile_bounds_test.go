package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

const huge = math.MaxInt

// spoiledGEMMs and spoiledOuters make a tile that fits one that leaves its slices.
var spoiledGEMMs = map[string]func(g *GEMM){
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

var spoiledOuters = map[string]func(o *Outer){
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

// boundsDepth is the K of the tiles.
const boundsDepth = 6

func boundsGEMM(rnd *rand.Rand, k *Kernels) *GEMM {
	const depth = boundsDepth
	h := (k.MR + 1) / 2

	g := &GEMM{
		C: make([]float32, k.MR*k.NR), A: make([]float32, 1+2*k.MR*depth), B: make([]float32, 2*k.NR*depth), Bias: make([]float32, k.NR),
		Rows: k.MR, Cols: k.NR, K: depth, LDA: 2 * depth, ARun: h * 2 * depth, LDC: k.NR, CRun: h * k.NR, Start: StartBias, Slope: 1,
		Taps: []Tap{{A: 1}, {A: 1 + depth, B: k.NR * depth}},
	}
	randomize(rnd, g.C, g.A, g.B, g.Bias)
	return g
}

func boundsOuter(rnd *rand.Rand, k *Kernels) *Outer {
	const depth = boundsDepth

	o := &Outer{
		C: make([]float32, k.MR*k.NR), A: make([]float32, 2*k.MR*depth), B: make([]float32, 2*k.NR*depth),
		Rows: k.MR, Cols: k.NR, K: depth, LDA: k.MR, LDB: k.NR, LDC: k.NR,
		Taps: []Tap{{}, {A: k.MR * depth, B: k.NR * depth}},
	}
	randomize(rnd, o.C, o.A, o.B)
	return o
}

// TestGEMMBounds: a tile that leaves its slices panics before it writes, also where its offsets
// overflow an int.
func TestGEMMBounds(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(10, 0))
		k.GEMM(boundsGEMM(rnd, k)) // as it is, it fits
		for name, spoil := range spoiledGEMMs {
			if name == "LDB huge" && huge == maxStep {
				continue // an int of 32 bits: a stride like any other, which a single panel does not take
			}
			g := boundsGEMM(rnd, k)
			whole := g.C
			spoil(g)
			checkRefused(t, name, whole, func() { k.GEMM(g) })
		}
	})
}

// TestOuterBounds: the same.
func TestOuterBounds(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(10, 0))
		k.Outer(boundsOuter(rnd, k)) // as it is, it fits
		for name, spoil := range spoiledOuters {
			o := boundsOuter(rnd, k)
			whole := o.C
			spoil(o)
			checkRefused(t, name, whole, func() { k.Outer(o) })
		}
	})
}

// checkRefused: call panics and leaves c as it is.
func checkRefused(t *testing.T, name string, c []float32, call func()) {
	t.Helper()
	before := convert[float32](c)
	if !panics(call) {
		t.Errorf("%s: no panic", name)
	}
	if _, ok := sameBits(c, before, true); !ok {
		t.Errorf("%s: wrote before it refused", name)
	}
}
