package conv

import "github.com/gantiny/gantiny/simd"

// qwinograd computes an int8 layer by Winograd's algorithm in whole numbers, see qwinograd_axis.go:
// the bytes are those of direct sums. Values of the inputs have 16 bits, at most 15*15*128, and
// products 32. It goes with a direct plan, which takes over where a layer's weights do not fit, see
// pack.
//
// A chunk of images is computed together, one point along y at a time, so that what lies between
// the transforms stays in the second cache.
type qwinograd struct {
	k        *simd.Int16
	src, dst Layout
	weights  weightIndex
	kw       int
	flip     bool // the kernel is taken in reverse order
	sets     tapSets
	ys, xs   *exactAxis
	chunk    int
	shift    int
	small    bool         // the direct plan beside it has kernels for small weights
	high     int          // for tests: that many weights may have high halves anyway
	products []exactPlane // in the order in which they are made
	first    []int        // of each point along y; and the end
	x, y     [2][]exactSlots
}

// exactPlane is the products of a point along each axis and a phase along each.
type exactPlane struct {
	i, j, py, px int // points and phases
	ny, nx       int // tiles that have it
	slot         int // of j in its phase
}

// exactSlots says where the coefficients of a tile and a phase lie in the workspace.
type exactSlots struct {
	even, odd    []simd.Coefficient
	points, last int // last: the slot of infinity
}

// exactChunk is how many images are transformed together at most, exactBytes what the products of a
// point along y should take.
const (
	exactChunk = 16
	exactBytes = 512 << 10
)

const (
	exactChannels = 32      // the fewest on either side
	exactWeights  = 1 << 25 // the most that are packed, of two bytes each
)

// isExactWinograd says that a qwinograd may compute g.
func isExactWinograd(g Geometry) bool {
	h, w, err := g.Out()
	if err != nil || g.IsDense() || g.Groups != 1 || g.DilationH != 1 || g.DilationW != 1 || g.StrideH != g.StrideW || g.StrideH > 2 ||
		g.StrideH == 2 && !g.Transposed || g.InC < exactChannels || g.OutC < exactChannels || g.InC%simd.Lanes16 != 0 || g.OutC%simd.Lanes16 != 0 {
		return false
	}
	for _, k := range [2]int{g.KH, g.KW} {
		if k < g.StrideH+1 || k > exactTaps*g.StrideH {
			return false
		}
	}
	return g.InH > 1 && g.InW > 1 && h > 1 && w > 1
}

// newQWinograd returns nil where it does not apply. Whether it pays is another matter.
func newQWinograd(d *qdirect) *qwinograd {
	g := d.g
	if d.sums || d.k.Int16 == nil || !isExactWinograd(g) {
		return nil
	}
	ay, ax := g.axes(d.dst.H, d.dst.W)
	p := &qwinograd{
		k: d.k.Int16, src: d.src, dst: d.dst, weights: d.weights, kw: g.KW, flip: !g.Transposed, sets: d.sets, small: d.k.Bits == 7,
		ys: newExactAxis(ay, g.Transposed), xs: newExactAxis(ax, g.Transposed),
	}
	p.shift = p.ys.shift + p.xs.shift
	if !p.ys.reached() || !p.xs.reached() {
		return nil
	}
	p.listProducts()
	if int64(len(p.products))*int64(p.src.C)*int64(p.dst.C) > exactWeights {
		return nil
	}
	p.chunk = min(exactChunk, d.src.N)
	for p.chunk > 1 && 4*len(p.xs.points)*p.tiles()*p.chunk*max(p.src.C, p.dst.C) > exactBytes {
		p.chunk = (p.chunk + 1) / 2
	}
	p.planSlots()
	return p
}

// tiles is the number of tiles of an image.
func (p *qwinograd) tiles() int { return len(p.ys.tiles) * len(p.xs.tiles) }

// listProducts lists the planes of products, by point along y.
func (p *qwinograd) listProducts() {
	for _, i := range p.ys.points {
		p.first = append(p.first, len(p.products))
		for _, j := range p.xs.points {
			for py := range p.ys.stride {
				for px := range p.xs.stride {
					q := exactPlane{i: i, j: j, py: py, px: px, ny: p.ys.tilesAt(i, py), nx: p.xs.tilesAt(j, px), slot: p.xs.slot[px][j]}
					if q.ny > 0 && q.nx > 0 {
						p.products = append(p.products, q)
					}
				}
			}
		}
	}
	p.first = append(p.first, len(p.products))
}

// pays tells whether n images take less time than by direct sums. Both are counted in products of a
// row of inputs with all weights between two rows of channels; each matrix product takes as long as
// four rows more, for weights come from far away and transforms take their part. Measured with AVX2
// on an Ice Lake, time by Winograd over time by direct sums: 7x7x256 -> 128, 5x5, .79, .49, .34 and
// .29 of 1, 2, 4 and 16 images, where this makes .57, .42, .34 and .29; 7x7x128 -> 14x14x64, 1.4,
// .79, .63 and .54, where it makes .90, .67, .55 and .46. Kernels for small weights
// sum directly in some three quarters of the time: .9 of Winograd's of 1 image and of 2 in the two
// layers, where their products come to .57 and .67, and 1.3 of that of 4 in the second, at .55.
func (p *qwinograd) pays(g Geometry, n int) bool {
	cost := 0
	for _, q := range p.products {
		calls := q.ny
		if q.nx == len(p.xs.tiles) {
			calls = 1
		}
		cost += q.ny*q.nx*n + 4*calls
	}
	direct := g.countLinks() * int64(n)
	if p.small {
		direct = direct * 3 / 4
	}
	return int64(cost) <= direct*3/4
}

// Strides of scratch, in elements.

// valuePlane is that of the values of one point along x.
func (p *qwinograd) valuePlane() int { return p.tiles()*p.chunk*p.src.C + planePad }

// productPlane is that of the products of one point along x.
func (p *qwinograd) productPlane() int { return p.tiles()*p.chunk*p.dst.C + planePad }

// halfPlane is that of one position of what is interpolated along x.
func (p *qwinograd) halfPlane() int { return p.chunk*p.dst.C + 16 }

// halfLine is that of a line of those.
func (p *qwinograd) halfLine() int { return p.dst.W * p.halfPlane() }

// phaseAt is where the planes of a phase along each axis begin, in planes.
func (p *qwinograd) phaseAt(py, px int) int {
	return py*(len(p.xs.slots[0])+len(p.xs.slots[1])) + px*len(p.xs.slots[0])
}

// halfAt is the number of the line of (phase, tile, slot) along y.
func (p *qwinograd) halfAt(py, ty, slot int) int {
	return (py*len(p.ys.tiles)*len(p.ys.slots[0]) + ty*len(p.ys.slots[py])) + slot
}

// planSlots lists where coefficients go in the workspace.
func (p *qwinograd) planSlots() {
	list := func(a *exactAxis, phase, step int) (all []exactSlots) {
		for i := range a.tiles {
			q := &a.tiles[i].products[phase]
			s := exactSlots{points: len(q.points), last: len(a.slots[phase]) - 1}
			for _, c := range q.even {
				c.At *= step
				s.even = append(s.even, c)
			}
			for _, c := range q.odd {
				c.At *= step
				s.odd = append(s.odd, c)
			}
			all = append(all, s)
		}
		return all
	}
	for phase := range p.xs.stride {
		p.x[phase] = list(p.xs, phase, p.halfPlane())
		p.y[phase] = list(p.ys, phase, p.halfPlane())
	}
}

// scratch is the int16 and the int32 that forward needs.
func (p *qwinograd) scratch() (shorts, ints int) {
	_, block := blockOf(p.src)
	phases := p.ys.stride * (len(p.xs.slots[0]) + len(p.xs.slots[1]))
	lines := 0
	for py := range p.ys.stride {
		lines += len(p.ys.tiles) * len(p.ys.slots[py])
	}
	return p.src.W*block + len(p.xs.points)*p.valuePlane(), phases*p.productPlane() + lines*p.halfLine() + p.dst.H*p.halfPlane()
}

// units is how many shares the work can be cut into: panels of output channels.
func (p *qwinograd) units() int { return p.dst.C / simd.Lanes16 }

// exactCall holds the workspace and the loop variables of one call of forward.
type exactCall struct {
	line, values []int16
	products     []int32
	half, sums   []int32
	w            *QWeights
	n0, images   int // the chunk
	col, width   int // output channels
}

// forward computes images [n0, n1) and units [p0, p1) of y.
func (p *qwinograd) forward(ws *QWorkspace, y, x []int8, w *QWeights, s Share) {
	_, block := blockOf(p.src)
	phases := p.ys.stride * (len(p.xs.slots[0]) + len(p.xs.slots[1]))
	c := exactCall{w: w, col: s.P0 * simd.Lanes16, width: (s.P1 - s.P0) * simd.Lanes16}
	c.line, c.values = ws.shorts[:p.src.W*block], ws.shorts[p.src.W*block:]
	c.products, c.half = ws.ints[:phases*p.productPlane()], ws.ints[phases*p.productPlane():]
	c.half, c.sums = c.half[:len(c.half)-p.dst.H*p.halfPlane()], c.half[len(c.half)-p.dst.H*p.halfPlane():]
	for c.n0 = s.N0; c.n0 < s.N1; c.n0 += c.images {
		c.images = tileRows(s.N1-c.n0, p.chunk)
		for i, point := range p.ys.points {
			p.evaluate(ws, &c, x, point)
			for at := p.first[i]; at < p.first[i+1]; at++ {
				p.multiply(ws, &c, at)
			}
			p.interpolateX(ws, &c, point)
		}
		p.finish(ws, &c, y)
	}
}

// evaluate makes the values of a point along y: values[j*plane + ((ty*tiles+tx)*images+n)*C+c].
func (p *qwinograd) evaluate(ws *QWorkspace, c *exactCall, x []int8, point int) {
	m := &p.src
	step, block := blockOf(*m)
	plane := p.valuePlane()
	e := &ws.evaluation
	for n := 0; n < c.images; n += step {
		count := min(step, c.images-n)
		for ty := range p.ys.evaluated(point) {
			t := &p.ys.tiles[ty]
			row := 0
			for t.points[row] != point {
				row++
			}
			*e = simd.Evaluation{
				Dst: c.line, DS: block, DStep: block, Bytes: x[t.at*m.W*m.Stride+(c.n0+n)*m.Row:], SS: m.W * m.Stride, SStep: m.Stride,
				M: t.eval[row*t.n:][:t.n], Rows: 1, Cols: t.n, N: count * m.C, Count: m.W,
			}
			p.k.Evaluate(e)
			for tx := range p.xs.tiles {
				t := &p.xs.tiles[tx]
				at := ((ty*len(p.xs.tiles)+tx)*c.images + n) * m.C
				// Runs of points whose planes lie side by side.
				for from := 0; from < len(t.points); {
					slot, rows := p.pointSlot(t.points[from]), 1
					for from+rows < len(t.points) && p.pointSlot(t.points[from+rows]) == slot+rows {
						rows++
					}
					*e = simd.Evaluation{
						Dst: c.values[slot*plane+at:], DS: plane, Src: c.line[t.at*block:], SS: block,
						M: t.eval[from*t.n:][:rows*t.n], Rows: rows, Cols: t.n, N: count * m.C, Count: 1,
					}
					p.k.Evaluate(e)
					from += rows
				}
			}
		}
	}
}

// pointSlot is the number of the plane of values of a point along x.
func (p *qwinograd) pointSlot(point int) int {
	for i, q := range p.xs.points {
		if q == point {
			return i
		}
	}
	return -1
}

// multiply makes a plane of products: products[((ty*tiles+tx)*images+n)*width+column].
func (p *qwinograd) multiply(ws *QWorkspace, c *exactCall, at int) {
	q := &p.products[at]
	panel := p.src.C * simd.Lanes16
	from := c.values[p.pointSlot(q.j)*p.valuePlane():]
	to := c.products[(p.phaseAt(q.py, q.px)+q.slot)*p.productPlane():]
	g := &ws.gemm16
	*g = simd.GEMM16{
		B: c.w.transformed[(at*p.units()*panel + c.col*p.src.C):], Panels: c.width / simd.Lanes16, K: p.src.C, LDA: p.src.C, LDC: c.width,
	}
	g.B = g.B[:g.Panels*panel]
	line := len(p.xs.tiles) * c.images // rows of a tile along y
	if q.nx == len(p.xs.tiles) {
		g.A, g.C, g.Rows = from, to, q.ny*line
		p.k.GEMM(g)
	} else {
		for ty := range q.ny {
			g.A, g.C, g.Rows = from[ty*line*g.LDA:], to[ty*line*g.LDC:], q.nx*c.images
			p.k.GEMM(g)
		}
	}
	p.repair(c, at, from, to)
}

// repair adds what products with weights of more than 16 bits lack: the weights' high halves.
func (p *qwinograd) repair(c *exactCall, at int, from []int16, to []int32) {
	q := &p.products[at]
	line, rows := len(p.xs.tiles)*c.images, q.nx*c.images
	for _, f := range c.w.high[c.w.highOf[at]:c.w.highOf[at+1]] {
		col := int(f.col) - c.col
		if col < 0 || col >= c.width {
			continue
		}
		factor := f.half << 16
		for ty := range q.ny {
			a, s := from[ty*line*p.src.C+int(f.k):], to[ty*line*c.width+col:]
			for r := range rows {
				s[r*c.width] += int32(a[r*p.src.C]) * factor
			}
		}
	}
}

// interpolateX goes from products to lines: half[line*halfLine + x*halfPlane], of a point along y.
func (p *qwinograd) interpolateX(ws *QWorkspace, c *exactCall, point int) {
	plane := p.productPlane()
	t := &ws.interpolation
	for py := range p.ys.stride {
		for ty := range p.ys.tilesAt(point, py) {
			to := c.half[p.halfAt(py, ty, p.ys.slot[py][point])*p.halfLine():]
			for px := range p.xs.stride {
				for tx := range p.x[px] {
					x := &p.x[px][tx]
					*t = simd.Interpolation{
						Dst: to, Src: c.products[p.phaseAt(py, px)*plane+(ty*len(p.xs.tiles)+tx)*c.images*c.width:],
						Points: x.points, SS: plane, Last: x.last * plane, N: c.images * c.width, Even: x.even, Odd: x.odd,
					}
					p.k.Interpolate(t)
				}
			}
		}
	}
}

// finish goes from lines to sums, column by column of y, and from these to bytes.
func (p *qwinograd) finish(ws *QWorkspace, c *exactCall, y []int8) {
	line, plane := p.halfLine(), p.halfPlane()
	m := &p.dst
	for x := range m.W {
		for py := range p.ys.stride {
			for ty := range p.y[py] {
				t := &p.y[py][ty]
				ws.interpolation = simd.Interpolation{
					Dst: c.sums, Src: c.half[p.halfAt(py, ty, 0)*line+x*plane:], Points: t.points, SS: line, Last: t.last * line,
					N: c.images * c.width, Even: t.even, Odd: t.odd,
				}
				p.k.Interpolate(&ws.interpolation)
			}
		}
		for q := range m.H {
			position := q*m.W + x
			ws.requantization = simd.Requantization{
				Q: y[position*m.Stride+c.n0*m.Row+c.col:], LDQ: m.Row, S: c.sums[q*plane:], LDS: c.width, Rows: c.images, Cols: c.width,
				Start: c.w.start[int(p.sets.of[position])*m.C+c.col:][:c.width], Scale: c.w.scale[c.col:][:c.width],
				Shift: p.shift, Slope: c.w.slope, Zero: c.w.zero,
			}
			p.k.Requantize(&ws.requantization)
		}
	}
}
