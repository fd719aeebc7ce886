package conv

import (
	"slices"

	"github.com/gantiny/gantiny/simd"
)

// stridedPass is a pass by minimal filtering at stride 2: up from the small side
// to the large one, or down.
type stridedPass struct {
	*strided
	up       bool
	src, dst Layout
	chunk    int // images transformed together
	weights  weightIndex
	panels   int
	base     []int // (point, point): where its panels start, in products of channels

	places [2][2][][]packPlaces // (phase, phase, point along x): where its packed weights go
}

func newStridedPass(s *strided, up bool, w weightIndex) *stridedPass {
	p := &stridedPass{strided: s, up: up, src: s.large, dst: s.small, weights: w}
	if up {
		p.src, p.dst = s.small, s.large
	}
	p.panels = (p.dst.C + s.k.NR - 1) / s.k.NR
	p.chunk = min(stridedChunk, p.src.N)
	n := 0
	for i := range s.ys.points {
		for j := range s.xs.points {
			p.base = append(p.base, n)
			n += s.phases(i, j, nil)
		}
	}
	for py := range 2 {
		for px := range 2 {
			for j := range s.xs.most[px] {
				p.places[py][px] = append(p.places[py][px], p.placesOf(j, py, px))
			}
		}
	}
	return p
}

// stridedChunk is how many images are transformed together: what one point along y takes stays in the second cache.
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

func (p *stridedPass) packedLen() int64 {
	return int64(p.combos()) * int64(p.panels) * int64(p.src.C) * int64(p.k.NR)
}

// productPlane is the floats of one plane of products.
func (p *stridedPass) productPlane() int { return p.plane(p.chunk, p.dst.C) }

// halfPlane is the floats of one position of half transformed products.
func (p *stridedPass) halfPlane() int { return p.chunk*p.dst.C + 16 }

func (p *stridedPass) sizes() (lines, row, products, half int) {
	lines = p.lines()
	if p.up {
		return lines, p.smallRow(p.chunk, p.src.C), p.largeRow(p.chunk, p.dst.C), len(p.ys.tiles) * p.ys.both() * p.large.W * p.halfPlane()
	}
	return lines, p.largeRow(p.chunk, p.src.C), len(p.ys.tiles) * p.xs.points * p.productPlane(), len(p.ys.tiles) * p.ys.points * p.small.W * p.halfPlane()
}

func (p *stridedPass) scratch() int {
	a, b, c, d := p.sizes()
	return a + b + c + d + p.k.NR
}

// run computes images [n0, n1) and panels [p0, p1) of dst.
func (p *stridedPass) run(ws *Workspace, dst, src, packed []float32, e Epilogue, n0, n1, p0, p1 int) {
	a, b, c, d := p.sizes()
	buf := ws.buf
	take := func(n int) []float32 {
		s := buf[:n]
		buf = buf[n:]
		return s
	}
	lines, row, products, half := take(a), take(b), take(c), take(d)
	width := min(p.dst.C, p1*p.k.NR) - p0*p.k.NR
	for n0 < n1 {
		images := tileRows(n1-n0, p.chunk)
		from := src[n0*p.src.Row:]
		for i := range p.ys.points {
			if p.up {
				p.evaluate(ws, row, p.plane(p.chunk, p.src.C), lines, from, images, i)
				p.multiplyUp(ws, products, row, packed, i, images, p0, p1, width)
				p.halfUp(ws, half, products, i, images*width)
			} else {
				p.spreadOut(ws, row, p.plane(p.chunk, p.src.C), lines, from, images, i)
				p.multiplyDown(ws, products, row, packed, i, images, p0, p1, width)
				p.halfDown(half, products, i, images*width)
			}
		}
		o := output{e: e, n0: n0, images: images, col: p0 * p.k.NR, width: width}
		if p.up {
			p.finishUp(ws, dst, half, o)
		} else {
			p.finishDown(ws, dst, half, o)
		}
		n0 += images
	}
}

// multiplyUp: products = (row . U) of point i along y.
func (p *stridedPass) multiplyUp(ws *Workspace, products, row, packed []float32, i, images, p0, p1, width int) {
	g := &ws.gemm
	ws.one[0] = simd.Tap{}
	g.Taps, g.K, g.Start, g.Slope = ws.one[:], p.src.C, simd.StartZero, 1
	g.LDA, g.LDC = p.src.C, width
	panel, plane, to := p.src.C*p.k.NR, p.plane(p.chunk, p.src.C), p.productPlane()
	var phases [4][2]int
	for j := range p.xs.points {
		for f := range p.phases(i, j, &phases) {
			py, px := phases[f][0], phases[f][1]
			rows, ny := p.xs.tilesAt(j, px)*images, p.ys.tilesAt(i, py)
			for q := p0; q < p1; q++ {
				at := ((p.base[i*p.xs.points+j]+f)*p.panels + q) * panel
				g.B = packed[at:][:panel]
				col := (q - p0) * p.k.NR
				g.Cols = min(p.k.NR, width-col)
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
					ws.mixes = simd.Mixes{
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

// interpolate makes a tile's coefficients as ws.mixes says, and adds those that the tile before has written.
func (p *stridedPass) interpolate(ws *Workspace, q *axisProduct) {
	m := &ws.mixes
	m.Cols = q.points
	if q.shared > 0 {
		m.M, m.Rows, m.Add = q.inter[:q.shared*q.points], q.shared, true
		p.k.Mixes(m)
	}
	if rows := q.hi - q.lo - q.shared; rows > 0 {
		m.Dst, m.Add = m.Dst[q.shared*m.DS:], false
		m.M, m.Rows = q.inter[q.shared*q.points:], rows
		p.k.Mixes(m)
	}
}

// finishUp interpolates along y into dst.
func (p *stridedPass) finishUp(ws *Workspace, dst, half []float32, o output) {
	plane := p.halfPlane()
	runs, n := o.runs(p.dst)
	first := o.n0*p.dst.Row + o.col
	for py := range 2 {
		for ty := range p.ys.tiles {
			y := &p.ys.tiles[ty].products[py]
			for r := range runs {
				ws.mixes = simd.Mixes{
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

// multiplyDown: products = S_phases (row . U) of point i along y.
func (p *stridedPass) multiplyDown(ws *Workspace, products, row, packed []float32, i, images, p0, p1, width int) {
	g := &ws.gemm
	g.K, g.Start, g.Slope = p.src.C, simd.StartZero, 1
	g.LDA, g.LDC = p.src.C, width
	each, plane, to := p.src.C*p.k.NR, p.plane(p.chunk, p.src.C), p.productPlane()
	var phases [4][2]int
	for j := range p.xs.points {
		all := p.phases(i, j, &phases)
		for q := p0; q < p1; q++ {
			panel := all * each
			at := p.base[i*p.xs.points+j]*p.panels*each + q*panel
			g.B = packed[at:][:panel]
			next := packed[min(at+panel, len(packed)):]
			t := rowTiles{next: next[:min(len(next), panel)], total: p.ys.evaluated(i) * p.xs.evaluated(j) * images}
			col := (q - p0) * p.k.NR
			g.Cols = min(p.k.NR, width-col)
			for ty := range p.ys.evaluated(i) {
				for tx := 0; tx < p.xs.evaluated(j); {
					taps, end := p.alike(ws.taps[:0], phases[:all], i, j, ty, tx)
					for f := range taps {
						taps[f].A, taps[f].B = taps[f].A*plane, taps[f].B*each
					}
					g.Taps = taps
					t.run(p.k, g, products[(ty*p.xs.points+j)*to+tx*images*width+col:], row[tx*images*p.src.C:], (end-tx)*images)
					tx = end
				}
			}
		}
	}
	g.Ahead = nil
}

// alike appends those of the phases at points i and j that tile (ty, tx) has: the number of its plane and of the phase. Tiles up
// to end along x have the same.
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
			p.k.Mix(line[x.at*plane:], plane, products[ty*p.xs.points*from+tx*n:], from, n, x.evalT, x.n, len(x.eval)/x.n)
		}
	}
}

// finishDown: E^T along y into dst.
func (p *stridedPass) finishDown(ws *Workspace, dst, half []float32, o output) {
	plane := p.halfPlane()
	runs, n := o.runs(p.dst)
	first, line := o.n0*p.dst.Row+o.col, p.dst.W*p.dst.Stride
	for ty := range p.ys.tiles {
		y := &p.ys.tiles[ty]
		for r := range runs {
			to := dst[y.at*line+first+r*p.dst.Row:]
			ws.mixes = simd.Mixes{
				Dst: to, DS: line, DStep: p.dst.Stride, Src: half[ty*p.ys.points*p.dst.W*plane+r*o.width:], SS: p.dst.W * plane, SStep: plane,
				M: y.evalT, Rows: y.n, Cols: len(y.eval) / y.n, N: n, Count: p.dst.W, Stream: o.streams(p.dst),
			}
			p.k.Mixes(&ws.mixes)
			for q := range y.n * p.dst.W {
				o.finish(p.k, to[q*p.dst.Stride:][:n])
			}
		}
	}
}

// packScratch is the floats that pack needs.
func (p *stridedPass) packScratch() int {
	n := p.taps() * p.xs.most[0] * packDepth
	if p.weights.j != 1 {
		n += p.taps() * p.taps() * 4 * packTurn
	}
	return n * p.dst.C
}

func (p *stridedPass) taps() int { return max(p.ys.taps[0], p.xs.taps[0]) }

// pack writes U = G w G^T, up as [point, point][phase][panel][depth][NR], down as
// [point, point][panel][phase][depth][NR].
func (p *stridedPass) pack(ws *Workspace, dst, w []float32) {
	if p.dst.C%p.k.NR != 0 {
		clear(dst)
	}
	cols := p.dst.C
	kernelH, kernelW := p.ys.taps[0]+p.ys.taps[1], p.xs.taps[0]+p.xs.taps[1]
	for k := 0; k < p.src.C; k += packDepth {
		depth := min(packDepth, p.src.C-k)
		n := depth * cols
		t := ws.buf[:p.taps()*p.xs.most[0]*n]
		from, step := w[k*p.weights.k:], p.src.C*p.dst.C
		if p.weights.j != 1 {
			turned := ws.buf[p.taps()*p.xs.most[0]*packDepth*cols:]
			if k%packTurn == 0 {
				for tap := range kernelH * kernelW {
					p.k.Transpose(turned[tap*packTurn*cols:], cols, from[tap*step:], p.weights.j, cols, min(packTurn, p.src.C-k))
				}
			}
			from, step = turned[k%packTurn*cols:], packTurn*cols
		}
		for py := range 2 {
			for px := range 2 {
				nx, ry, rx := p.xs.most[px], p.ys.taps[py], p.xs.taps[px]
				for a := range ry {
					p.k.Mix(t[a*nx*n:], n, from[((2*a+py)*kernelW+px)*step:], 2*step, n, p.xs.kernel[px], nx, rx)
				}
				for j := range nx {
					p.packColumn(ws, dst, t[j*n:], nx*n, k, depth, j, py, px)
				}
			}
		}
	}
}

// packColumn transforms along y what belongs to point j along x and a phase, and
// writes it where it goes.
func (p *stridedPass) packColumn(ws *Workspace, dst, src []float32, ss, k, depth, j, py, px int) {
	cols := p.dst.C
	for _, to := range p.places[py][px][j] {
		for q := range p.panels {
			n := min(p.k.NR, cols-q*p.k.NR)
			ws.mixes = simd.Mixes{
				Dst: dst[to.at+q*to.panel+k*p.k.NR:], DS: max(to.next, n), DStep: p.k.NR, Src: src[q*p.k.NR:], SS: ss, SStep: cols,
				M: to.kernel, Rows: to.rows, Cols: p.ys.taps[py], N: n, Count: depth, Stream: true,
			}
			p.k.Mixes(&ws.mixes)
		}
	}
}

// packPlaces are neighbouring points along y whose packed weights lie evenly
// apart: those of a column panel next floats from point to point, panel floats
// from panel to panel.
type packPlaces struct {
	kernel          []float32 // their rows of G
	rows            int
	at, next, panel int
}

// placesOf returns the places of point j along x and a phase.
func (p *stridedPass) placesOf(j, py, px int) []packPlaces {
	each := p.src.C * p.k.NR
	place := func(i int) (at, step int) {
		f := 0 // the phase's number among those of the point
		for y := range 2 {
			for x := range 2 {
				if i < p.ys.most[y] && j < p.xs.most[x] && (y < py || y == py && x < px) {
					f++
				}
			}
		}
		at = p.base[i*p.xs.points+j] * p.panels
		if p.up {
			return (at + f*p.panels) * each, each
		}
		all := p.phases(i, j, nil)
		return (at + f) * each, all * each
	}
	var list []packPlaces
	for i := 0; i < p.ys.most[py]; {
		to := packPlaces{rows: 1}
		to.at, to.panel = place(i)
		for i+to.rows < p.ys.most[py] {
			at, step := place(i + to.rows)
			if to.rows == 1 {
				to.next = at - to.at
			}
			if step != to.panel || at-to.at != to.rows*to.next {
				break
			}
			to.rows++
		}
		to.kernel = p.ys.kernel[py][i*p.ys.taps[py]:][:to.rows*p.ys.taps[py]]
		list = append(list, to)
		i += to.rows
	}
	return list
}
