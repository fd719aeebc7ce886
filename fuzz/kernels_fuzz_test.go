package fuzz

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/gantiny/gantiny/simd"
)

// Every row of kernels against the scalar one. Rows of one kind (fused or not) must agree to the
// bit on any values; rows of different kinds within the rounding of tame values, as far as a
// function has products to fuse.

// args are the arguments of one call: whole has rows*channels elements in each slice, per has
// channels, row has rows.
type args struct {
	whole, per [6][]float32
	row        []float32
	bits       [2][]uint32
	slope, a   float32
	key        [2]uint32
	first      uint32
}

// kernelOps are the element-wise functions of a row, with the largest difference that fusing may
// make to values in [-2, 2], in units of 2^-24; 0: there is nothing to fuse.
var kernelOps = []struct {
	name string
	run  func(k *simd.Kernels, x *args)
	tol  func(rows float64) float64
}{
	{"Add", func(k *simd.Kernels, x *args) { k.Add(x.whole[0], x.whole[1]) }, nil},
	{"Scale", func(k *simd.Kernels, x *args) { k.Scale(x.whole[0], x.a) }, nil},
	{"Axpy", func(k *simd.Kernels, x *args) { k.Axpy(x.whole[0], x.a, x.whole[1]) }, constant(16)},
	{"Tanh", func(k *simd.Kernels, x *args) { k.Tanh(x.whole[0], x.whole[1]) }, constant(4)},
	{"Sigmoid", func(k *simd.Kernels, x *args) { k.Sigmoid(x.whole[0], x.whole[1]) }, constant(4)},
	{"TanhGrad", func(k *simd.Kernels, x *args) { k.TanhGrad(x.whole[0], x.whole[1], x.whole[2]) }, constant(40)},
	{"BiasLeaky", func(k *simd.Kernels, x *args) { k.BiasLeaky(x.whole[0], x.whole[1], x.per[0], x.slope) }, nil},
	{"GELU", func(k *simd.Kernels, x *args) { k.GELU(x.whole[0], x.whole[1]) }, constant(32)},
	{"Gate", func(k *simd.Kernels, x *args) {
		k.Gate(x.whole[0], x.whole[1], 0.7+max(x.slope, -x.slope), max(x.a, -x.a))
	}, constant(32)},
	{"Softplus", func(k *simd.Kernels, x *args) { k.Softplus(x.whole[0], x.whole[1]) }, constant(32)},
	{"Mish", func(k *simd.Kernels, x *args) { k.Mish(x.whole[0], x.whole[1]) }, constant(32)},
	{"ELU", func(k *simd.Kernels, x *args) { k.ELU(x.whole[0], x.whole[1], x.a, x.slope) }, constant(64)},
	{"LeakyGrad", func(k *simd.Kernels, x *args) { k.LeakyGrad(x.whole[0], x.whole[1], x.whole[2], x.slope) }, nil},
	{"RowScale", func(k *simd.Kernels, x *args) { k.RowScale(x.whole[0], x.row) }, nil},
	{"ColumnSums", func(k *simd.Kernels, x *args) { k.ColumnSums(x.per[0], x.whole[0]) }, nil},
	{"Moments", func(k *simd.Kernels, x *args) { k.Moments(x.per[0], x.per[1], x.whole[0], x.per[2]) }, rounding(96, 32)},
	{"Affine", func(k *simd.Kernels, x *args) { k.Affine(x.whole[0], x.whole[1], x.per[0], x.per[1], x.slope) }, constant(32)},
	{"AffineGradSums", func(k *simd.Kernels, x *args) {
		k.AffineGradSums(x.per[4], x.per[5], x.whole[0], x.whole[1], x.per[0], x.per[1], x.per[2], x.slope)
	}, rounding(48, 16)},
	{"AffineGrad", func(k *simd.Kernels, x *args) {
		k.AffineGrad(x.whole[2], x.whole[0], x.whole[1], x.per[0], x.per[1], x.per[2], x.per[3], x.slope)
	}, constant(100)},
	{"Adam", func(k *simd.Kernels, x *args) {
		k.Adam(x.whole[0], x.whole[1], x.whole[2], x.whole[3], simd.AdamStep{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-7})
	}, constant(40)},
	{"Dropout", func(k *simd.Kernels, x *args) {
		k.Dropout(x.whole[0], x.whole[1], simd.Dropout{Kept: x.bits[0], Above: x.bits[1], Key: x.key, First: x.first, Keep: x.key[0], Scale: x.a})
	}, nil},
	{"DropoutGrad", func(k *simd.Kernels, x *args) { k.DropoutGrad(x.whole[0], x.whole[1], x.bits[0], x.a) }, nil},
	{"DropoutLeakyGrad", func(k *simd.Kernels, x *args) {
		k.DropoutLeakyGrad(x.whole[0], x.whole[1], x.bits[0], x.bits[1], x.a, x.slope)
	}, nil},
}

func constant(t float64) func(float64) float64 { return func(float64) float64 { return t } }

// rounding is the bound of a sum over rows whose terms err by term and grow it by step.
func rounding(term, step float64) func(float64) float64 {
	return func(rows float64) float64 { return term*rows + step*rows*rows }
}

const guardBits, guardLen = 0x7fa5a5a5, 40

// newArgs draws the arguments for one shape. All slices stand in one block, between guard values,
// offset off their alignment. Tame values lie in [-2, 2], away from the kink of a leaky unit;
// others take their bits from raw.
func newArgs(seed uint64, rows, channels, offset int, slope float32, raw []byte) (x *args, block []float32) {
	n := rows * channels
	words := (n + 31) / 32
	block = make([]float32, offset+guardLen+6*(n+guardLen)+6*(channels+guardLen)+rows+guardLen+2*(words+guardLen))
	for i := range block {
		block[i] = math.Float32frombits(guardBits)
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	tame := len(raw) < 4
	at := offset
	next := func(n int) []float32 {
		s := block[at+guardLen:][:n:n]
		at += guardLen + n
		for i := range s {
			if s[i] = 4*rnd.Float32() - 2; !tame && rnd.IntN(2) == 0 {
				s[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[rnd.IntN(len(raw)-3):]))
			}
		}
		return s
	}
	x = &args{slope: slope, a: 4*rnd.Float32() - 2, key: [2]uint32{rnd.Uint32(), rnd.Uint32()}, first: rnd.Uint32()}
	for i := range x.whole {
		x.whole[i], x.per[i] = next(n), next(channels)
	}
	x.row = next(rows)
	for m := range x.bits {
		mask := next(words)
		x.bits[m] = unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(mask))), words)
		for i := range x.bits[m] {
			x.bits[m][i] = rnd.Uint32()
		}
	}
	if tame {
		for c, b := range x.per[1] {
			x.per[1][c] = float32(math.Copysign(0.05+0.9*math.Abs(float64(b)), float64(b)))
		}
		for i, v := range x.whole[1] {
			for c := i % channels; math.Abs(float64(x.per[0][c])*float64(v)+float64(x.per[1][c])) < 1e-3; {
				v = 4*rnd.Float32() - 2
			}
			x.whole[1][i] = v
		}
	}
	return x, block
}

// positive makes v what Adam's second moment is.
func positive(v []float32) {
	for i, x := range v {
		v[i] = 0.01 + max(x, -x)
	}
}

func FuzzElementwise(f *testing.F) {
	wild := make([]byte, 0, 64)
	for _, v := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, 1e-45, 87.5, -0.5} {
		wild = binary.LittleEndian.AppendUint32(wild, math.Float32bits(float32(v)))
	}
	for op := range kernelOps {
		for _, shape := range [][2]uint8{{1, 1}, {1, 255}, {3, 17}, {2, 64}, {7, 33}, {0, 5}, {5, 0}, {31, 16}} {
			f.Add(uint8(op), uint64(op), shape[0], shape[1], shape[0], float32(0.3), []byte(nil))
			f.Add(uint8(op), uint64(op), shape[0], shape[1], uint8(0), float32(0), wild)
		}
	}
	f.Fuzz(func(t *testing.T, op uint8, seed uint64, rows, channels, offset uint8, slope float32, raw []byte) {
		o := &kernelOps[int(op)%len(kernelOps)]
		tame := len(raw) < 4
		if tame && !(math.Abs(float64(slope)) <= 1) {
			slope = 0.3
		}
		results := make(map[bool][]float32) // the first row of each kind
		for _, k := range simd.Variants() {
			x, block := newArgs(seed, int(rows)%64, int(channels), int(offset)%8, slope, raw)
			if o.name == "Adam" && tame {
				positive(x.whole[2])
			}
			if rows%64 == 0 {
				x.row = nil
			}
			o.run(k, x)
			fused := k.FMA && o.tol != nil
			if first, ok := results[fused]; !ok {
				results[fused] = block
			} else if i := firstDifference(block, first); i >= 0 {
				t.Fatalf("%s, row %s: element %d of the block is %g, want %g", o.name, k.Name, i, block[i], first[i])
			}
			if !fused || !tame {
				continue
			}
			tol := o.tol(float64(rows%64)) / (1 << 24)
			for i, want := range results[false] {
				if got := block[i]; got == got && math.Abs(float64(got)-float64(want)) > tol || (got == got) != (want == want) {
					t.Fatalf("%s, row %s: element %d of the block is %g, scalar %g, allowed %.3g", o.name, k.Name, i, got, want, tol)
				}
			}
		}
	})
}

// firstDifference is the first index at which bits differ, all NaNs being the same unless one is a
// guard value; -1: none.
func firstDifference(a, b []float32) int {
	for i := range a {
		x, y := math.Float32bits(a[i]), math.Float32bits(b[i])
		if x != y && (a[i] == a[i] || b[i] == b[i] || x == guardBits || y == guardBits) {
			return i
		}
	}
	return -1
}

func FuzzReductions(f *testing.F) {
	for _, n := range []uint16{0, 1, 7, 8, 31, 32, 33, 64, 65, 255, 1000} {
		f.Add(uint64(n), n, uint8(n))
	}
	f.Fuzz(func(t *testing.T, seed uint64, count uint16, offset uint8) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		at, n := int(offset)%8, int(count)%3000
		x, y := noise(rnd, at+n)[at:], noise(rnd, at+n)[at:]
		var absSum, absDot float64
		for i := range x {
			absSum += math.Abs(float64(x[i]))
			absDot += math.Abs(float64(x[i]) * float64(y[i]))
		}
		scalar := simd.Variants()[0]
		for _, k := range simd.Variants() {
			if e := math.Abs(float64(k.Sum(x)) - float64(scalar.Sum(x))); e > float64(n+1)*absSum/(1<<24) {
				t.Errorf("row %s: Sum of %d is %g, scalar %g", k.Name, n, k.Sum(x), scalar.Sum(x))
			}
			if e := math.Abs(float64(k.Dot(x, y)) - float64(scalar.Dot(x, y))); e > float64(n+2)*absDot/(1<<24) {
				t.Errorf("row %s: Dot of %d is %g, scalar %g", k.Name, n, k.Dot(x, y), scalar.Dot(x, y))
			}
		}
	})
}

func FuzzTransform(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint8(8), uint8(8), uint8(0), uint8(3))
	f.Add(uint64(2), uint16(33), uint8(4), uint8(8), uint8(5), uint8(0))
	f.Add(uint64(3), uint16(7), uint8(1), uint8(1), uint8(1), uint8(1))
	f.Add(uint64(4), uint16(0), uint8(8), uint8(5), uint8(2), uint8(2))
	f.Add(uint64(5), uint16(1024), uint8(5), uint8(3), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, count uint16, rows, cols, gapD, gapS uint8) {
		n, r, c := int(count)%2000, int(rows)%8+1, int(cols)%8+1
		ds, ss := n+int(gapD), n+int(gapS)
		var reference, fused []float32
		for _, k := range simd.Variants() {
			rnd := rand.New(rand.NewPCG(seed, 2))
			src, m := noise(rnd, (c-1)*ss+n), noise(rnd, r*c)
			block := noise(rnd, (r-1)*ds+n+guardLen)
			k.Transform(block[:(r-1)*ds+n], ds, src, ss, n, m, r, c)
			checkRow(t, k, block, &reference, &fused, func(int) float64 { return float64(2*c*c) / (1 << 23) })
		}
	})
}

// FuzzMoves: CopyRows and Transpose move the bits that the scalar row moves, NaN among them, and
// nothing else.
func FuzzMoves(f *testing.F) {
	f.Add(uint64(1), uint8(16), uint8(16), uint8(0), uint8(0), uint8(0), uint8(0))
	f.Add(uint64(2), uint8(33), uint8(7), uint8(3), uint8(1), uint8(1), uint8(2))
	f.Add(uint64(3), uint8(0), uint8(9), uint8(2), uint8(2), uint8(0), uint8(0))
	f.Add(uint64(4), uint8(1), uint8(130), uint8(0), uint8(5), uint8(3), uint8(3))
	f.Add(uint64(5), uint8(47), uint8(255), uint8(16), uint8(0), uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, gapD, gapS, offD, offS uint8) {
		r, c := int(rows), int(cols)
		d, s := int(offD)%16, int(offS)%16 // off their natural alignment
		rnd := rand.New(rand.NewPCG(seed, 5))
		any := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(rnd.Uint32())
			}
			return x
		}
		ss := c + int(gapS)
		src := any(s + r*ss)
		for _, move := range []struct {
			name string
			len  int // of a row of dst
			rows int
			do   func(k *simd.Kernels, dst []float32, ds int)
		}{
			{"CopyRows", c, r, func(k *simd.Kernels, dst []float32, ds int) { k.CopyRows(dst, ds, src[s:], ss, r, c) }},
			{"Transpose", r, c, func(k *simd.Kernels, dst []float32, ds int) { k.Transpose(dst, ds, src[s:], ss, r, c) }},
		} {
			ds := move.len + int(gapD)
			blank := any(d + move.rows*ds + guardLen)
			want := slices.Clone(blank)
			move.do(simd.Variants()[0], want[d:], ds)
			for i := range r {
				for j := range c {
					at := i*ds + j
					if move.name == "Transpose" {
						at = j*ds + i
					}
					if math.Float32bits(want[d+at]) != math.Float32bits(src[s+i*ss+j]) {
						t.Fatalf("scalar %s: row %d, column %d went elsewhere", move.name, i, j)
					}
				}
			}
			for _, k := range simd.Variants()[1:] {
				got := slices.Clone(blank)
				move.do(k, got[d:], ds)
				for i := range want {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
						t.Fatalf("row %s, %s of %d x %d: element %d has bits %#x, want %#x", k.Name, move.name, r, c, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
					}
				}
			}
		}
	})
}

// checkRow compares row k's result with the scalar row's, which comes first: to the bit if it is of
// the same kind, else with the first fused row's to the bit and with the scalar row's within
// tol(i).
func checkRow(t *testing.T, k *simd.Kernels, got []float32, reference, fused *[]float32, tol func(i int) float64) {
	t.Helper()
	same := reference
	if k.FMA {
		same = fused
	}
	if *same == nil {
		*same = got
	}
	if i := firstDifference(got, *same); i >= 0 {
		t.Fatalf("row %s: element %d is %g, want %g", k.Name, i, got[i], (*same)[i])
	}
	for i, want := range *reference {
		if e := math.Abs(float64(got[i]) - float64(want)); k.FMA && !(e <= tol(i)) {
			t.Fatalf("row %s: element %d is %g, scalar %g: %.3g apart, allowed %.3g", k.Name, i, got[i], want, e, tol(i))
		}
	}
}

// noise draws n values in [-1, 1].
func noise(rnd *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*rnd.Float32() - 1
	}
	return x
}
