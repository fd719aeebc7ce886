package conv

import "github.com/gantiny/gantiny/simd"

// kernelPacking writes the weights of a Winograd pass as U = G w G^T, which is transformed
// along x into scratch and from there along y to where it belongs. At stride 2 each phase of
// the kernel is transformed by itself.
type kernelPacking struct {
	k           *simd.Kernels
	weights     weightIndex
	depth, cols int // contracted channels, and those of dst
	panels      int
	kernelW     int
	taps        int // of all phases
	stride      int // taps of a phase lie stride apart along both axes
	phases      []kernelPhase
}

// kernelPhase is the taps of one phase: lines by columns from tap (y, x) on.
type kernelPhase struct {
	y, x           int
	lines, columns int
	points         int       // along x
	g              []float32 // G along x: points by columns
	to             [][]packedPoints
}

// packedPoints are neighboring points along y whose packed weights lie evenly apart:
// those of a column panel next floats from point to point, panel floats from panel to
// panel.
type packedPoints struct {
	g               []float32 // their rows of G along y: rows by lines
	rows            int
	at, next, panel int
}

// packDepth is how many contracted channels are transformed together, packTranspose how
// many are transposed: a cache line of them.
const (
	packDepth     = 8
	packTranspose = 16
)

// halfLen is the floats of weights that are transformed along x, for a channel of each side.
func (p *kernelPacking) halfLen() int {
	n := 0
	for _, f := range p.phases {
		n = max(n, f.lines*f.points)
	}
	return n
}

// transposes tells whether the contracted channels are the layer's outputs, so that
// blocks of weights are transposed first.
func (p *kernelPacking) transposes() bool { return p.weights.j != 1 }

// scratch is the floats that pack needs: half transformed weights, and a transposed block.
func (p *kernelPacking) scratch() int {
	n := p.halfLen() * packDepth
	if p.transposes() {
		n += p.taps * packTranspose
	}
	return n * p.cols
}

// pack writes w to dst, whose panels are [depth][NR].
func (p *kernelPacking) pack(ws *Workspace, dst, w []float32) {
	if p.cols%p.k.NR != 0 {
		clear(dst)
	}
	half := ws.buf[:p.halfLen()*packDepth*p.cols]
	block := ws.buf[len(half):]
	for d := 0; d < p.depth; d += packDepth {
		depth := min(packDepth, p.depth-d)
		from, step := w[d*p.weights.k:], p.depth*p.cols // tap 0, and from tap to tap
		if p.transposes() {
			if d%packTranspose == 0 {
				p.transpose(block, from, min(packTranspose, p.depth-d))
			}
			from, step = block[d%packTranspose*p.cols:], packTranspose*p.cols
		}
		n := depth * p.cols
		for i := range p.phases {
			f := &p.phases[i]
			line := f.points * n
			for a := range f.lines {
				tap := (f.y+a*p.stride)*p.kernelW + f.x
				p.k.Transform(half[a*line:], n, from[tap*step:], p.stride*step, n, f.g, f.points, f.columns)
			}
			for j, to := range f.to {
				p.along(ws, dst[d*p.k.NR:], half[j*n:], to, f.lines, line, depth)
			}
		}
	}
}

// transpose: dst[tap][d][j] = w[tap][j][d] of depth contracted channels.
func (p *kernelPacking) transpose(dst, w []float32, depth int) {
	for tap := range p.taps {
		p.k.Transpose(dst[tap*packTranspose*p.cols:], p.cols, w[tap*p.depth*p.cols:], p.weights.j, p.cols, depth)
	}
}

// along transforms one point along x along y and writes it where it belongs.
func (p *kernelPacking) along(ws *Workspace, dst, src []float32, list []packedPoints, lines, line, depth int) {
	nr := p.k.NR
	for _, to := range list {
		for q := range p.panels {
			n := min(nr, p.cols-q*nr)
			ws.transforms = simd.Transforms{
				Dst: dst[to.at+q*to.panel:], DS: max(to.next, n), DStep: nr, Src: src[q*nr:], SS: line, SStep: p.cols,
				M: to.g, Rows: to.rows, Cols: lines, N: n, Count: depth, Stream: true,
			}
			p.k.Transforms(&ws.transforms)
		}
	}
}
