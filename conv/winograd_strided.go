package conv

import "github.com/gantiny/gantiny/simd"

// Winograd's algorithm at stride 2. Seen from the small side, a transposed
// convolution with kernel k makes two interleaved lines of each line x, one of
// the even taps and one of the odd ones:
//
//	large[2s+p-pad] = Σ_a x[s-a] . w[2a+p]
//
// Each is a product of two polynomials, x cut into tiles of at most four values
// and the phase p of the kernel, of two or three taps. Such a product has
// n = tile+taps-1 coefficients, and follows from its values at n points
//
//	C = P [ (E x) . (G w) ],  E, G the values, P the interpolation
//
// of which neighboring tiles add up (Toom and Cook; Winograd, "Arithmetic
// Complexity of Computations", 1980). All phases and tiles take a prefix of the
// same points, so that one evaluation of x serves both phases. In two dimensions
// 7x7 -> 14x14 with 5x5 taps takes 400 products instead of 1024. Convolutions
// and gradients are the adjoints: with the same three matrices,
//
//	x  = E^T [ (P^T C) . (G w) ],  w = G^T Σ [ (P^T C) . (E x) ]
const (
	stridedTile   = 4
	stridedTaps   = 3 // of a phase at most
	stridedPoints = stridedTile + stridedTaps - 1
)

// points are 0, infinity and the rest, in the order in which they are taken.
var points = [stridedPoints]float64{0, 0, 1, -1, 2, -2}

// values returns the first n points' values of a polynomial of c coefficients,
// n rows by c columns.
func values(n, c int) []float64 {
	m := make([]float64, n*c)
	for i := range n {
		v := 1.0
		for j := range c {
			m[i*c+j] = v
			v *= points[i]
		}
		if i == 1 { // infinity: the leading coefficient
			clear(m[i*c:][:c])
			m[i*c+c-1] = 1
		}
	}
	return m
}

// interpolation returns the inverse of values(n, n).
func interpolation(n int) []float64 { return inverted(values(n, n), n) }

// inverted returns the inverse of m, n by n, which it spends.
func inverted(m []float64, n int) []float64 {
	inv := make([]float64, n*n)
	for i := range n {
		inv[i*n+i] = 1
	}
	swap := func(x []float64, a, b int) {
		for c := range n {
			x[a*n+c], x[b*n+c] = x[b*n+c], x[a*n+c]
		}
	}
	for c := range n {
		p := c
		for m[p*n+c] == 0 {
			p++
		}
		swap(m, p, c)
		swap(inv, p, c)
		d := m[c*n+c]
		for j := range n {
			m[c*n+j] /= d
			inv[c*n+j] /= d
		}
		for r := range n {
			if f := m[r*n+c]; r != c && f != 0 {
				for j := range n {
					m[r*n+j] -= float64(f * m[c*n+j])
					inv[r*n+j] -= float64(f * inv[c*n+j])
				}
			}
		}
	}
	return inv
}

func rounded(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// strideAxis is one axis of a Winograd pass at stride 2.
type strideAxis struct {
	taps    [2]int // of each phase
	tiles   []axisTile
	most    [2]int                // points of each phase, of any tile
	points  int                   // of both phases
	counts  [3][stridedPoints]int // how many tiles have a point in each phase, and in any
	idle    []int                 // large positions that no product reaches
	kernel  [2][]float32          // G: points by taps
	kernelT [2][]float32          // G^T
}

// axisTile is n values of the small side from at on.
type axisTile struct {
	at, n    int
	eval     []float32 // E: points by n
	evalT    []float32 // E^T
	products [2]axisProduct
}

// axisProduct is what a tile and one phase make: points points, of whose
// coefficients those from lo to hi lie on the large side; the first of them
// there is at. shared are those that the tile before makes too.
type axisProduct struct {
	points, lo, hi int
	at             int
	shared         int
	inter          []float32 // P: (hi-lo) by points
	interT         []float32 // P^T
}

func newStrideAxis(small, large, kernel, pad int) *strideAxis {
	a := &strideAxis{taps: [2]int{(kernel + 1) / 2, kernel / 2}}
	reached := make([]bool, large)
	for at := 0; at < small; at += stridedTile {
		t := axisTile{at: at, n: min(stridedTile, small-at)}
		points := 0
		for p, taps := range a.taps {
			n := t.n + taps - 1
			q := axisProduct{points: n, lo: n}
			for c := range n {
				o := 2*(at+c) + p - pad
				if o < 0 || o >= large {
					continue
				}
				if q.lo == n {
					q.lo, q.at = c, o
				}
				q.hi = c + 1
				reached[o] = true
			}
			q.lo = min(q.lo, q.hi)
			if at > 0 {
				q.shared = max(0, min(taps-1, q.hi)-q.lo)
			}
			q.inter = rounded(interpolation(n)[q.lo*n : q.hi*n])
			q.interT = transposed(q.inter, n)
			t.products[p] = q
			points = max(points, n)
			a.most[p] = max(a.most[p], n)
		}
		t.eval = rounded(values(points, t.n))
		t.evalT = transposed(t.eval, t.n)
		a.tiles = append(a.tiles, t)
		a.points = max(a.points, points)
	}
	for p, taps := range a.taps {
		a.kernel[p] = rounded(values(a.most[p], taps))
		a.kernelT[p] = transposed(a.kernel[p], taps)
	}
	a.count()
	for o, r := range reached {
		if !r {
			a.idle = append(a.idle, o)
		}
	}
	return a
}

// evaluated is how many tiles have point i; they are the first ones.
func (a *strideAxis) evaluated(i int) int { return a.counts[2][i] }

// tilesAt is how many tiles have point i in phase p; they are the first ones.
func (a *strideAxis) tilesAt(i, p int) int { return a.counts[p][i] }

// count fills counts.
func (a *strideAxis) count() {
	for _, t := range a.tiles {
		n := [3]int{t.products[0].points, t.products[1].points}
		n[2] = max(n[0], n[1])
		for p := range n {
			for i := range n[p] {
				a.counts[p][i]++
			}
		}
	}
}

// strided is the transforms of a geometry at stride 2 between its two sides.
type strided struct {
	kernels      *simd.Kernels
	small, large Layout
	ys, xs       *strideAxis
}

// isStrided says that a Winograd plan may compute g at stride 2.
func isStrided(g Geometry) bool {
	h, w, err := g.Out()
	if err != nil || g.IsDense() || g.Groups != 1 || g.StrideH != 2 || g.StrideW != 2 || g.DilationH != 1 || g.DilationW != 1 ||
		g.InC < winogradChannels || g.OutC < winogradChannels {
		return false
	}
	for _, k := range [2]int{g.KH, g.KW} {
		if k < stridedTaps+1 || k > 2*stridedTaps {
			return false
		}
	}
	if g.Transposed {
		h, w = g.InH, g.InW
	}
	return min(h, w) >= stridedTile-1
}

// newStrided returns nil where it does not apply.
func newStrided(g Geometry, in, out Layout, k *simd.Kernels) *strided {
	if !isStrided(g) {
		return nil
	}
	s := &strided{kernels: k, small: out, large: in}
	if g.Transposed {
		s.small, s.large = in, out
	}
	s.ys, s.xs = newStrideAxis(s.small.H, s.large.H, g.KH, g.PadTop), newStrideAxis(s.small.W, s.large.W, g.KW, g.PadLeft)
	return s
}

// combos are (point, point, phase, phase) of the transformed kernel.
func (s *strided) combos() int {
	return (s.ys.most[0] + s.ys.most[1]) * (s.xs.most[0] + s.xs.most[1])
}

// plane is the floats of one plane: all tiles along x of one tile along y.
func (s *strided) plane(chunk, channels int) int { return len(s.xs.tiles)*chunk*channels + planePad }

// smallRow is how many floats transformSmall writes.
func (s *strided) smallRow(chunk, channels int) int {
	return len(s.ys.tiles) * s.xs.points * s.plane(chunk, channels)
}

// largeRow is how many floats transformLarge writes.
func (s *strided) largeRow(chunk, channels int) int {
	return len(s.ys.tiles) * 2 * s.xs.both() * s.plane(chunk, channels)
}

func (a *strideAxis) both() int { return a.most[0] + a.most[1] }

// lineLen is the length of a block of one line of either side.
func (s *strided) lineLen() int {
	_, small := blockOf(s.small)
	_, large := blockOf(s.large)
	return max(s.small.W*small, s.large.W*large)
}

// largeAt is the number of the plane of (tile along y, phases, point along x).
func (s *strided) largeAt(ty, py, px, j int) int {
	return (ty*2+py)*s.xs.both() + px*s.xs.most[0] + j
}

// transformSmall makes row i of E x of images of src: v[(ty*points+j)*plane + (tx*images+n)*C+c].
func (s *strided) transformSmall(ws *Workspace, v []float32, plane int, line, src []float32, images, i int) {
	m := &s.small
	step, block := blockOf(*m)
	for n := 0; n < images; n += step {
		count := min(step, images-n)
		for ty := range s.ys.evaluated(i) {
			y := &s.ys.tiles[ty]
			ws.transforms = simd.Transforms{
				Dst: line, DS: block, DStep: block, Src: src[y.at*m.W*m.Stride+n*m.Row:], SS: m.W * m.Stride, SStep: m.Stride,
				M: y.eval[i*y.n:][:y.n], Rows: 1, Cols: y.n, N: count * m.C, Count: m.W,
			}
			s.kernels.Transforms(&ws.transforms)
			for tx := range s.xs.tiles {
				x := &s.xs.tiles[tx]
				to := v[ty*s.xs.points*plane+(tx*images+n)*m.C:]
				s.kernels.Transform(to, plane, line[x.at*block:], block, count*m.C, x.eval, len(x.eval)/x.n, x.n)
			}
		}
	}
}

// transformLarge makes row i of P^T C of images of src, which is the large side:
// w[largeAt(ty, py, px, j)*plane + (tx*images+n)*C+c].
func (s *strided) transformLarge(ws *Workspace, w []float32, plane int, line, src []float32, images, i int) {
	m := &s.large
	step, block := blockOf(*m)
	for n := 0; n < images; n += step {
		count := min(step, images-n)
		for py := range 2 {
			for ty := range s.ys.tilesAt(i, py) {
				y := &s.ys.tiles[ty].products[py]
				rows := y.hi - y.lo
				if rows > 0 {
					ws.transforms = simd.Transforms{
						Dst: line, DS: block, DStep: block, Src: src[y.at*m.W*m.Stride+n*m.Row:], SS: 2 * m.W * m.Stride, SStep: m.Stride,
						M: y.interT[i*rows:][:rows], Rows: 1, Cols: rows, N: count * m.C, Count: m.W,
					}
					s.kernels.Transforms(&ws.transforms)
				}
				for px := range 2 {
					for tx := range s.xs.tiles {
						x := &s.xs.tiles[tx].products[px]
						to := w[s.largeAt(ty, py, px, 0)*plane+(tx*images+n)*m.C:]
						if rows == 0 || x.hi == x.lo {
							for j := range x.points {
								clear(to[j*plane:][:count*m.C])
							}
							continue
						}
						s.kernels.Transform(to, plane, line[x.at*block:], 2*block, count*m.C, x.interT, x.points, x.hi-x.lo)
					}
				}
			}
		}
	}
}
