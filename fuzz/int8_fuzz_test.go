package fuzz

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// The int8 functions of every row against the scalar row, to the byte.

// qproduct is an int8 matrix product, (m, n) = sum over taps of (m, k) times (k, n), as tiles in
// the two-run layout.
type qproduct struct {
	m, n, k, taps    int
	lda, gapA, gapC  int
	start            uint8
	requantize, open bool
	x, w             []int8 // w is (tap, k, n)
	c, s             []int32
	scale            []float32
	slope            float32
	zero             int32
}

// run computes C and Q with a row.
func (p *qproduct) run(q *simd.Int8) (c []int32, out []int8) {
	ldc := p.n + p.gapC
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
	// What sums start from makes up for the offset of the activations, where they do not start from
	// C.
	block := q.PackedLen(p.k)
	for j := 0; j < p.n; j += q.NR {
		cols := min(q.NR, p.n-j)
		b, offset := p.pack(q, j, cols)
		var taps []simd.Tap
		for t := range p.taps {
			taps = append(taps, simd.Tap{A: t * p.k, B: t * block})
		}
		tiles := p.tiles(q, j, cols)
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
			Tiles: q.NewTiles(p.k, tiles, taps), To: len(tiles), Rows: min(q.MR, p.m),
			A: a, B: b, S: s, C: c, Q: out, Scale: scale, Slope: p.slope, Zero: p.zero,
		})
		if p.requantize { // C was only read
			copy(c, p.c)
		}
	}
	return c, out
}

// pack packs the weights of columns [j, j+cols), and returns what makes up for the offset of the
// activations.
func (p *qproduct) pack(q *simd.Int8, j, cols int) (b []int8, offset []int32) {
	block := q.PackedLen(p.k)
	b, offset = make([]int8, p.taps*block), make([]int32, q.NR)
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
	return b, offset
}

// tiles lists those of columns [j, j+cols).
func (p *qproduct) tiles(q *simd.Int8, j, cols int) (list []simd.QTile) {
	ld := p.n + p.gapC // of C and Q
	add := func(r, rows, runA, runC int) {
		list = append(list, simd.QTile{
			A: int32(r * p.lda), C: int32(r*ld + j), Q: int32(r*ld + j), LDA: int32(p.lda), LDC: int32(ld), LDQ: int32(ld),
			ARun: int32(runA), CRun: int32(runC), Rows: int32(rows), Cols: int32(cols), Taps: int32(p.taps),
			Start: p.start, Requantize: p.requantize,
		})
	}
	half := (p.m + 1) / 2
	if !p.requantize { // as many rows of the first half as of the second, or one more
		step := max(q.MR/2, 1)
		for r := 0; r < half; r += step {
			n := min(step, half-r)
			add(r, n+min(n, p.m-half-r), half*p.lda, half*ld)
		}
		return list
	}
	rows := min(q.MR, p.m)
	for r := 0; r < p.m; r += rows { // neighbors, whole tiles perhaps without saying how many
		n := min(rows, p.m-r)
		h := (n + 1) / 2
		if p.open && n == rows {
			n = 0
		}
		add(r, n, h*p.lda, h*ld)
	}
	return list
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
			requantize: mode&1 != 0, open: mode&3 == 3, slope: slope, zero: int32(zero),
		}
		p.fill(rnd, raw, int(mode&12))
		p.compare(t)
	})
}

// fill draws the operands; some of their bits come from raw, if there is any. Sums lose so many of
// theirs.
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
	if rnd.IntN(2) == 0 { // weights of 7 bits
		for i := range p.w {
			p.w[i] >>= 1
		}
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

// compare runs every row, and its kernels for small weights where these are, and returns how many
// results it compared with the scalar row's.
func (p *qproduct) compare(t *testing.T) (results int) {
	var wantC []int32
	var wantQ []int8
	check := func(name string, kernels *simd.Int8) {
		c, q := p.run(kernels)
		for j := range c {
			if c[j] != wantC[j] || q[j] != wantQ[j] {
				t.Fatalf("row %s: element %d is %d and %d, want %d and %d", name, j, c[j], q[j], wantC[j], wantQ[j])
			}
		}
		results += len(c)
	}
	for i, row := range simd.Variants() {
		if i == 0 {
			wantC, wantQ = p.run(row.Int8)
			continue
		}
		check(row.Name, row.Int8)
		if small := row.Int8.Small; small != nil && simd.SmallWeights(p.w) {
			check(row.Name+", 7 bits", small)
		}
	}
	return results
}

// TestQSoak compares random cases, so many of them that chance finds what seeds do not:
// GANTINY_SOAK=1000000, or =FROM-TO to go on where another run ended. Case i is the same
// everywhere. 15 of 16 are products, the others whole layers.
func TestQSoak(t *testing.T) {
	from, to := 0, 800
	if s := os.Getenv("GANTINY_SOAK"); s != "" {
		first, last, sliced := strings.Cut(s, "-")
		if !sliced {
			first, last = "0", s
		}
		var errs [2]error
		from, errs[0] = strconv.Atoi(first)
		to, errs[1] = strconv.Atoi(last)
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
	}
	layers, results, begin := 0, 0, from
	count := func(at int) {
		t.Logf("cases %d to %d, of them %d layers: %d results of other rows are those of the scalar row", begin, at, layers, results)
	}
	for i := from; i < to; i++ {
		rnd := rand.New(rand.NewPCG(30, uint64(i)))
		n := 0
		if i%16 == 15 {
			layers++
			n = randomLayer(rnd).compare(t, rnd)
		} else {
			n = randomProduct(rnd).compare(t)
		}
		if results += n; t.Failed() {
			t.Fatalf("case %d", i)
		}
		if (i+1)%1e6 == 0 {
			count(i + 1)
		}
	}
	count(to)
}

// randomProduct draws a product, a third of them from numbers at the ends of their ranges.
func randomProduct(rnd *rand.Rand) *qproduct {
	extremes := []byte{0x80, 0x7f, 0x81, 0x80, 0x80, 0x7f, 0, 0, 0x80, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0xc0, 0x7f}
	p := &qproduct{
		m: rnd.IntN(16) + 1, n: rnd.IntN(40) + 1, k: rnd.IntN(20), taps: rnd.IntN(4), gapA: rnd.IntN(3), gapC: rnd.IntN(3),
		start: uint8(rnd.IntN(3)), requantize: rnd.IntN(2) == 0, open: rnd.IntN(2) == 0,
		slope: []float32{1, 0.3, 0, -0.5}[rnd.IntN(4)], zero: int32(rnd.IntN(256) - 128),
	}
	if rnd.IntN(64) == 0 { // longer than what one call contracts
		p.m, p.n, p.k = rnd.IntN(3)+1, rnd.IntN(10)+1, rnd.IntN(600)
	}
	var raw []byte
	if rnd.IntN(3) == 0 {
		raw = extremes
	}
	p.fill(rnd, raw, rnd.IntN(16))
	return p
}

// randomLayer draws a small layer.
func randomLayer(rnd *rand.Rand) *qlayer {
	return newQLayer(rnd, uint8(rnd.IntN(5)), uint8(rnd.IntN(5)), uint8(rnd.IntN(20)), uint8(rnd.IntN(40)), uint8(rnd.IntN(5)), uint8(rnd.IntN(3)), uint8(rnd.IntN(256)), uint8(rnd.IntN(17)))
}

// FuzzQPlan runs whole layers, cut into parts at random.
func FuzzQPlan(f *testing.F) {
	for i, s := range [][8]uint8{
		{7, 7, 1, 1, 5, 1, 0x80, 16}, {5, 6, 2, 3, 4, 2, 0x81, 9}, {4, 9, 1, 2, 6, 3, 0x81, 12}, {3, 3, 3, 2, 5, 1, 0x81, 30},
		{7, 7, 16, 33, 5, 1, 1, 2}, {7, 7, 9, 16, 5, 2, 1, 3}, {6, 6, 20, 1, 5, 2, 1, 9}, {1, 1, 100, 40, 1, 1, 2, 5},
		{5, 4, 3, 8, 3, 1, 0, 1}, {8, 8, 4, 70, 4, 2, 0, 17}, {3, 3, 1, 1, 2, 3, 1, 4}, {9, 2, 8, 8, 3, 2, 4, 2},
	} {
		f.Add(uint64(i), s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7])
	}
	f.Fuzz(func(t *testing.T, seed uint64, h, w, ci, co, kernel, stride, kind, images uint8) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		newQLayer(rnd, h-1, w-1, ci-1, co-1, kernel-1, stride-1, kind, images-1).compare(t, rnd)
	})
}

// qlayer is a quantized layer with its input.
type qlayer struct {
	g        conv.Geometry
	oh, ow   int
	l        conv.QLayer
	in, out  conv.Layout
	x        []int8
	table    []uint8
	n        int
	possible bool // there is such a geometry
}

// newQLayer makes a layer of the sizes, each taken as one less than it says and kept within bounds,
// on random numbers. kind says whether it is a convolution, a transposed one or dense, and has
// groups; its highest bit asks for one that Winograd's algorithm computes, if that pays for so many
// images.
func newQLayer(rnd *rand.Rand, h, w, ci, co, kernel, stride, kind, images uint8) *qlayer {
	size := func(v uint8, limit int) int { return int(v)%limit + 1 }
	inH, inW, inC, outC := size(h, 9), size(w, 9), size(ci, 40), size(co, 70)
	q := &qlayer{n: size(images, 30)}
	switch kind % 3 {
	case 0, 1:
		q.g = conv.Same(inH, inW, inC, outC, size(kernel, 5), size(stride, 3), kind%3 == 1)
		if kind&4 != 0 && inC == outC {
			q.g.Groups = inC
		}
		if kind&0x80 != 0 {
			channels := func(v uint8) int { return 32 + 16*int(v%3) }
			if q.g = conv.Same(inH, inW, channels(ci), channels(co), 3+int(kernel)%4, 1, kind%3 == 1); q.g.Transposed {
				q.g = conv.Same(inH, inW, channels(ci), channels(co), 3+int(kernel)%4, 1+int(stride)%2, true)
			}
		}
	default:
		q.g = conv.Dense(inH%3+1, inW%3+1, inC, size(kernel, 5), size(stride, 3), outC)
	}
	var err error
	if q.oh, q.ow, err = q.g.Out(); err != nil {
		return q
	}
	q.possible = true
	per := q.g.OutC
	if q.g.IsDense() {
		per *= q.oh * q.ow
	}
	q.fill(rnd, per)
	return q
}

// fill draws the layer's values and its input: one in three times extremes that saturate. Every
// other layer's weights have 7 bits.
func (q *qlayer) fill(rnd *rand.Rand, per int) {
	q.l = conv.QLayer{
		Weights: make([]int8, q.g.WeightLen()), Bias: make([]int32, per), Scale: make([]float32, per),
		Slope: []float32{1, 0.3, 0}[rnd.IntN(3)], InZero: int32(int8(rnd.Uint32())), OutZero: int32(int8(rnd.Uint32())),
	}
	wild, small := rnd.IntN(3) == 0, rnd.IntN(2) == 0
	extreme := int8(127)
	if small {
		extreme = []int8{63, -64}[rnd.IntN(2)]
	}
	for i := range q.l.Weights {
		q.l.Weights[i] = max(int8(rnd.Uint32()), -127)
		if small {
			q.l.Weights[i] >>= 1
		}
		if wild {
			q.l.Weights[i] = extreme
		}
	}
	for i := range q.l.Bias {
		q.l.Bias[i] = int32(rnd.Uint32()) >> 14
		if wild {
			q.l.Bias[i] = int32(rnd.Uint32())
		}
	}
	for i := range q.l.Scale {
		q.l.Scale[i] = float32(math.Ldexp(rnd.Float64(), -14))
		if wild && i%3 == 0 {
			q.l.Scale[i] = []float32{0, math.SmallestNonzeroFloat32, math.MaxFloat32, 1}[rnd.IntN(4)]
		}
	}
	q.in, q.out = conv.NewLayout(q.g.InH, q.g.InW, q.g.InC, q.n), conv.NewLayout(q.oh, q.ow, q.g.OutC, q.n)
	same := int8(-128)
	if small && wild && rnd.IntN(2) == 0 { // as unsigned bytes the largest
		same = 127
	}
	q.x, q.table = make([]int8, q.in.Len()), make([]uint8, 1024)
	for i := range q.x {
		q.x[i] = int8(rnd.Uint32())
		if wild {
			q.x[i] = same
		}
	}
	for i := range q.table {
		q.table[i] = uint8(rnd.Uint32())
	}
}

// compare runs every row, the work cut into parts at random, and returns how many results it
// compared with the scalar row's.
func (q *qlayer) compare(t *testing.T, rnd *rand.Rand) (results int) {
	if !q.possible {
		return 0
	}
	var wantY []int8
	var wantPixels []uint8
	for i, row := range simd.Variants() {
		y, pixels := q.run(t, rnd, row)
		if i == 0 {
			wantY, wantPixels = y, pixels
			continue
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
		results += len(y) + len(pixels)
	}
	return results
}

// run computes the layer as bytes and as pixels.
func (q *qlayer) run(t *testing.T, rnd *rand.Rand, row *simd.Kernels) (y []int8, pixels []uint8) {
	y, pixels = make([]int8, q.out.Len()), make([]uint8, q.n*q.oh*q.ow*q.g.OutC)
	p, err := conv.NewQPlanFor(q.l.Weights, q.g, q.in, q.out, row)
	if err != nil {
		t.Fatal(err)
	}
	s, err := conv.NewQSumsFor(q.l.Weights, q.g, q.in, q.out, row)
	if err != nil {
		t.Fatal(err)
	}
	ws := conv.NewQWorkspace(p, s)
	wp, err := p.Pack(q.l)
	if err != nil {
		t.Fatal(err)
	}
	wq, err := s.Pack(q.l)
	if err != nil {
		t.Fatal(err)
	}
	split := func(panels int, f func(part conv.Share)) {
		at, unit := rnd.IntN(q.n+1), rnd.IntN(panels+1)
		for _, part := range []conv.Share{{N0: 0, N1: at, P0: 0, P1: panels}, {N0: at, N1: q.n, P0: 0, P1: unit}, {N0: at, N1: q.n, P0: unit, P1: panels}} {
			f(part)
		}
	}
	split(p.Panels(), func(part conv.Share) { p.Forward(ws, y, q.x, wp, part) })
	split(s.Panels(), func(part conv.Share) { s.Pixels(ws, pixels, q.x, wq, q.table, part) })
	return y, pixels
}

// FuzzRequantize compares the kernels' last step, on any bits whatever, with the function that
// defines it.
func FuzzRequantize(f *testing.F) {
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
		for i := range sums { // neighbors, and anything
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
					Start: simd.StartC, Requantize: true,
				})
			}
			got := make([]int8, n)
			q.GEMM(&simd.QGEMM{
				Tiles: q.NewTiles(0, tiles, nil), To: len(tiles), C: sums, Q: got, Scale: scales, Slope: slope, Zero: int32(zero),
			})
			for i := range n / each * each {
				if want := simd.Requantize(sums[i], scales[i%q.NR], slope, int32(zero)); got[i] != want {
					t.Fatalf("row %s: Requantize(%d, %g, %g, %d) = %d, want %d", row.Name, sums[i], scales[i%q.NR], slope, zero, got[i], want)
				}
			}
		}
	})
}
