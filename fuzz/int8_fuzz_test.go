package fuzz

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// The int8 functions of every row against the scalar row, to the byte.

// qproduct is an int8 matrix product, (m, n) = sum over taps of (m, k) times (k, n), as tiles in the two-run layout.
type qproduct struct {
	m, n, k, taps    int
	lda, gapA, gapC  int
	start            uint8
	requantise, open bool
	x, w             []int8 // w is (tap, k, n)
	c, s             []int32
	scale            []float32
	slope            float32
	zero             int32
}

// run computes C and Q with a row.
func (p *qproduct) run(q *simd.Int8) (c []int32, out []int8) {
	ldc, ldq := p.n+p.gapC, p.n+p.gapC
	c = append([]int32(nil), p.c...)
	out = make([]int8, len(p.c))
	for i := range out {
		out[i] = int8(i)
	}
	a := append(append([]int8(nil), p.x...), make([]int8, q.Slack(p.k))...)
	if q.Stage != nil {
		staged := make([]int8, q.Width*len(a))
		q.Stage(staged, a)
		a = staged
	}
	// What sums start from makes up for the offset of the activations, where they do not start from C.
	block := q.PackedLen(p.k)
	for j := 0; j < p.n; j += q.NR {
		cols := min(q.NR, p.n-j)
		b := make([]int8, p.taps*block)
		offset := make([]int32, q.NR)
		for t := range p.taps {
			if p.k == 0 {
				break
			}
			w := p.w[t*p.k*p.n:]
			q.Pack(b[t*block:][:block], w[j:], p.n, 1, p.k, cols)
			for i := range p.k {
				for col := range cols {
					offset[col] -= q.Offset * int32(w[i*p.n+j+col])
				}
			}
		}
		var tiles []simd.QTile
		var taps []simd.Tap
		for t := range p.taps {
			taps = append(taps, simd.Tap{A: t * p.k, B: t * block})
		}
		add := func(r, rows, runA, runC int) {
			tiles = append(tiles, simd.QTile{
				A: int32(r * p.lda), C: int32(r*ldc + j), Q: int32(r*ldq + j), LDA: int32(p.lda), LDC: int32(ldc), LDQ: int32(ldq),
				ARun: int32(runA), CRun: int32(runC), Rows: int32(rows), Cols: int32(cols), Taps: int32(p.taps),
				Start: p.start, Requantise: p.requantise,
			})
		}
		rows := min(q.MR, p.m)
		switch half := (p.m + 1) / 2; {
		case p.requantise: // neighbours, whole tiles perhaps without saying how many
			for r := 0; r < p.m; r += rows {
				n := min(rows, p.m-r)
				h := (n + 1) / 2
				if p.open && n == rows {
					n = 0
				}
				add(r, n, h*p.lda, h*ldc)
			}
		default: // as many rows of the first half as of the second, or one more
			step := max(q.MR/2, 1)
			for r := 0; r < half; r += step {
				n := min(step, half-r)
				add(r, n+min(n, p.m-half-r), half*p.lda, half*ldc)
			}
		}
		s := make([]int32, q.NR)
		for col := range cols {
			s[col] = p.s[j+col] + offset[col]
		}
		if p.start != simd.StartBias { // the offset is not in what they start from: leave it out by hand
			for r := range p.m {
				for col := range cols {
					if p.start == simd.StartZero {
						c[r*ldc+j+col] = 0
					}
					c[r*ldc+j+col] += offset[col]
				}
			}
			for i := range tiles {
				tiles[i].Start = simd.StartC
			}
		}
		scale := make([]float32, q.NR)
		copy(scale, p.scale[j:][:cols])
		q.GEMM(&simd.QGEMM{
			Tiles: q.NewTiles(p.k, tiles, taps), To: len(tiles), Rows: rows,
			A: a, B: b, S: s, C: c, Q: out, Scale: scale, Slope: p.slope, Zero: p.zero,
		})
		if p.requantise { // C was only read
			copy(c, p.c)
		}
	}
	return c, out
}

func FuzzQGEMM(f *testing.F) {
	for i, s := range [][4]uint8{{1, 1, 1, 1}, {4, 8, 100, 1}, {6, 16, 17, 2}, {14, 32, 33, 3}, {28, 64, 8, 5}, {13, 31, 5, 2}, {15, 33, 64, 1}, {7, 70, 3, 4}, {3, 9, 0, 2}, {5, 5, 5, 0}} {
		f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(i), uint8(i), uint8(2*i), float32(0.3), int8(i), []byte(nil))
		f.Add(uint64(i), s[0], s[1], s[2], s[3], uint8(0), uint8(i+1), uint8(i), float32(1), int8(-128), []byte{0x80, 0x7f, 0, 1, 0xff, 0x7f, 0xc0, 0x7f})
	}
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, taps, gaps, start, mode uint8, slope float32, zero int8, raw []byte) {
		if !(slope <= 1) {
			slope = 1
		}
		rnd := rand.New(rand.NewPCG(seed, 5))
		p := &qproduct{
			m: int(m)%40 + 1, n: int(n)%80 + 1, k: int(k) % 130, taps: int(taps) % 6,
			gapA: int(gaps) % 5, gapC: int(gaps) % 7, start: start % 3,
			requantise: mode&1 != 0, open: mode&3 == 3, slope: slope, zero: int32(zero),
		}
		p.fill(rnd, raw, int(mode&12))
		p.compare(t)
	})
}

// fill draws the operands; some of their bits come from raw, if there is any. Sums lose so many of theirs.
func (p *qproduct) fill(rnd *rand.Rand, raw []byte, less int) {
	p.lda = p.taps*p.k + p.gapA
	p.x, p.w = make([]int8, p.m*p.lda+1), make([]int8, p.taps*p.k*p.n)
	p.c, p.s = make([]int32, p.m*(p.n+p.gapC)), make([]int32, p.n)
	p.scale = make([]float32, p.n)
	word := func() uint32 {
		if len(raw) >= 4 && rnd.IntN(2) == 0 {
			return binary.LittleEndian.Uint32(raw[rnd.IntN(len(raw)-3):])
		}
		return rnd.Uint32()
	}
	for i := range p.x {
		p.x[i] = int8(word())
	}
	for i := range p.w {
		p.w[i] = max(int8(word()), -127)
	}
	for _, s := range [][]int32{p.c, p.s} {
		for i := range s {
			s[i] = int32(word()) >> less
		}
	}
	for i := range p.scale {
		p.scale[i] = float32(math.Ldexp(rnd.Float64(), -rnd.IntN(24)))
		if len(raw) >= 4 && rnd.IntN(4) == 0 {
			p.scale[i] = math.Float32frombits(word())
		}
	}
}

// compare runs every row and returns how many results it compared with the scalar row's.
func (p *qproduct) compare(t *testing.T) (results int) {
	var wantC []int32
	var wantQ []int8
	for i, row := range simd.Variants() {
		c, q := p.run(row.Int8)
		if i == 0 {
			wantC, wantQ = c, q
			continue
		}
		for j := range c {
			if c[j] != wantC[j] || q[j] != wantQ[j] {
				t.Fatalf("row %s: element %d is %d and %d, want %d and %d", row.Name, j, c[j], q[j], wantC[j], wantQ[j])
			}
		}
		results += len(c)
	}
	return results
}

// TestQGEMMSoak compares random products, GANTINY_SOAK of them if it is set.
func TestQGEMMSoak(t *testing.T) {
	cases := 500
	if s := os.Getenv("GANTINY_SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		cases = n
	}
	rnd := rand.New(rand.NewPCG(30, uint64(cases)))
	extremes := []byte{0x80, 0x7f, 0x81, 0x80, 0x80, 0x7f, 0, 0, 0x80, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0xc0, 0x7f}
	results := 0
	for range cases {
		p := &qproduct{
			m: rnd.IntN(16) + 1, n: rnd.IntN(40) + 1, k: rnd.IntN(20), taps: rnd.IntN(4), gapA: rnd.IntN(3), gapC: rnd.IntN(3),
			start: uint8(rnd.IntN(3)), requantise: rnd.IntN(2) == 0, open: rnd.IntN(2) == 0,
			slope: []float32{1, 0.3, 0, -0.5}[rnd.IntN(4)], zero: int32(rnd.IntN(256) - 128),
		}
		var raw []byte
		if rnd.IntN(3) == 0 {
			raw = extremes
		}
		p.fill(rnd, raw, rnd.IntN(16))
		results += p.compare(t)
	}
	t.Logf("%d products, %d results of other rows are those of the scalar row", cases, results)
}

// FuzzQPlan runs whole layers, cut into parts at random.
func FuzzQPlan(f *testing.F) {
	for i, s := range [][8]uint8{
		{7, 7, 16, 33, 5, 1, 1, 2}, {7, 7, 9, 16, 5, 2, 1, 3}, {6, 6, 20, 1, 5, 2, 1, 9}, {1, 1, 100, 40, 1, 1, 2, 5},
		{5, 4, 3, 8, 3, 1, 0, 1}, {8, 8, 4, 70, 4, 2, 0, 17}, {3, 3, 1, 1, 2, 3, 1, 4}, {9, 2, 8, 8, 3, 2, 4, 2},
	} {
		f.Add(uint64(i), s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7])
	}
	f.Fuzz(func(t *testing.T, seed uint64, h, w, ci, co, kernel, stride, kind, images uint8) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		size := func(v uint8, limit int) int { return int(v)%limit + 1 }
		inH, inW, inC, outC := size(h-1, 9), size(w-1, 9), size(ci-1, 40), size(co-1, 70)
		var g conv.Geometry
		switch kind % 3 {
		case 0, 1:
			g = conv.Same(inH, inW, inC, outC, size(kernel-1, 5), size(stride-1, 3), kind%3 == 1)
			if kind&4 != 0 && inC == outC {
				g.Groups = inC
			}
		default:
			g = conv.Dense(inH%3+1, inW%3+1, inC, size(kernel-1, 5), size(stride-1, 3), outC)
		}
		oh, ow, err := g.Out()
		if err != nil {
			t.Skip(err)
		}
		n := size(images-1, 30)
		per := g.OutC
		if g.IsDense() {
			per *= oh * ow
		}
		l := conv.QLayer{
			Weights: make([]int8, g.WeightLen()), Bias: make([]int32, per), Scale: make([]float32, per),
			Slope: []float32{1, 0.3, 0}[rnd.IntN(3)], InZero: int32(int8(rnd.Uint32())), OutZero: int32(int8(rnd.Uint32())),
		}
		wild := rnd.IntN(3) == 0
		for i := range l.Weights {
			l.Weights[i] = max(int8(rnd.Uint32()), -127)
			if wild {
				l.Weights[i] = 127
			}
		}
		for i := range l.Bias {
			l.Bias[i] = int32(rnd.Uint32()) >> 14
			if wild {
				l.Bias[i] = int32(rnd.Uint32())
			}
		}
		for i := range l.Scale {
			l.Scale[i] = float32(math.Ldexp(rnd.Float64(), -14))
		}
		in, out := conv.NewMap(g.InH, g.InW, g.InC, n), conv.NewMap(oh, ow, g.OutC, n)
		x := make([]int8, in.Len())
		for i := range x {
			x[i] = int8(rnd.Uint32())
			if wild {
				x[i] = -128
			}
		}
		table := make([]uint8, 1024)
		for i := range table {
			table[i] = uint8(rnd.Uint32())
		}
		var wantY []int8
		var wantPixels []uint8
		for _, row := range simd.Variants() {
			y, pixels := make([]int8, out.Len()), make([]uint8, n*oh*ow*outC)
			p, err := conv.NewQPlan(g, in, out, row)
			if err != nil {
				t.Fatal(err)
			}
			s, err := conv.NewQSums(g, in, out, row)
			if err != nil {
				t.Fatal(err)
			}
			ws := conv.NewQWork(p, s)
			wp, err := p.Pack(l)
			if err != nil {
				t.Fatal(err)
			}
			wq, err := s.Pack(l)
			if err != nil {
				t.Fatal(err)
			}
			split := func(panels int, f func(part conv.Part)) {
				at, unit := rnd.IntN(n+1), rnd.IntN(panels+1)
				for _, part := range []conv.Part{{N0: 0, N1: at, P0: 0, P1: panels}, {N0: at, N1: n, P0: 0, P1: unit}, {N0: at, N1: n, P0: unit, P1: panels}} {
					f(part)
				}
			}
			split(p.Panels(), func(part conv.Part) { p.Forward(ws, y, x, wp, part) })
			split(s.Panels(), func(part conv.Part) { s.Pixels(ws, pixels, x, wq, table, part) })
			if wantY == nil {
				wantY, wantPixels = y, pixels
			}
			for i := range y {
				if y[i] != wantY[i] {
					t.Fatalf("row %s: element %d is %d, want %d", row.Name, i, y[i], wantY[i])
				}
			}
			for i := range pixels {
				if pixels[i] != wantPixels[i] {
					t.Fatalf("row %s: pixel %d is %d, want %d", row.Name, i, pixels[i], wantPixels[i])
				}
			}
		}
	})
}

// FuzzRequantise compares the kernels' last step, on any bits whatever, with the function that defines it.
func FuzzRequantise(f *testing.F) {
	f.Add(int32(5), float32(0.5), float32(0.3), int8(3))
	f.Add(int32(math.MinInt32), float32(math.MaxFloat32), float32(0), int8(-128))
	f.Add(int32(math.MaxInt32), float32(math.Inf(1)), float32(-1), int8(127))
	f.Add(int32(-1), float32(math.NaN()), float32(math.Inf(-1)), int8(0))
	f.Fuzz(func(t *testing.T, acc int32, scale, slope float32, zero int8) {
		if !(slope <= 1) {
			slope = 1
		}
		const n = 4096
		rnd := rand.New(rand.NewPCG(uint64(uint32(acc)), uint64(math.Float32bits(scale))))
		sums := make([]int32, n)
		for i := range sums { // neighbours, and anything
			if sums[i] = acc + int32(i) - n/2; i%2 == 0 {
				sums[i] = int32(rnd.Uint32()) >> rnd.IntN(31)
			}
		}
		for _, row := range simd.Variants() {
			q := row.Int8
			scales := make([]float32, q.NR)
			for j := range scales {
				if scales[j] = scale; j%3 == 1 {
					scales[j] = math.Float32frombits(rnd.Uint32())
				}
			}
			each := q.MR * q.NR
			var tiles []simd.QTile
			for at := 0; at+each <= n; at += each {
				h := int32(q.MR+1) / 2 * int32(q.NR)
				tiles = append(tiles, simd.QTile{
					C: int32(at), LDC: int32(q.NR), CRun: h, Q: int32(at), LDQ: int32(q.NR), Rows: int32(q.MR), Cols: int32(q.NR),
					Start: simd.StartC, Requantise: true,
				})
			}
			got := make([]int8, n)
			q.GEMM(&simd.QGEMM{
				Tiles: q.NewTiles(0, tiles, nil), To: len(tiles), C: sums, Q: got, Scale: scales, Slope: slope, Zero: int32(zero),
			})
			for i := range n / each * each {
				if want := simd.Requantise(sums[i], scales[i%q.NR], slope, int32(zero)); got[i] != want {
					t.Fatalf("row %s: Requantise(%d, %g, %g, %d) = %d, want %d", row.Name, sums[i], scales[i%q.NR], slope, zero, got[i], want)
				}
			}
		}
	})
}
