package conv

import (
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// stridedGrad is the weight gradient by Winograd at stride 2: for each
// point and phase a product of (small channels) x (large channels) that
// contracts the rows of all tiles and images.
type stridedGrad struct {
	*strided
	tiles    gradTiles
	swap     bool   // dw is (tap, large channel, small channel)
	chunk    int    // images transformed together; fixes the order of the sums
	from, to Layout // of dw's rows and columns
}

func newStridedGrad(s *strided, transposed bool) *stridedGrad {
	d := &stridedGrad{strided: s, from: s.small, to: s.large}
	if !transposed {
		d.swap, d.from, d.to = true, s.large, s.small
	}
	d.tiles = newGradTiles(s.kernels, d.from.C, d.to.C)
	d.chunk = min(stridedGradChunk, s.small.N)
	return d
}

// stridedGradChunk is how many images a weight gradient transforms together.
const stridedGradChunk = 32

// sumPlane is the floats of the sums of one combo.
func (d *stridedGrad) sumPlane() int { return d.from.C*d.to.C + planePad }

func (d *stridedGrad) images() int { return d.chunk }

func (d *stridedGrad) sumsLen() int { return d.combos() * d.sumPlane() }

func (d *stridedGrad) scratch() int {
	t := max(d.lineLen(), stridedTaps*stridedPoints*inverseFloats)
	return t + d.smallRow(d.chunk, d.small.C) + d.largeRow(d.chunk, d.large.C) + d.kernels.NR
}

// sumAt is the number of a combo: phases, then points.
func (d *stridedGrad) sumAt(i, j, py, px int) int {
	y, x := d.ys, d.xs
	n := 0
	for p := range 2 {
		for q := range 2 {
			if p == py && q == px {
				return n + i*x.most[q] + j
			}
			n += y.most[p] * x.most[q]
		}
	}
	return n
}

// weight is the cost of point i along y.
func (d *stridedGrad) weight(i int) int { return d.ys.tilesAt(i, 0) + d.ys.tilesAt(i, 1) }

// run makes one share of the sums, a run of tiles in the order of points along y and row
// panels.
func (d *stridedGrad) run(ws *Workspace, s Sums, x, dy []float32, n, share, shares int) {
	small, large := x, dy
	if d.swap {
		small, large = dy, x
	}
	total := 0
	for i := range d.ys.points {
		total += d.weight(i)
	}
	lo, hi := pool.Split(total*len(d.tiles.rows), shares, share)
	line, rest := cut(ws.buf, max(d.lineLen(), stridedTaps*stridedPoints*inverseFloats))
	v, w := cut(rest, d.smallRow(d.chunk, d.small.C))
	vp, wp := d.plane(d.chunk, d.small.C), d.plane(d.chunk, d.large.C)
	for n0 := 0; n0 < n || n0 == 0 && !s.Add; n0 += d.chunk {
		images := min(d.chunk, n-n0)
		at := 0
		for i := range d.ys.points {
			r0, r1 := at, at+d.weight(i)*len(d.tiles.rows)
			at = r1
			r0, r1 = (max(r0, lo)-r0)/d.weight(i), (min(r1, hi)-r0)/d.weight(i)
			if r0 >= r1 {
				continue
			}
			d.transformSmall(ws, v, vp, line, small[n0*d.small.Row:], images, i)
			d.transformLarge(ws, w, wp, line, large[n0*d.large.Row:], images, i)
			d.contract(ws, s.Workspace, v, w, vp, wp, i, images, r0, r1, s.Add || n0 > 0)
		}
	}
}

// contract adds a chunk's products of point i along y to row panels [r0, r1) of the sums.
func (d *stridedGrad) contract(ws *Workspace, sums, v, w []float32, vp, wp, i, images, r0, r1 int, accumulate bool) {
	o := &ws.outer
	*o = simd.Outer{Accumulate: accumulate}
	var phases [4][2]int
	for j := range d.xs.points {
		for f := range d.phases(i, j, &phases) {
			py, px := phases[f][0], phases[f][1]
			taps := ws.taps[:0]
			for ty := range d.ys.tilesAt(i, py) {
				at := simd.Tap{A: (ty*d.xs.points + j) * vp, B: d.largeAt(ty, py, px, j) * wp}
				if d.swap {
					at.A, at.B = at.B, at.A
				}
				taps = append(taps, at)
			}
			a, b := v, w
			if d.swap {
				a, b = w, v
			}
			o.Taps, o.K = taps, d.xs.tilesAt(j, px)*images
			c := sums[d.sumAt(i, j, py, px)*d.sumPlane():]
			d.tiles.add(o, c, a, b, r0, r1)
		}
	}
}

// finish transforms one share of the sums' row panels back to taps.
func (d *stridedGrad) finish(ws *Workspace, s Sums, share, shares int) {
	r0, r1 := pool.Split(len(d.tiles.rows), shares, share)
	first, last := d.tiles.rowAt[r0]*d.to.C, d.tiles.rowAt[r1]*d.to.C
	plane, tap := d.sumPlane(), d.from.C*d.to.C
	kernelW := d.xs.taps[0] + d.xs.taps[1]
	for at := first; at < last; at += inverseFloats {
		n := min(inverseFloats, last-at)
		for py := range 2 {
			for px := range 2 {
				ny, nx, ry, rx := d.ys.most[py], d.xs.most[px], d.ys.taps[py], d.xs.taps[px]
				t := ws.buf[:ry*nx*n]
				for j := range nx {
					d.kernels.Transform(t[j*n:], nx*n, s.Workspace[d.sumAt(0, j, py, px)*plane+at:], nx*plane, n, d.ys.kernelT[py], ry, ny)
				}
				for a := range ry {
					d.kernels.Transform(s.DW[((2*a+py)*kernelW+px)*tap+at:], 2*tap, t[a*nx*n:], n, n, d.xs.kernelT[px], rx, nx)
				}
			}
		}
	}
}
