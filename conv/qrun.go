package conv

import "github.com/gantiny/gantiny/simd"

// QWorkspace is the scratch of one worker. It serves any of the plans that it was
// made for, one call at a time.
type QWorkspace struct {
	gemm    simd.QGEMM
	back    bool    // the next dense layer goes backwards
	staged  []int8  // the source as the kernels read it
	sums    []int32 // of one image
	columns []int32 // of one image of a thin output
}

// NewQWorkspace returns scratch that suits all the plans.
func NewQWorkspace(plans ...*QPlan) *QWorkspace {
	staged, sums, columns := scratch(plans)
	return &QWorkspace{staged: make([]int8, staged), sums: make([]int32, sums), columns: make([]int32, columns)}
}

// QWorkspaceBytes is the memory that NewQWorkspace's scratch takes.
func QWorkspaceBytes(plans ...*QPlan) int64 {
	staged, sums, columns := scratch(plans)
	return int64(staged) + 4*int64(sums+columns)
}

// scratch is how long a QWorkspace's slices are.
func scratch(plans []*QPlan) (staged, sums, columns int) {
	for _, p := range plans {
		if p.stages() {
			staged = max(staged, p.k.Width*(p.in.Len()+p.k.Slack(p.depth)))
		}
		sums = max(sums, p.out.Positions()*p.sumStep())
		if p.how == thinOutput {
			sums, columns = max(sums, p.gathers[0].Len()), max(columns, p.noColumn()+1)
		}
	}
	return staged, sums, columns
}

// NewQWorkspace returns scratch that suits this plan.
func (p *QPlan) NewQWorkspace() *QWorkspace { return NewQWorkspace(p) }

// Bytes returns the memory that ws takes.
func (ws *QWorkspace) Bytes() int64 {
	return int64(len(ws.staged)) + 4*int64(len(ws.sums)+len(ws.columns))
}

// Forward computes part of y, laid out as Out says, from x, laid out as In says.
func (p *QPlan) Forward(ws *QWorkspace, y, x []int8, w *QWeights, part Share) {
	if p.sums {
		panic("conv: Forward of a plan that ends in sums")
	}
	if len(y) < p.out.Len() {
		panic("conv: buffer shorter than its map")
	}
	a := p.begin(ws, x, w, part)
	for part.P0 < part.P1 {
		win := p.window(&part)
		switch {
		case p.how == thinOutput:
			p.thinForward(ws, y, a, w, win)
		case p.g.IsDense():
			p.byFeature(ws, y, a, w, win)
		case win.n1-win.n0 >= p.imageRows():
			p.byPosition(ws, y, a, w, win)
		default:
			p.byLine(ws, y, a, w, win)
		}
	}
}

// Sums computes part of the sums y, laid out as Out says, of a plan by NewQSums.
func (p *QPlan) Sums(ws *QWorkspace, y []int32, x []int8, w *QWeights, part Share) {
	if len(y) < p.out.Len() {
		panic("conv: buffer shorter than its map")
	}
	c := p.out.C
	p.eachSums(ws, x, w, part, func(n, at int, sums []int32, _ []float32) {
		for len(sums) > 0 { // position by position
			m := copy(y[at/c*p.out.Stride+n*p.out.Row+at%c:][:c-at%c], sums)
			at, sums = at+m, sums[m:]
		}
	})
}

// Pixels computes part of the images dst, in (N, H, W, C) order, of a plan by
// NewQSums: each sum's entry of the table, see simd.FromTable. Scale is then in
// steps of the table.
func (p *QPlan) Pixels(ws *QWorkspace, dst []uint8, x []int8, w *QWeights, table []uint8, part Share) {
	each := p.out.Positions() * p.out.C
	if len(dst) < part.N1*each {
		panic("conv: buffer shorter than its images")
	}
	p.eachSums(ws, x, w, part, func(n, at int, sums []int32, scale []float32) {
		simd.FromTable(dst[n*each+at:][:len(sums)], sums, scale, table)
	})
}

// eachSums computes part of a plan that ends in sums. It calls f with runs of the
// sums of image n, from element at of the image on, and the scales that repeat
// over them.
func (p *QPlan) eachSums(ws *QWorkspace, x []int8, w *QWeights, part Share, f func(n, at int, sums []int32, scale []float32)) {
	if !p.sums {
		panic("conv: sums of a plan that requantizes")
	}
	a := p.begin(ws, x, w, part)
	c, nr := p.out.C, p.k.NR
	for part.P0 < part.P1 {
		win := p.window(&part)
		first, last := p.positions(win)
		for n := win.n0; n < win.n1; n++ {
			switch {
			case p.how == thinOutput:
				f(n, first*c, p.thinSums(ws, a, w, win, n), w.scale)
			case p.g.IsDense():
				g := p.feature(ws, a, w, n)
				g.C, g.Rows = ws.sums, 1
				p.run(g, win.from, win.to)
				for t := win.from; t < win.to; t++ {
					_, col, cols := p.panel(t % p.panels)
					at := t/p.panels*c + col
					f(n, at, ws.sums[at:][:cols], w.scale[t*nr:][:cols])
				}
			default:
				for panel := win.panel; panel < win.panel+win.panels; panel++ {
					grp, col, cols := p.panel(panel)
					p.line(ws, a, w, win, n, panel, ws.sums[grp*p.cols+col:], w.rows[grp*p.cols+col:])
					for q := first; q < last; q++ {
						at := q*c + grp*p.cols + col
						f(n, at, ws.sums[at:][:cols], w.scale[panel*nr:][:cols])
					}
				}
			}
		}
	}
}

// stages tells whether the kernels read a copy of the source.
func (p *QPlan) stages() bool { return p.k.Stage != nil || p.k.Slack(p.depth) > 0 }

// begin checks a call's arguments and returns its images of x as the kernels read them.
func (p *QPlan) begin(ws *QWorkspace, x []int8, w *QWeights, part Share) []int8 {
	if part.N0 < 0 || part.N1 < part.N0 || part.N1 > p.in.N || part.P0 < 0 || part.P1 < part.P0 || part.P1 > p.Panels() {
		panic("conv: bad part")
	}
	if len(x) < p.in.Len() {
		panic("conv: buffer shorter than its map")
	}
	if len(w.packed) != p.blocks*p.block() {
		panic("conv: packed weights of the wrong length")
	}
	if !p.stages() {
		return x
	}
	if part.N0 == part.N1 || part.P0 == part.P1 {
		return ws.staged
	}
	stage := func(at, n int) {
		if p.k.Stage == nil {
			copy(ws.staged[at:][:n], x[at:])
			return
		}
		p.k.Stage(ws.staged[at*p.k.Width:][:n*p.k.Width], x[at:][:n])
	}
	images := part.N1 - part.N0
	switch {
	case p.in.Stride == images*p.in.C:
		stage(0, p.in.Len())
	case p.in.dense():
		for q := range p.in.Positions() {
			stage(q*p.in.Stride+part.N0*p.in.C, images*p.in.C)
		}
	default: // other channels of the rows may be about to change
		for q := range p.in.Positions() {
			for n := part.N0; n < part.N1; n++ {
				stage(q*p.in.Stride+n*p.in.Row, p.in.C)
			}
		}
	}
	return ws.staged
}

// window takes the next units off a part. Its from and to are bands, of a dense
// layer tiles.
func (p *QPlan) window(part *Share) window {
	w := window{n0: part.N0, n1: part.N1, panels: 1}
	if p.g.IsDense() {
		w.from, w.to = part.P0, part.P1
		part.P0 = part.P1
		return w
	}
	bands, units := p.bands, part.P1-part.P0
	w.panel, w.from = part.P0/bands, part.P0%bands
	w.to = w.from + 1
	if w.from == 0 && units >= bands { // whole panels
		w.to, w.panels = bands, units/bands
	} else { // the largest share of the bands that starts here
		for n := 2; w.from%n == 0 && n <= units; n *= 2 {
			w.to = w.from + n
		}
	}
	part.P0 += (w.to - w.from) * w.panels
	return w
}

// list picks a window's list of a panel's lines.
func (p *QPlan) list(t *qtiles, w window) *simd.QTiles {
	return t.lines[banding(p.bands, w.from, w.to)]
}

// positions returns a window's output positions.
func (p *QPlan) positions(w window) (first, last int) {
	if p.g.IsDense() {
		return 0, p.out.Positions()
	}
	return bandLine(p.out.H, p.bands, w.from) * p.out.W, bandLine(p.out.H, p.bands, w.to) * p.out.W
}

// tiles picks the lists of panels with cols columns.
func (p *QPlan) tiles(cols int) *qtiles {
	if cols < p.k.NR {
		return &p.narrow
	}
	return &p.full
}

func (p *QPlan) run(g *simd.QGEMM, from, to int) {
	g.From, g.To = from, to
	p.k.GEMM(g)
}

// source is the staged source from image n, channel c on.
func (p *QPlan) source(a []int8, n, c int) []int8 { return a[(n*p.in.Row+c)*p.k.Width:] }

// byPosition computes w, tiles of images. The order is panel > image tile >
// position, so that one panel's weights stay in the second cache.
func (p *QPlan) byPosition(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	first, last := p.positions(win)
	g := &ws.gemm
	for panel := win.panel; panel < win.panel+win.panels; panel++ {
		grp, col, cols := p.panel(panel)
		p.beginPanel(g, w, panel)
		g.Tiles = p.tiles(cols).positions
		for n := win.n0; n < win.n1; n += g.Rows {
			g.Rows = tileRows(win.n1-n, p.k.MR)
			g.A, g.Q = p.source(a, n, grp*p.depth), y[n*p.out.Row+grp*p.cols+col:]
			p.run(g, first, last)
		}
	}
}

// beginPanel sets what a panel's tiles have in common.
func (p *QPlan) beginPanel(g *simd.QGEMM, w *QWeights, panel int) {
	nr := p.k.NR
	starts := len(p.sets) * nr
	g.B, g.S, g.Scale = w.packed[panel*p.panelLen():][:p.panelLen()], w.start[panel*starts:][:starts], w.scale[panel*nr:][:nr]
	g.Slope, g.Zero = w.slope, w.zero
}

// byLine computes w image by image.
func (p *QPlan) byLine(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	rows := p.out.Positions() * p.k.NR
	for panel := win.panel; panel < win.panel+win.panels; panel++ {
		grp, col, _ := p.panel(panel)
		for n := win.n0; n < win.n1; n++ {
			ws.gemm.Q = y[n*p.out.Row+grp*p.cols+col:]
			p.line(ws, a, w, win, n, panel, ws.sums, w.rows[panel*rows:][:rows])
		}
	}
}

// line computes a panel of one image, with its sums and what they start from given.
func (p *QPlan) line(ws *QWorkspace, a []int8, w *QWeights, win window, n, panel int, sums, rows []int32) {
	grp, _, cols := p.panel(panel)
	g := &ws.gemm
	p.beginPanel(g, w, panel)
	g.A, g.S, g.C, g.Tiles = p.source(a, n, grp*p.depth), rows, sums, p.list(p.tiles(cols), win)
	p.run(g, 0, g.Tiles.Len())
}

// featureTiles is how many tiles of a dense layer follow one another before the
// next images: their weights stay in the first cache meanwhile. Where there are no
// next images, fewer calls of oneTile are better.
const (
	featureTiles = 8
	oneTile      = 56
)

// byFeature computes tiles [from, to) of a dense layer. Every other call goes
// backwards: where the weights are larger than the cache, what the last call left
// there is used before it is lost (a dense layer of 1.25 MB in 31 for 36 us).
func (p *QPlan) byFeature(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	ws.back = !ws.back
	step := featureTiles
	if win.n1-win.n0 <= p.k.MR {
		step = oneTile
	}
	for i := win.from; i < win.to; i += step {
		t := i
		if ws.back {
			t = win.from + (win.to-1-i)/step*step
		}
		for n := win.n0; n < win.n1; {
			g := p.feature(ws, a, w, n)
			g.Rows, g.Q = tileRows(win.n1-n, p.k.MR), y[n*p.out.Row:]
			p.run(g, t, min(t+step, win.to))
			n += g.Rows
		}
	}
}

// feature sets up the tiles of a dense layer for images from n on.
func (p *QPlan) feature(ws *QWorkspace, a []int8, w *QWeights, n int) *simd.QGEMM {
	g := &ws.gemm
	g.Tiles, g.A, g.B, g.S, g.Scale = p.full.positions, p.source(a, n, 0), w.packed, w.start, w.scale
	g.Slope, g.Zero = w.slope, w.zero
	return g
}

// thinForward computes w, image by image.
func (p *QPlan) thinForward(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	first, last := p.positions(win)
	c := p.out.C
	for n := win.n0; n < win.n1; n++ {
		sums := p.thinSums(ws, a, w, win, n)
		for q := first; q < last; q++ {
			to := y[q*p.out.Stride+n*p.out.Row:][:c]
			for i := range to {
				to[i] = simd.Requantize(sums[(q-first)*c+i], w.scale[i], w.slope, w.zero)
			}
		}
	}
}

// thinSums returns the sums of one image's positions of a window: one product
// makes for each source position all taps' contributions as columns, which are
// gathered where they go.
func (p *QPlan) thinSums(ws *QWorkspace, a []int8, w *QWeights, win window, n int) []int32 {
	g := &ws.gemm
	g.Tiles, g.A, g.B, g.C = p.list(&p.full, win), p.source(a, n, 0), w.packed, ws.columns
	g.Slope, g.Zero = w.slope, w.zero
	p.run(g, 0, g.Tiles.Len())

	ws.columns[p.noColumn()] = 0
	gather := p.gathers[banding(p.bands, win.from, win.to)]
	first, last := p.positions(win)
	p.k.Gather(gather, ws.sums[:gather.Len()], w.rows[first*p.out.C:][:gather.Len()], ws.columns)
	return ws.sums[:(last-first)*p.out.C]
}
