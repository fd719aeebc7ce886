package rng

import (
	"hash/fnv"
	"math"
	"slices"
	"testing"
)

// The known answers that Random123 publishes for Philox4x32-10.
func TestBlockKnownAnswers(t *testing.T) {
	const ones = ^uint32(0)
	for _, c := range []struct {
		ctr  [4]uint32
		key  Key
		want [4]uint32
	}{
		{[4]uint32{}, Key{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, Key{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			Key{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Block(c.key, c.ctr); got != c.want {
			t.Errorf("Block(%08x, %08x) = %08x, want %08x", c.key, c.ctr, got, c.want)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[Key]bool{}
	n := 0
	for _, seed := range []uint64{0, 1, 2, 1 << 32, 1<<32 + 1, math.MaxUint64} {
		for d := Latent; d <= Sample; d++ {
			k := NewKey(seed, d)
			seen[k] = true
			n++
			for _, i := range []uint64{0, 1, 2, 1 << 32} {
				seen[k.Sub(i)] = true
				n++
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d distinct keys of %d", len(seen), n)
	}
}

func TestUniform(t *testing.T) {
	for _, c := range []struct {
		u    uint32
		want float32
	}{{0, 0}, {255, 0}, {256, 0x1p-24}, {1 << 31, 0.5}, {math.MaxUint32, 1 - 0x1p-24}} {
		if got := Uniform(c.u); got != c.want {
			t.Errorf("Uniform(%#x) = %g, want %g", c.u, got, c.want)
		}
	}
}

// quantile is the exact transform, in float64.
func quantile(u uint32) float64 {
	v := min(u, ^u)
	p := (2*float64(v) + 1) / (1 << 33)
	z := math.Sqrt2 * math.Erfcinv(2*p)
	// Erfcinv loses digits in the tail; a Newton step brings them back.
	z += (math.Erfc(z/math.Sqrt2)/2 - p) * math.Sqrt(2*math.Pi) * math.Exp(z*z/2)
	if v == u {
		return -z
	}
	return z
}

func TestNormalError(t *testing.T) {
	const bound = 5e-7
	worst, at := 0.0, uint32(0)
	check := func(u uint32) {
		if e := math.Abs(float64(Normal(u)) - quantile(u)); e > worst {
			worst, at = e, u
		}
		if Normal(^u) != -Normal(u) {
			t.Fatalf("Normal(%#x) = %v, Normal of its complement %v", u, Normal(u), Normal(^u))
		}
	}
	// Both sides of each segment's edge, its middle, and the farthest tail.
	for zeros := range 32 {
		for s := range uint64(1 << (segmentBits + 1)) {
			w := (1<<(segmentBits+1) + s) << (31 - zeros) >> (segmentBits + 1)
			v := uint32(w / 2)
			check(v)
			check(max(v, 1) - 1)
		}
	}
	for v := range uint32(5000) {
		check(v)
	}
	stride := uint32(9973)
	if testing.Short() {
		stride *= 31
	}
	for v := uint32(0); v < 1<<31-stride; v += stride {
		check(v)
	}
	t.Logf("largest error %.3g at %#x", worst, at)
	if worst > bound {
		t.Errorf("error %g at %#x, want at most %g", worst, at, bound)
	}
}

func TestNormalRises(t *testing.T) {
	last := Normal(0)
	if last >= -6.3 || last < -6.34 {
		t.Errorf("Normal(0) = %v", last)
	}
	next := func(u uint32) {
		if z := Normal(u); z < last {
			t.Fatalf("Normal(%#x) = %v, after %v", u, z, last)
		} else {
			last = z
		}
	}
	for u := uint32(1); u < 1<<16; u++ {
		next(u)
	}
	for u := uint64(1 << 16); u < 1<<32; u += 5003 {
		next(uint32(u))
	}
}

// Moments and the Kolmogorov-Smirnov distance of a fixed sample. The bounds are
// four or more standard errors.
func TestNormalSample(t *testing.T) {
	const n = 1 << 16
	x := make([]float32, n)
	FillNormal(x, NewKey(1, Latent), 0)
	var m [5]float64
	for _, v := range x {
		p := 1.0
		for i := range m {
			m[i] += p / n
			p *= float64(v)
		}
	}
	for i, want := range []float64{1, 0, 1, 0, 3} {
		// The variance of the i-th power, for i = 0 ... 4: 0, 1, 2, 15, 96.
		se := math.Sqrt([]float64{0, 1, 2, 15, 96}[i] / n)
		if math.Abs(m[i]-want) > 4*se+1e-9 {
			t.Errorf("moment %d is %g, want %g", i, m[i], want)
		}
	}
	slices.Sort(x)
	d := 0.0
	for i, v := range x {
		cdf := 0.5 * math.Erfc(-float64(v)/math.Sqrt2)
		d = max(d, math.Abs(cdf-float64(i)/n), math.Abs(cdf-float64(i+1)/n))
	}
	if d*math.Sqrt(n) > 1.63 { // the 1% point
		t.Errorf("Kolmogorov-Smirnov distance %g", d)
	}
	// Neighbors within and between items must not be correlated.
	y := make([]float32, n)
	FillNormal(x, NewKey(1, Latent), 0)
	FillNormal(y, NewKey(1, Latent), 1)
	var lag, cross float64
	for i := range n - 1 {
		lag += float64(x[i]) * float64(x[i+1]) / n
		cross += float64(x[i]) * float64(y[i]) / n
	}
	if limit := 4 / math.Sqrt(n); math.Abs(lag) > limit || math.Abs(cross) > limit {
		t.Errorf("correlations %g and %g, want within %g", lag, cross, limit)
	}
}

func TestFillIsAPrefix(t *testing.T) {
	k := NewKey(7, Noise)
	long := make([]float32, 23)
	FillNormal(long, k, 1<<40)
	for n := range long {
		short := make([]float32, n)
		FillNormal(short, k, 1<<40)
		if !slices.Equal(short, long[:n]) {
			t.Fatalf("the first %d numbers depend on how many are drawn", n)
		}
	}
	other := make([]float32, 23)
	FillNormal(other, k, 1<<41)
	if slices.Equal(other, long) {
		t.Error("two items are the same")
	}
	FillUniform(other, k, 1<<40)
	if b := Block(k, [4]uint32{5, 0, 1 << 8}); other[21] != Uniform(b[1]) {
		t.Errorf("number 21 is %g, want %g", other[21], Uniform(b[1]))
	}
}

// The bits that every architecture must give.
func TestBits(t *testing.T) {
	x := make([]float32, 1000)
	h := fnv.New64a()
	for i := range uint64(10) {
		FillNormal(x, NewKey(42, Latent), i)
		for _, v := range x {
			b := math.Float32bits(v)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
	}
	p := make([]int32, 1000)
	Perm(p, NewKey(42, Shuffle))
	for _, v := range p {
		h.Write([]byte{byte(v), byte(v >> 8)})
	}
	if got := h.Sum64(); got != 0x5cc9cd1ac9647874 {
		t.Errorf("hash %#x", got)
	}
}

func TestStreamReadsBlocksInOrder(t *testing.T) {
	k := NewKey(3, Sample)
	s := NewStream(k)
	for i := range uint32(12) {
		if got, want := s.Uint32(), Block(k, [4]uint32{i / 4})[i%4]; got != want {
			t.Fatalf("word %d is %#x, want %#x", i, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	s := NewStream(NewKey(5, Sample))
	for _, n := range []uint32{1, 2, 3, 7, 10, 1<<31 + 1, math.MaxUint32} {
		for range 100 {
			if v := s.Below(n); v >= n {
				t.Fatalf("Below(%d) = %d", n, v)
			}
		}
	}
	// With n = 3 * 2^30, a plain multiplication would give every third value
	// twice the weight of the others.
	var thirds [3]int
	const draws = 30000
	for range draws {
		thirds[s.Below(3<<30)%3]++
	}
	for i, c := range thirds {
		if math.Abs(float64(c)-draws/3) > 4*math.Sqrt(draws*2/9) {
			t.Errorf("remainder %d came %d times of %d", i, c, draws)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Below(0) did not panic")
		}
	}()
	s.Below(0)
}

func TestPerm(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, 1000} {
		p := make([]int32, n)
		Perm(p, NewKey(1, Shuffle))
		q := slices.Clone(p)
		slices.Sort(q)
		for i, v := range q {
			if int(v) != i {
				t.Fatalf("n = %d: not a permutation", n)
			}
		}
	}
	// All 24 orders of four, evenly: chi-squared with 23 degrees of freedom.
	count := map[[4]int32]int{}
	const draws = 24000
	k := NewKey(9, Shuffle)
	for i := range uint64(draws) {
		var p [4]int32
		Perm(p[:], k.Sub(i))
		count[p]++
	}
	chi := 0.0
	for _, c := range count {
		d := float64(c) - draws/24
		chi += d * d / (draws / 24)
	}
	if len(count) != 24 || chi > 49.7 { // the 0.1% point
		t.Errorf("%d orders, chi-squared %g", len(count), chi)
	}
}

func BenchmarkFillNormal(b *testing.B) {
	x := make([]float32, 1600)
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		FillNormal(x, Key{1, 2}, 0)
	}
}

func BenchmarkPerm(b *testing.B) {
	p := make([]int32, 10000)
	for b.Loop() {
		Perm(p, Key{1, 2})
	}
}
