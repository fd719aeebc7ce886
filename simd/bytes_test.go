package simd

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

// The models below are of whole numbers without limits.

// byteModel is byte(round(v / 2^shift), zero).
func byteModel(v *big.Int, shift, zero int32) int8 {
	v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(shift-1)))
	v.Rsh(v, uint(shift)) // rounds down
	v.Add(v, big.NewInt(int64(zero)))
	switch {
	case v.Cmp(big.NewInt(127)) > 0:
		return 127
	case v.Cmp(big.NewInt(-128)) < 0:
		return -128
	}
	return int8(v.Int64())
}

func product(factors ...int64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, big.NewInt(f))
	}
	return p
}

// someByte is any byte, an extreme one now and then.
func someByte(rnd *rand.Rand) int32 {
	return []int32{-128, 127, 0, int32(rnd.IntN(256)) - 128, int32(rnd.IntN(256)) - 128, int32(rnd.IntN(256)) - 128}[rnd.IntN(6)]
}

// fillBytes writes any bytes, or the least and the largest ones.
func fillBytes(rnd *rand.Rand, extreme bool, s []int8) {
	for i := range s {
		s[i] = int8(rnd.Uint32())
		if extreme {
			s[i] = []int8{-128, 127}[rnd.IntN(2)]
		}
	}
}

// factorOf is any whole number of up to that many bits, the largest now and then.
func factorOf(rnd *rand.Rand, bits int) int64 {
	m := rnd.Int64N(1<<bits + 1)
	if rnd.IntN(4) == 0 {
		m = 1 << bits
	}
	if rnd.IntN(2) == 0 {
		m = -m
	}
	return m
}

// shiftOf is any shift, one by which what has so many bits becomes a byte most of the time.
func shiftOf(rnd *rand.Rand, bits int) int32 {
	if rnd.IntN(3) == 0 {
		return 1 + rnd.Int32N(62)
	}
	return max(1, int32(bits)-8+rnd.Int32N(5)-2)
}

// eachBytes runs f for every row, kind of memory and, of some, length; with extreme bytes and others.
func eachBytes(t *testing.T, lengths []int, f func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string)) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(41, 0))
		for where, mem := range memories() {
			for _, n := range lengths {
				for _, extreme := range []bool{false, true} {
					mem.reset()
					f(t, k.Bytes, rnd, mem, n, extreme, fmt.Sprintf("%d elements, extreme %v, %s", n, extreme, where))
					mem.check(t)
					if t.Failed() {
						t.Fatal(where, n, extreme)
					}
				}
			}
		}
	})
}

func anyTable(rnd *rand.Rand) (entry [256]int8) {
	for i := range entry {
		entry[i] = int8(rnd.Uint32())
	}
	return entry
}

func TestByteTable(t *testing.T) {
	eachBytes(t, lengths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		entry := anyTable(rnd)
		dst, x, want := bytesOf(mem, n), bytesOf(mem, n), make([]int8, n)
		fillBytes(rnd, extreme, x)
		for i, v := range x {
			want[i] = entry[int(v)+128]
		}
		table := NewByteTable(&entry)
		k.Table(dst, x, table)
		sameInts(t, label, dst, want)
		k.Table(x, x, table)
		sameInts(t, label+", in place", x, want)
	})
}

// Each entry is found, in every place of a vector.
func TestByteTableEntries(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		entry := anyTable(rand.New(rand.NewPCG(42, 0)))
		x, dst, want := make([]int8, 257*256), make([]int8, 257*256), make([]int8, 257*256)
		for i := range x {
			x[i] = int8(i % 257)
			want[i] = entry[int(x[i])+128]
		}
		k.Bytes.Table(dst, x, NewByteTable(&entry))
		sameInts(t, "all bytes", dst, want)
	})
}

func TestByteSum(t *testing.T) {
	eachBytes(t, lengths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		s := ByteSum{A: int32(factorOf(rnd, 21)), B: int32(factorOf(rnd, 21)), Shift: shiftOf(rnd, 30), Zero: someByte(rnd)}
		x0, y0 := someByte(rnd), someByte(rnd)
		s.C = -s.A*x0 - s.B*y0
		dst, x, y, want := bytesOf(mem, n), bytesOf(mem, n), bytesOf(mem, n), make([]int8, n)
		fillBytes(rnd, extreme, x)
		fillBytes(rnd, extreme, y)
		for i := range x {
			v := product(int64(x[i])-int64(x0), int64(s.A))
			want[i] = byteModel(v.Add(v, product(int64(y[i])-int64(y0), int64(s.B))), s.Shift, s.Zero)
		}
		k.Add(dst, x, y, &s)
		sameInts(t, fmt.Sprint(label, s), dst, want)
		k.Add(x, x, y, &s)
		sameInts(t, fmt.Sprint(label, s, ", in place"), x, want)
	})
}

func TestByteProduct(t *testing.T) {
	eachBytes(t, lengths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		shift := shiftOf(rnd, 46)
		m := factorOf(rnd, 30)
		if shift < 16 { // as quant.Fixed gives it
			m = (1<<29 + rnd.Int64N(1<<29)) * []int64{-1, 0, 1}[rnd.IntN(3)]
		}
		x0, y0, zero := someByte(rnd), someByte(rnd), someByte(rnd)
		dst, x, y, want := bytesOf(mem, n), bytesOf(mem, n), bytesOf(mem, n), make([]int8, n)
		fillBytes(rnd, extreme, x)
		fillBytes(rnd, extreme, y)
		for i := range x {
			want[i] = byteModel(product(int64(x[i])-int64(x0), int64(y[i])-int64(y0), m), shift, zero)
		}
		k.Mul(dst, x, y, NewByteProduct(x0, y0, m, int(shift), zero))
		label = fmt.Sprintf("%s: zero points %d, %d, %d, %d / 2^%d", label, x0, y0, zero, m, shift)
		sameInts(t, label, dst, want)
		k.Mul(y, x, y, NewByteProduct(x0, y0, m, int(shift), zero))
		sameInts(t, label+", in place", y, want)
	})
}

func TestByteAffine(t *testing.T) {
	widths := []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100}
	eachBytes(t, widths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		rows, ds, xs := rnd.IntN(5), n+rnd.IntN(4), n+rnd.IntN(4)
		a := ByteAffine{Weight: intsOf(mem, n), Bias: intsOf(mem, n), Shift: intsOf(mem, n), Zero: someByte(rnd)}
		if rnd.IntN(3) > 0 {
			a.Slope = intsOf(mem, n)
		}
		for c := range n {
			// The largest are those that still fit an int32.
			a.Weight[c], a.Bias[c], a.Shift[c] = int32(factorOf(rnd, 22)), int32(factorOf(rnd, 30)), shiftOf(rnd, 30)
			if a.Slope != nil {
				a.Slope[c] = []int32{0, 1 << 16, rnd.Int32N(1<<16 + 1)}[rnd.IntN(3)]
			}
		}
		whole := max(rows-1, 0)
		dst, x := bytesOf(mem, whole*ds+n), bytesOf(mem, whole*xs+n)
		fillBytes(rnd, false, dst)
		fillBytes(rnd, extreme, x)
		want := append([]int8(nil), dst...)
		for r := range rows {
			for c := range n {
				v := product(int64(x[r*xs+c]), int64(a.Weight[c]))
				v.Add(v, big.NewInt(int64(a.Bias[c])))
				if a.Slope != nil && v.Sign() < 0 {
					v.Mul(v, big.NewInt(int64(a.Slope[c])))
					v.Rsh(v, 16)
				}
				want[r*ds+c] = byteModel(v, a.Shift[c], a.Zero)
			}
		}
		k.Affine(dst, ds, x, xs, rows, a)
		sameInts(t, fmt.Sprint(label, ", rows ", rows), dst, want)
	})
}

func TestByteMoments(t *testing.T) {
	widths := []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100}
	eachBytes(t, widths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		rows, xs := []int{0, 1, 2, 5, 40}[rnd.IntN(5)], n+rnd.IntN(4)
		x, sum, squares := bytesOf(mem, max(rows-1, 0)*xs+n), intsOf(mem, n), intsOf(mem, n)
		fillBytes(rnd, extreme, x)
		fillInts(rnd, sum)
		fillInts(rnd, squares)
		wantSum, wantSquares := make([]int32, n), make([]int32, n)
		for r := range rows {
			for c := range n {
				v := int32(x[r*xs+c])
				wantSum[c] += v
				wantSquares[c] += v * v
			}
		}
		k.Moments(sum, squares, x, xs, rows)
		sameInts(t, label, sum, wantSum)
		sameInts(t, label+", squares", squares, wantSquares)
	})
}

// The most rows whose moments fit, all of them extreme, and one more.
func TestByteMomentsLong(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		x := make([]int8, 17*(MaxMoments+1))
		for i := range x {
			x[i] = -128
		}
		sum, squares := make([]int32, 17), make([]int32, 17)
		k.Bytes.Moments(sum, squares, x, 17, MaxMoments)
		for c := range sum {
			if sum[c] != -128*MaxMoments || squares[c] != 128*128*MaxMoments {
				t.Fatalf("column %d: %d, %d", c, sum[c], squares[c])
			}
		}
		if !panics(func() { k.Bytes.Moments(sum, squares, x, 17, MaxMoments+1) }) {
			t.Error("no panic at too many rows")
		}
	})
}

func TestByteMean(t *testing.T) {
	lengths := []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 129, 200}
	eachBytes(t, lengths, func(t *testing.T, k *Bytes, rnd *rand.Rand, mem memory, n int, extreme bool, label string) {
		rows, stride := 1+rnd.IntN(6), n+rnd.IntN(4)
		most := []int32{1, 16, 1<<15 - 1, 1 << 15, 1 << 20}[rnd.IntN(5)] // of the weights
		var terms []ByteTerm
		total := int64(0)
		for range rnd.IntN(10) {
			terms = append(terms, ByteTerm{int32(rnd.IntN(rows)), rnd.Int32N(2*most+1) - most})
			total += int64(terms[len(terms)-1].Weight)
		}
		in, zero, m := someByte(rnd), someByte(rnd), factorOf(rnd, 23)
		shift := shiftOf(rnd, 40)
		src, dst, want := bytesOf(mem, (rows-1)*stride+n), bytesOf(mem, n), make([]int8, n)
		fillBytes(rnd, extreme, src)
		for i := range want {
			v := -total * int64(in)
			for _, term := range terms {
				v += int64(term.Weight) * int64(src[int(term.From)*stride+i])
			}
			want[i] = byteModel(product(v, m), shift, zero)
		}
		k.Mean(dst, src, stride, NewByteMean(terms, in, m, int(shift), zero))
		sameInts(t, fmt.Sprintf("%s: %d terms, weights up to %d, %d / 2^%d, zero points %d, %d", label, len(terms), most, m, shift, in, zero), dst, want)
	})
}

// Work that takes several calls of a kernel allocates nothing, and the bytes are the scalar row's.
func TestBytesLong(t *testing.T) {
	scalar := bytesScalar()
	rnd := rand.New(rand.NewPCG(43, 0))
	const n = 1<<17 + 77
	x, y := make([]int8, n), make([]int8, n)
	fillBytes(rnd, false, x)
	fillBytes(rnd, false, y)
	entry := anyTable(rnd)
	table, sum, product := NewByteTable(&entry), &ByteSum{A: 1 << 20, B: -1 << 19, Shift: 21}, NewByteProduct(3, -5, 1<<29+12345, 36, 7)
	var terms []ByteTerm
	for i := range 300 {
		terms = append(terms, ByteTerm{int32(i), int32(i % 7)})
	}
	mean := NewByteMean(terms, 3, 1<<22+99, 32, -9)
	a := ByteAffine{Zero: 5}
	const wide = 77
	for c := range wide {
		a.Weight, a.Bias, a.Slope, a.Shift = append(a.Weight, int32(c<<10)), append(a.Bias, 1<<20), append(a.Slope, 1<<15), append(a.Shift, int32(16+c%3))
	}
	sums, squares := make([]int32, 2*wide), make([]int32, 2*wide)
	dst := make([]int8, n)
	for name, f := range map[string]func(k *Bytes){
		"table":   func(k *Bytes) { k.Table(dst, x, table) },
		"add":     func(k *Bytes) { k.Add(dst, x, y, sum) },
		"mul":     func(k *Bytes) { k.Mul(dst, x, y, product) },
		"affine":  func(k *Bytes) { k.Affine(dst, wide, x, wide, n/wide, a) },
		"moments": func(k *Bytes) { k.Moments(sums[:wide], squares[:wide], x, wide, n/wide) },
		"mean":    func(k *Bytes) { k.Mean(dst[:1000], x, 300, mean) },
	} {
		clear(dst)
		f(scalar)
		want := append([]int8(nil), dst...)
		wantSums := append(append([]int32(nil), sums...), squares...)
		eachRow(t, func(t *testing.T, k *Kernels) {
			clear(dst)
			f(k.Bytes)
			sameInts(t, name, dst, want)
			sameInts(t, name, append(append([]int32(nil), sums...), squares...), wantSums)
			if got := alloctest.PerRun(func() { f(k.Bytes) }); got != 0 {
				t.Errorf("%s: %d allocations", name, got)
			}
		})
	}
}

func TestBytesBounds(t *testing.T) {
	b := func(n int) []int8 { return make([]int8, n) }
	i := func(n int) []int32 { return make([]int32, n) }
	entry := [256]int8{}
	mean := NewByteMean([]ByteTerm{{2, 1}}, 0, 1, 1, 0)
	eachRow(t, func(t *testing.T, k *Kernels) {
		for name, f := range map[string]func(){
			"table":          func() { k.Bytes.Table(b(3), b(4), NewByteTable(&entry)) },
			"add":            func() { k.Bytes.Add(b(4), b(4), b(3), &ByteSum{Shift: 1}) },
			"add, dst":       func() { k.Bytes.Add(b(3), b(4), b(4), &ByteSum{Shift: 1}) },
			"mul":            func() { k.Bytes.Mul(b(4), b(4), b(3), NewByteProduct(0, 0, 1, 20, 0)) },
			"affine, dst":    func() { k.Bytes.Affine(b(7), 4, b(8), 4, 2, ByteAffine{i(4), i(4), nil, i(4), 0}) },
			"affine, x":      func() { k.Bytes.Affine(b(8), 4, b(7), 4, 2, ByteAffine{i(4), i(4), nil, i(4), 0}) },
			"affine, stride": func() { k.Bytes.Affine(b(8), 4, b(8), 3, 2, ByteAffine{i(4), i(4), nil, i(4), 0}) },
			"affine, bias":   func() { k.Bytes.Affine(b(8), 4, b(8), 4, 2, ByteAffine{i(4), i(3), nil, i(4), 0}) },
			"affine, slope":  func() { k.Bytes.Affine(b(8), 4, b(8), 4, 2, ByteAffine{i(4), i(4), i(3), i(4), 0}) },
			"affine, rows":   func() { k.Bytes.Affine(b(8), 4, b(8), 4, -1, ByteAffine{i(4), i(4), nil, i(4), 0}) },
			"moments":        func() { k.Bytes.Moments(i(4), i(3), b(8), 4, 2) },
			"moments, x":     func() { k.Bytes.Moments(i(4), i(4), b(7), 4, 2) },
			"mean":           func() { k.Bytes.Mean(b(4), b(11), 4, mean) },
			"mean, stride":   func() { k.Bytes.Mean(b(4), b(12), -4, mean) },
			"terms":          func() { NewByteMean([]ByteTerm{{-1, 1}}, 0, 1, 1, 0) },
		} {
			if !panics(f) {
				t.Errorf("%s: no panic", name)
			}
		}
	})
}
