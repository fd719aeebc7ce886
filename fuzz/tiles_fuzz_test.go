package fuzz

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// Whole matrix products, cut into each row's own tiles and packed for them. Their results do not
// depend on the tiles, so that rows can be compared although their tiles differ.

// product is C (m, n) = sum over taps of A (m, k) times B (k, n), in the two-run layout: rows h..
// of A and C lie apart from the rest.
type product struct {
	m, n, k, taps        int
	lda, ldc, gapA, gapC int
	start                uint8
	slope                float32
	c, a, b, bias, scale []float32 // b is (tap, k, n)
	joined, half         bool
}

// layout returns the number of rows in the first run and where the second one starts in A and in C.
func (p *product) layout() (h, runA, runC int) {
	h = (p.m + 1) / 2
	return h, h*p.lda + p.gapA, h*p.ldc + p.gapC
}

// pack copies columns from j on of B into a panel nr wide; what lies beyond n is zero.
func (p *product) pack(j, nr int) []float32 {
	panel := make([]float32, p.taps*p.k*nr)
	for i := range p.taps * p.k {
		copy(panel[i*nr:][:nr], p.b[i*p.n+j:][:min(nr, p.n-j)])
	}
	return panel
}

// gemm computes C with row k, panel by panel or all panels in one call.
func (p *product) gemm(k *simd.Kernels) {
	h, runA, runC := p.layout()
	step := max(k.MR/2, 1)
	width := k.NR
	if p.joined {
		width = p.n
	}
	for j := 0; j < p.n; j += width {
		cols := min(width, p.n-j)
		panels := (cols + k.NR - 1) / k.NR
		g := &simd.GEMM{
			A: p.a, Bias: make([]float32, panels*k.NR), Cols: cols, K: p.k,
			LDA: p.lda, ARun: runA, LDB: p.taps * p.k * k.NR, LDC: p.ldc, CRun: runC, Start: p.start, Slope: p.slope,
		}
		for i := range panels {
			g.B = append(g.B, p.pack(j+i*k.NR, k.NR)...)
		}
		copy(g.Bias, p.bias[j:][:cols])
		if p.scale != nil {
			g.Start, g.Scale = simd.StartZero, make([]float32, panels*k.NR)
			copy(g.Scale, p.scale[j:][:cols])
		}
		if p.half {
			g.Half = make([]uint16, len(g.B))
			for i, v := range g.B {
				g.Half[i] = half.Narrow(v)
			}
			g.B = nil
		}
		for r := 0; r < h; r += step {
			// As many rows of the first run as of the second, or one more.
			n := min(step, h-r)
			g.Rows = n + min(n, p.m-h-r)
			g.C = p.c[r*p.ldc+j:]
			g.Taps = g.Taps[:0]
			for t := range p.taps {
				g.Taps = append(g.Taps, simd.Tap{A: r*p.lda + t*p.k, B: t * p.k * k.NR})
			}
			k.GEMM(g)
		}
	}
}

// contracted bounds the rounding of a sum of n products of noise, whose partial sums grow as a
// random walk does.
func contracted(n int) func(int) float64 {
	terms := float64(n + 1)
	tol := 4 * terms * math.Sqrt(terms) / (1 << 24)
	return func(int) float64 { return tol }
}

func FuzzGEMM(f *testing.F) {
	for i, s := range [][4]uint8{{1, 1, 1, 1}, {4, 8, 100, 1}, {6, 16, 17, 2}, {14, 32, 33, 3}, {28, 64, 8, 5}, {13, 31, 5, 2}, {15, 33, 64, 1}, {7, 70, 3, 4}, {3, 9, 0, 2}, {5, 5, 5, 0}} {
		f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(i), uint8(3*i), uint8(i), float32(0.3))
		f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(0), uint8(0), uint8(i+1), float32(1))
		for start := range uint8(24) {
			f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(1), uint8(2), start, float32(0.5))
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, taps, gapA, gapC, start uint8, slope float32) {
		if !(slope >= -1 && slope <= 1) {
			slope = 0
		}
		p := product{
			m: int(m)%40 + 1, n: int(n)%80 + 1, k: int(k) % 130, taps: int(taps) % 6,
			gapA: int(gapA), gapC: int(gapC), start: start % 3, slope: slope,
			joined: start/3%2 == 1, half: start/6%2 == 1,
		}
		p.lda, p.ldc = p.taps*p.k+int(gapA)%5, p.n+int(gapC)%5
		var reference, fused []float32
		for _, row := range simd.Variants() {
			rnd := rand.New(rand.NewPCG(seed, 3))
			_, runA, runC := p.layout()
			p.a, p.b = noise(rnd, runA+(p.m/2)*p.lda), noise(rnd, p.taps*p.k*p.n)
			p.c, p.bias = noise(rnd, runC+(p.m/2)*p.ldc+guardLen), noise(rnd, p.n)
			if p.scale = nil; start/12%2 == 1 {
				p.scale = noise(rnd, p.n)
			}
			p.gemm(row)
			checkRow(t, row, p.c, &reference, &fused, contracted(p.k*p.taps))
		}
	})
}

func FuzzOuter(f *testing.F) {
	for i, s := range [][4]uint8{{1, 1, 1, 1}, {4, 8, 100, 1}, {6, 16, 17, 2}, {14, 32, 33, 3}, {28, 64, 8, 5}, {13, 31, 5, 2}, {15, 33, 64, 1}, {7, 70, 3, 4}, {3, 9, 0, 2}, {5, 5, 5, 0}} {
		f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(i), uint8(3*i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, taps, gapA, gapB uint8, accumulate bool) {
		rows, cols, depth, count := int(m)%40+1, int(n)%80+1, int(k)%130, int(taps)%6
		lda, ldb, ldc := rows+int(gapA)%9, cols+int(gapB)%9, cols+int(gapB)%3
		var reference, fused []float32
		for _, row := range simd.Variants() {
			rnd := rand.New(rand.NewPCG(seed, 4))
			a, c := noise(rnd, count*depth*lda), noise(rnd, rows*ldc+guardLen)
			b := append(noise(rnd, count*depth*ldb), make([]float32, row.NR)...)
			for r := 0; r < rows; r += row.MR {
				for j := 0; j < cols; j += row.NR {
					o := &simd.Outer{
						C: c[r*ldc+j:], A: a, B: b, Rows: min(row.MR, rows-r), Cols: min(row.NR, cols-j), K: depth,
						LDA: lda, LDB: ldb, LDC: ldc, Accumulate: accumulate,
					}
					for tap := range count {
						o.Taps = append(o.Taps, simd.Tap{A: tap*depth*lda + r, B: tap*depth*ldb + j})
					}
					row.Outer(o)
				}
			}
			checkRow(t, row, c, &reference, &fused, contracted(depth*count))
		}
	})
}
