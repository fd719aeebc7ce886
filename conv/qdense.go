package conv

import "github.com/gantiny/gantiny/simd"

// qdense is a fully connected layer. Its tile q*each+i is panel i of output position q over
// all input positions, and its weights are packed as [output position][panel][input position].
type qdense struct {
	qpass
	tiles *simd.QTiles
}

func newQDense(p qpass) *qdense {
	d := &qdense{qpass: p}
	taps := make([]simd.Tap, p.taps)
	for i := range taps {
		taps[i] = simd.Tap{A: i * p.src.Stride, B: i * p.block()}
	}
	tiles := make([]simd.QTile, p.panels)
	for i := range tiles {
		q, col, cols := p.panel(i)
		t := simd.QTile{
			B: int32(i * p.panelLen()), S: int32(i * p.nr), Scale: int32(i * p.nr), Cols: int32(cols),
			LDA: int32(p.src.Row), Taps: int32(len(taps)), Start: simd.StartBias,
		}
		if p.sums {
			t.Rows, t.C = 1, int32(q*p.dst.C+col)
		} else {
			t.Q, t.LDQ, t.Requantize = int32(q*p.dst.Stride+col), int32(p.dst.Row), true
		}
		tiles[i] = t
	}
	d.tiles = p.k.NewTiles(p.depth, tiles, taps)
	return d
}

func (p *qdense) weightBytes() int64 {
	return int64(p.packedLen()) + 8*int64(p.panels)*int64(p.nr)
}

// scratch is the sums of one image, if these are the result.
func (p *qdense) scratch() (sums, columns int) {
	return p.dst.Positions() * p.sumStep(), 0
}

func (p *qdense) pack(w *QWeights, l QLayer) {
	wi, at := p.weights, w.packed
	for panel := range p.panels {
		q, col, cols := p.panel(panel)
		for i := range p.taps {
			p.k.Pack(at[:p.block()], l.Weights[wi.base(i*wi.out+q)+col*wi.j:], wi.k, wi.j, p.depth, cols)
			at = at[p.block():]
		}
	}
	s, nr := p.newStarts(w, l), p.nr
	w.start, w.scale = make([]int32, p.panels*nr), make([]float32, p.panels*nr)
	for panel := range p.panels {
		q, col, n := p.panel(panel)
		start := w.start[panel*nr:][:n]
		s.begin(start, q*p.cols+col)
		for i := range p.taps {
			s.subtract(start, panel*p.taps+i)
		}
		copy(w.scale[panel*nr:], l.Scale[q*p.cols+col:][:n])
	}
}

// featureTiles is how many tiles follow one another before the next images: their weights
// stay in the first cache meanwhile. Where there are no next images, fewer calls of
// oneTile are better.
const (
	featureTiles = 8
	oneTile      = 56
)

// forward computes a window. Every other call goes backwards: where the weights are larger
// than the cache, what the last call left there is used before it is lost (a dense layer of
// 1.25 MB in 31 for 36 us).
func (p *qdense) forward(ws *QWorkspace, y, a []int8, w *QWeights, win window) {
	ws.back = !ws.back
	step := featureTiles
	if win.n1-win.n0 <= p.k.MR {
		step = oneTile
	}
	first, last := win.panel, win.panel+win.panels
	for i := first; i < last; i += step {
		t := i
		if ws.back {
			t = first + (last-1-i)/step*step
		}
		for n := win.n0; n < win.n1; {
			g := p.image(ws, a, w, n)
			g.Rows, g.Q = tileRows(win.n1-n, p.k.MR), y[n*p.dst.Row:]
			p.runTiles(g, t, min(t+step, last))
			n += g.Rows
		}
	}
}

func (p *qdense) imageSums(ws *QWorkspace, a []int8, w *QWeights, win window, n int) {
	g := p.image(ws, a, w, n)
	g.C, g.Rows = ws.sums, 1
	p.runTiles(g, win.panel, win.panel+win.panels)
	for t := win.panel; t < win.panel+win.panels; t++ {
		q, col, cols := p.panel(t)
		at := q*p.dst.C + col
		ws.to.put(n, at, ws.sums[at:][:cols], w.scale[t*p.nr:][:cols])
	}
}

// image sets up the tiles for images from n on.
func (p *qdense) image(ws *QWorkspace, a []int8, w *QWeights, n int) *simd.QGEMM {
	g := &ws.gemm
	g.Tiles, g.A, g.B, g.S, g.Scale = p.tiles, p.source(a, n, 0), w.packed, w.start, w.scale
	g.Slope, g.Zero = w.slope, w.zero
	return g
}
