package conv

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// stridedPass is a Winograd pass at stride 2: up from the small side to the large one,
// or down.
type stridedPass struct {
	pass
	*strided
	up      bool
	chunk   int   // images transformed together
	base    []int // (point, point): where its panels start, in products of channels
	packing kernelPacking
}

func newStridedPass(s *strided, g Geometry, src, dst Layout, forward bool) *stridedPass {
	p := &stridedPass{pass: newPass(g, src, dst, forward, s.kernels), strided: s, up: g.Transposed == forward}
	p.bands = 1
	p.chunk = min(stridedChunk, src.N)
	n := 0
	for i := range s.ys.points {
		for j := range s.xs.points {
			p.base = append(p.base, n)
			n += s.phases(i, j, nil)
		}
	}
	p.planPacking(g)
	return p
}

// stridedChunk is how many images are transformed together: what one point along y takes
// stays in the second cache.
const stridedChunk = 16

// phases returns how many phases have points i and j, and appends them to list.
func (s *strided) phases(i, j int, list *[4][2]int) int {
	n := 0
	for py := range 2 {
		for px := range 2 {
			if i < s.ys.most[py] && j < s.xs.most[px] {
				if list != nil {
					list[n] = [2]int{py, px}
				}
				n++
			}
		}
	}
	return n
}

// packedLen is, up, that of [point, point][phase][panel][depth][NR], down of
// [point, point][panel][phase][depth][NR].
func (p *stridedPass) packedLen() int64 {
	return int64(p.combos()) * int64(p.panels) * int64(p.depth) * int64(p.nr)
}

func (p *stridedPass) packScratch() int { return p.packing.scratch() }

func (p *stridedPass) pack(ws *Workspace, dst, w []float32) { p.packing.pack(ws, dst, w) }

// planPacking plans where the points of each phase go.
func (p *stridedPass) planPacking(g Geometry) {
	p.packing = kernelPacking{
		k: p.k, weights: p.weights, depth: p.depth, cols: p.cols, panels: p.panels,
		kernelW: g.KW, taps: p.taps, stride: 2,
	}
	for py := range 2 {
		for px := range 2 {
			f := kernelPhase{y: py, x: px, lines: p.ys.taps[py], columns: p.xs.taps[px], points: p.xs.most[px], g: p.xs.kernel[px]}
			for j := range f.points {
				f.to = append(f.to, p.packedPoints(j, py, px))
			}
			p.packing.phases = append(p.packing.phases, f)
		}
	}
}

// packedPoints returns where point j along x of a phase goes.
func (p *stridedPass) packedPoints(j, py, px int) []packedPoints {
	var list []packedPoints
	for i := 0; i < p.ys.most[py]; {
		to := packedPoints{rows: 1}
		to.at, to.panel = p.packedAt(i, j, py, px)
		for i+to.rows < p.ys.most[py] {
			at, step := p.packedAt(i+to.rows, j, py, px)
			if to.rows == 1 {
				to.next = at - to.at
			}
			if step != to.panel || at-to.at != to.rows*to.next {
				break
			}
			to.rows++
		}
		to.g = p.ys.kernel[py][i*p.ys.taps[py]:][:to.rows*p.ys.taps[py]]
		list = append(list, to)
		i += to.rows
	}
	return list
}

// packedAt returns where points i and j of a phase begin, and how far its panels lie apart.
func (p *stridedPass) packedAt(i, j, py, px int) (at, step int) {
	f := 0 // the phase's number among those of the points
	for y := range 2 {
		for x := range 2 {
			if i < p.ys.most[y] && j < p.xs.most[x] && (y < py || y == py && x < px) {
				f++
			}
		}
	}
	at = p.base[i*p.xs.points+j] * p.panels
	if p.up {
		return (at + f*p.panels) * p.tapLen(), p.tapLen()
	}
	all := p.phases(i, j, nil)
	return (at + f) * p.tapLen(), all * p.tapLen()
}

// productPlane is the floats of one plane of products.
func (p *stridedPass) productPlane() int { return p.plane(p.chunk, p.dst.C) }

// halfPlane is the floats of one position of half transformed products.
func (p *stridedPass) halfPlane() int { return p.chunk*p.dst.C + 16 }

// sizes are the floats of transformed values, products and half transformed products.
func (p *stridedPass) sizes() (row, products, half int) {
	if p.up {
		return p.smallRow(p.chunk, p.src.C), p.largeRow(p.chunk, p.dst.C), len(p.ys.tiles) * p.ys.both() * p.large.W * p.halfPlane()
	}
	return p.largeRow(p.chunk, p.src.C), len(p.ys.tiles) * p.xs.points * p.productPlane(), len(p.ys.tiles) * p.ys.points * p.small.W * p.halfPlane()
}

func (p *stridedPass) scratch() int {
	row, products, half := p.sizes()
	return p.lineLen() + row + products + half + p.nr
}

func (p *stridedPass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	rowLen, productsLen, _ := p.sizes()
	line, rest := cut(ws.buf, p.lineLen())
	row, rest := cut(rest, rowLen)
	products, half := cut(rest, productsLen)
	plane := p.plane(p.chunk, p.src.C)
	o := newOutput(&p.tiling, e, w)
	for o.n0 < w.n1 {
		o.images = tileRows(w.n1-o.n0, p.chunk)
		from := src[o.n0*p.src.Row:]
		for i := range p.ys.points {
			if p.up {
				p.transformSmall(ws, row, plane, line, from, o.images, i)
				p.multiplyUp(ws, products, row, packed, i, &o)
				p.halfUp(ws, half, products, i, o.images*o.width)
			} else {
				p.transformLarge(ws, row, plane, line, from, o.images, i)
				p.multiplyDown(ws, products, row, packed, i, &o)
				p.halfDown(half, products, i, o.images*o.width)
			}
		}
		if p.up {
			p.finishUp(ws, dst, half, &o)
		} else {
			p.finishDown(ws, dst, half, &o)
		}
		o.n0 += o.images
	}
}

// multiplyUp: products = (row . U) of point i along y.
func (p *stridedPass) multiplyUp(ws *Workspace, products, row, packed []float32, i int, o *output) {
	g := &ws.gemm
	ws.one[0] = simd.Tap{}
	g.Taps, g.K, g.Start, g.Slope = ws.one[:], p.depth, simd.StartZero, 1
	g.LDA, g.LDC = p.depth, o.width
	panel, plane, to := p.tapLen(), p.plane(p.chunk, p.src.C), p.productPlane()
	var phases [4][2]int
	for j := range p.xs.points {
		for f := range p.phases(i, j, &phases) {
			py, px := phases[f][0], phases[f][1]
			rows, ny := p.xs.tilesAt(j, px)*o.images, p.ys.tilesAt(i, py)
			for q := range o.panels {
				at := ((p.base[i*p.xs.points+j]+f)*p.panels + o.panel + q) * panel
				g.B = packed[at:][:panel]
				col := q * p.nr
				g.Cols = min(p.nr, o.width-col)
				t := rowTiles{next: packed[min(at+panel, len(packed)-panel):][:panel], total: rows * ny}
				for ty := range ny {
					t.run(p.k, g, products[p.largeAt(ty, py, px, j)*to+col:], row[(ty*p.xs.points+j)*plane:], rows)
				}
			}
		}
	}
	g.Ahead = nil
}

// halfUp interpolates along x: half[((py, ty, i)*W + x)*plane] of point i along y.
func (p *stridedPass) halfUp(ws *Workspace, half, products []float32, i, n int) {
	plane, from := p.halfPlane(), p.productPlane()
	for py := range 2 {
		for ty := range p.ys.tilesAt(i, py) {
			line := half[p.halfAt(ty, py, i)*p.large.W*plane:]
			for px := range 2 {
				for tx := range p.xs.tiles {
					x := &p.xs.tiles[tx].products[px]
					ws.transforms = simd.Transforms{
						Dst: line[x.at*plane:], DS: 2 * plane, Src: products[p.largeAt(ty, py, px, 0)*from+tx*n:], SS: from, N: n, Count: 1,
					}
					p.interpolate(ws, x)
				}
			}
		}
	}
}

// halfAt is the number of the line of (tile, phase, point) along y.
func (p *stridedPass) halfAt(ty, py, i int) int { return ty*p.ys.both() + py*p.ys.most[0] + i }

// interpolate makes a tile's coefficients as ws.transforms says, and adds those that the tile
// before has written.
func (p *stridedPass) interpolate(ws *Workspace, q *axisProduct) {
	m := &ws.transforms
	m.Cols = q.points
	if q.shared > 0 {
		m.M, m.Rows, m.Add = q.inter[:q.shared*q.points], q.shared, true
		p.k.Transforms(m)
	}
	if rows := q.hi - q.lo - q.shared; rows > 0 {
		m.Dst, m.Add = m.Dst[q.shared*m.DS:], false
		m.M, m.Rows = q.inter[q.shared*q.points:], rows
		p.k.Transforms(m)
	}
}

// finishUp interpolates along y into dst.
func (p *stridedPass) finishUp(ws *Workspace, dst, half []float32, o *output) {
	plane := p.halfPlane()
	runs, n := o.runs(p.dst)
	first := o.first(p.dst)
	for py := range 2 {
		for ty := range p.ys.tiles {
			y := &p.ys.tiles[ty].products[py]
			for r := range runs {
				ws.transforms = simd.Transforms{
					Dst: dst[y.at*p.dst.W*p.dst.Stride+first+r*p.dst.Row:], DS: 2 * p.dst.W * p.dst.Stride, DStep: p.dst.Stride,
					Src: half[p.halfAt(ty, py, 0)*p.dst.W*plane+r*o.width:], SS: p.dst.W * plane, SStep: plane, N: n, Count: p.dst.W,
				}
				p.interpolate(ws, y)
			}
		}
	}
	for y := range p.dst.H {
		for x := range p.dst.W {
			idle := slices.Contains(p.ys.idle, y) || slices.Contains(p.xs.idle, x)
			for r := range runs {
				row := dst[(y*p.dst.W+x)*p.dst.Stride+first+r*p.dst.Row:][:n]
				if idle {
					clear(row)
				}
				o.finish(p.k, row)
			}
		}
	}
}

// multiplyDown: products = Σ_phases (row . U) of point i along y.
func (p *stridedPass) multiplyDown(ws *Workspace, products, row, packed []float32, i int, o *output) {
	g := &ws.gemm
	g.K, g.Start, g.Slope = p.depth, simd.StartZero, 1
	g.LDA, g.LDC = p.depth, o.width
	each, plane, to := p.tapLen(), p.plane(p.chunk, p.src.C), p.productPlane()
	var phases [4][2]int
	for j := range p.xs.points {
		all := p.phases(i, j, &phases)
		for q := range o.panels {
			panel := all * each
			at := p.base[i*p.xs.points+j]*p.panels*each + (o.panel+q)*panel
			g.B = packed[at:][:panel]
			next := packed[min(at+panel, len(packed)):]
			t := rowTiles{next: next[:min(len(next), panel)], total: p.ys.evaluated(i) * p.xs.evaluated(j) * o.images}
			col := q * p.nr
			g.Cols = min(p.nr, o.width-col)
			for ty := range p.ys.evaluated(i) {
				for tx := 0; tx < p.xs.evaluated(j); {
					taps, end := p.alike(ws.taps[:0], phases[:all], i, j, ty, tx)
					for f := range taps {
						taps[f].A, taps[f].B = taps[f].A*plane, taps[f].B*each
					}
					g.Taps = taps
					t.run(p.k, g, products[(ty*p.xs.points+j)*to+tx*o.images*o.width+col:], row[tx*o.images*p.depth:], (end-tx)*o.images)
					tx = end
				}
			}
		}
	}
	g.Ahead = nil
}

// alike appends those of the phases at points i and j that tile (ty, tx) has: the number
// of its plane and of the phase. Tiles up to end along x have the same.
func (p *stridedPass) alike(list []simd.Tap, phases [][2]int, i, j, ty, tx int) (_ []simd.Tap, end int) {
	end = p.xs.evaluated(j)
	for f, phase := range phases {
		py, px := phase[0], phase[1]
		n := p.xs.tilesAt(j, px)
		if tx >= n {
			continue
		}
		end = min(end, n)
		if ty < p.ys.tilesAt(i, py) {
			list = append(list, simd.Tap{A: p.largeAt(ty, py, px, j), B: f})
		}
	}
	return list, end
}

// halfDown: half[((ty, i)*W + x)*plane] = E^T along x of point i along y.
func (p *stridedPass) halfDown(half, products []float32, i, n int) {
	plane, from := p.halfPlane(), p.productPlane()
	for ty := range p.ys.evaluated(i) {
		line := half[(ty*p.ys.points+i)*p.small.W*plane:]
		for tx := range p.xs.tiles {
			x := &p.xs.tiles[tx]
			p.k.Transform(line[x.at*plane:], plane, products[ty*p.xs.points*from+tx*n:], from, n, x.evalT, x.n, len(x.eval)/x.n)
		}
	}
}

// finishDown: E^T along y into dst.
func (p *stridedPass) finishDown(ws *Workspace, dst, half []float32, o *output) {
	plane := p.halfPlane()
	runs, n := o.runs(p.dst)
	first, line := o.first(p.dst), p.dst.W*p.dst.Stride
	for ty := range p.ys.tiles {
		y := &p.ys.tiles[ty]
		for r := range runs {
			to := dst[y.at*line+first+r*p.dst.Row:]
			ws.transforms = simd.Transforms{
				Dst: to, DS: line, DStep: p.dst.Stride, Src: half[ty*p.ys.points*p.dst.W*plane+r*o.width:], SS: p.dst.W * plane, SStep: plane,
				M: y.evalT, Rows: y.n, Cols: len(y.eval) / y.n, N: n, Count: p.dst.W, Stream: o.streams(p.dst),
			}
			p.k.Transforms(&ws.transforms)
			for q := range y.n * p.dst.W {
				o.finish(p.k, to[q*p.dst.Stride:][:n])
			}
		}
	}
}
