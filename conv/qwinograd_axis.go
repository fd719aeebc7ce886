package conv

import (
	"math"
	"math/bits"

	"github.com/gantiny/gantiny/simd"
)

// Winograd's algorithm in whole numbers, as Toom and Cook multiply polynomials. A line x of the
// small side is cut into tiles of at most four values. With each phase of the kernel, its taps that
// lie stride apart, a tile makes the coefficients of a product of two polynomials,
//
//	large[stride*(at+c) + phase - pad] += Σ_a x[at+c-a] . w[stride*a + phase]
//
// and these follow from the product's values at as many points: C = P [ (E x) . (G w) ]. Everything
// is exact. E and G are whole numbers, and so is P times 2^shift modulo 2^32: its odd denominators
// have an inverse there. Sums thus wrap as they like, and what a shift to the right leaves is the
// coefficient, if it has no more than 32-shift bits.
//
// The points are 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. A value at 1/2 is that of the polynomial
// with its coefficients in reverse order at 2, so that it is whole too.
const (
	exactTile   = 4
	exactTaps   = 5 // of a phase at most
	exactPoints = exactTile + exactTaps - 1

	atInfinity = exactPoints - 1
)

// pointsOf lists n points, n from 1 to 8: 0 and pairs of a point and its negative, and infinity
// where that leaves one to find.
func pointsOf(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	if n%2 == 0 {
		list[n-1] = atInfinity
	}
	return list
}

// valueAt returns the factors of the n coefficients of a polynomial in its value at a point.
func valueAt(point, n int) []int32 {
	m := make([]int32, n)
	base := []int32{0, 1, -1, 2, -2, 2, -2, 0}[point]
	v := int32(1)
	for i := range m {
		m[i] = v
		v *= base
	}
	switch point {
	case 5, 6: // powers of 1/2, times 2^(n-1): the sign goes with the power, the size against it
		for i := range m {
			m[i] = 1 << (n - 1 - i)
			if point == 6 && i%2 == 1 {
				m[i] = -m[i]
			}
		}
	case atInfinity:
		clear(m)
		m[n-1] = 1
	}
	return m
}

// exactInterpolation returns P of n points, n by n, times 2^shift and modulo 2^32.
func exactInterpolation(n int) (m []int32, shift int) {
	// The inverse of the values, by elimination. Its entries are small numbers over a denominator
	// that is known, so that rounding finds them.
	values := make([]float64, n*n)
	for i, point := range pointsOf(n) {
		for j, v := range valueAt(point, n) {
			values[i*n+j] = float64(v)
		}
	}
	denominator := []uint32{1, 1, 1, 2, 2, 24, 24, 360, 360}[n]
	shift = bits.TrailingZeros32(denominator)
	odd := denominator >> shift
	inverse := uint32(1) // of odd, by Newton's steps
	for range 5 {
		inverse *= 2 - odd*inverse
	}
	for _, v := range inverted(values, n) {
		m = append(m, int32(uint32(int32(math.RoundToEven(v*float64(denominator))))*inverse))
	}
	return m, shift
}

// exactAxis is one axis of an exact Winograd plan: the small side by tiles, the large one by
// phases.
type exactAxis struct {
	stride, pad  int
	small, large int
	taps         [2]int // of each phase; none beyond the stride
	tiles        []exactAxisTile
	points       []int    // of all tiles and phases
	slots        [2][]int // of each phase: the points of its longest product, where their values stand
	slot         [2][exactPoints]int
	shift        int
}

// exactAxisTile is n values of the small side from at on.
type exactAxisTile struct {
	at, n    int
	points   []int   // of all phases
	eval     []int16 // E: points by n
	products [2]exactProduct
}

// exactProduct is what a tile and a phase make.
type exactProduct struct {
	points []int
	// The coefficients that lie on the large side, At being their position there.
	even, odd []simd.Coefficient
}

// newExactAxis plans one axis of a transposed convolution, or of a convolution at stride 1, which
// is a transposed one of the kernel in reverse order.
func newExactAxis(a axis, transposed bool) *exactAxis {
	x := &exactAxis{stride: a.stride, pad: a.pad, small: a.small, large: a.large}
	if !transposed {
		x.small, x.large, x.pad = a.large, a.small, a.k-1-a.pad
	}
	var has [exactPoints]bool
	longest := min(exactTile, x.small)
	for p := range x.stride {
		x.taps[p] = (a.k - p + x.stride - 1) / x.stride
		x.slots[p] = pointsOf(longest + x.taps[p] - 1)
		for i, point := range x.slots[p] {
			x.slot[p][point] = i
		}
		_, shift := exactInterpolation(len(x.slots[p]))
		x.shift = max(x.shift, shift)
	}
	for at := 0; at < x.small; at += exactTile {
		t := x.newTile(at)
		for _, point := range t.points {
			has[point] = true
		}
		x.tiles = append(x.tiles, t)
	}
	for point, h := range has {
		if h {
			x.points = append(x.points, point)
		}
	}
	return x
}

func (x *exactAxis) newTile(at int) exactAxisTile {
	t := exactAxisTile{at: at, n: min(exactTile, x.small-at)}
	var has [exactPoints]bool
	for p := range x.stride {
		t.products[p] = x.newProduct(at, t.n, p)
		for _, point := range t.products[p].points {
			has[point] = true
		}
	}
	for point, h := range has {
		if h {
			t.points = append(t.points, point)
			for _, v := range valueAt(point, t.n) {
				t.eval = append(t.eval, int16(v))
			}
		}
	}
	return t
}

// newProduct plans what a tile of n values and a phase make.
func (x *exactAxis) newProduct(at, n, phase int) exactProduct {
	count := n + x.taps[phase] - 1
	points := count
	if count%2 == 0 && len(x.slots[phase])%2 == 1 {
		points++ // the longest product does without infinity, so this one does too
	}
	q := exactProduct{points: pointsOf(points)}
	m, shift := exactInterpolation(points)
	for c := range count {
		position := x.stride*(at+c) + phase - x.pad
		if position < 0 || position >= x.large {
			continue
		}
		f := simd.Coefficient{At: position}
		if at > 0 && c < x.taps[phase]-1 { // the tile before makes it too
			f.Add = 1
		}
		row := m[c*points:][:points]
		for i := 5; i < points; i++ { // at 1/2: values are those of count coefficients
			row[i] <<= points - count
		}
		scale := int32(1) << (x.shift - shift)
		if c%2 == 0 { // row[1] is row[2], and so on
			f.M[0] = scale * row[0]
			for i := 1; 2*i < points; i++ {
				f.M[i] = scale * row[2*i]
			}
			q.even = append(q.even, f)
			continue
		}
		for i := 0; 2*i+1 < points; i++ {
			f.M[i] = scale * row[2*i+1]
		}
		q.odd = append(q.odd, f)
	}
	return q
}

// tilesAt is how many tiles have a point in a phase; they are the first ones.
func (x *exactAxis) tilesAt(point, phase int) int {
	n := 0
	for i := range x.tiles {
		for _, p := range x.tiles[i].products[phase].points {
			if p == point {
				n++
			}
		}
	}
	return n
}

// evaluated is how many tiles have a point; they are the first ones.
func (x *exactAxis) evaluated(point int) int {
	n := 0
	for p := range x.stride {
		n = max(n, x.tilesAt(point, p))
	}
	return n
}

// reached tells whether every position of the large side is a coefficient of some product.
func (x *exactAxis) reached() bool {
	seen := make([]bool, x.large)
	for i := range x.tiles {
		for p := range x.stride {
			q := &x.tiles[i].products[p]
			for _, list := range [2][]simd.Coefficient{q.even, q.odd} {
				for _, c := range list {
					seen[c.At] = true
				}
			}
		}
	}
	for _, s := range seen {
		if !s {
			return false
		}
	}
	return true
}
