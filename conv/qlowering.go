package conv

import (
	"math"
	"math/bits"

	"github.com/gantiny/gantiny/simd"
)

// qlowering computes an int8 layer by sums over taps. Which lowering a layer has follows from the
// geometry alone. A plan may have Winograd's algorithm beside it, see qwinograd.go.
//
//	direct  tiles of images or positions by channels, see qdirect.go
//	thin    few channels to produce: taps are columns, see qthin.go
//	dense   a fully connected layer, see qdense.go
type qlowering interface {
	common() *qpass
	weightBytes() int64
	scratch() (sums, columns int) // of a QWorkspace
	// pack fills w, whose packed weights are made.
	pack(w *QWeights, l QLayer)
	// forward computes a window of y from the staged source a.
	forward(ws *QWorkspace, y, a []int8, w *QWeights, win window)
	// imageSums computes a window of image n's sums, and puts them to ws.to.
	imageSums(ws *QWorkspace, a []int8, w *QWeights, win window, n int)
}

// qpass is what all int8 lowerings have.
type qpass struct {
	tiling
	k       *simd.Int8
	g       Geometry
	sums    bool // the layer ends in sums, image by image, instead of a Layout of int8
	blocks  int  // packed blocks, of depth channels by NR columns
	weights weightIndex
}

func (p *qpass) common() *qpass { return p }

// qlower picks the lowering of a plan.
func qlower(g Geometry, in, out Layout, k *simd.Int8, sums bool) (qlowering, error) {
	p := qpass{tiling: newTiling(g, in, out, k.NR), k: k, g: g, sums: sums, weights: forwardWeights(g)}
	thin := isThin(g, in, out, int(g.countLinks()))
	p.blocks = p.panels * p.taps
	columns := 0 // of a thin layer
	if thin {
		p.onePanel()
		p.blocks = (p.taps*p.cols + p.nr - 1) / p.nr
		columns = p.blocks * p.nr
	}
	p.bands = powerOfTwo(p.bands)
	if err := p.checkSizes(columns); err != nil { // before anything is made in proportion
		return nil, err
	}
	switch {
	case g.IsDense():
		return newQDense(p), nil
	case thin:
		return newQThin(p, columns), nil
	}
	return newQDirect(p), nil
}

// powerOfTwo is the largest that is at most n.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// checkSizes keeps offsets within 32 bits.
func (p *qpass) checkSizes(columns int) error {
	in, out := int64(p.src.Positions()), int64(p.dst.Positions())
	for _, n := range [][2]int64{
		{in, int64(p.src.Stride)}, {out, int64(p.dst.Stride)}, {out, int64(p.nr)},
		{int64(p.blocks), int64(p.block())}, {in, int64(columns)},
	} {
		if !within(math.MaxInt32, n[:]...) {
			return p.g.errorf("too large for int8 plans")
		}
	}
	return nil
}

// block is the length of a packed block, packedLen that of all.
func (p *qpass) block() int     { return p.k.PackedLen(p.depth) }
func (p *qpass) packedLen() int { return p.blocks * p.block() }

// panelLen is the length of a panel's packed weights.
func (p *qpass) panelLen() int { return p.taps * p.block() }

// sumStep is the distance of two positions in an image's sums: those of one
// panel or, where they are the result, those of all channels.
func (p *qpass) sumStep() int {
	if p.sums {
		return p.dst.C
	}
	return p.nr
}

// next takes the next units off a share: whole panels, or the largest run of bands that
// banded has a list for.
func (p *qpass) next(s *Share) window {
	bands, units := p.bands, s.P1-s.P0
	w := window{n0: s.N0, n1: s.N1, panel: s.P0 / bands, panels: 1, from: s.P0 % bands}
	w.to = w.from + 1
	if w.from == 0 && units >= bands {
		w.to, w.panels = bands, units/bands
	} else {
		for n := 2; w.from%n == 0 && n <= units; n *= 2 {
			w.to = w.from + n
		}
	}
	s.P0 += (w.to - w.from) * w.panels
	return w
}

// banded makes the lists of all bands, of each half of them, of each quarter and so
// on: a worker's share is a few of them.
func banded[T any](bands int, list func(from, to int) T) (all []T) {
	for n := bands; n > 0; n /= 2 {
		for from := 0; from < bands; from += n {
			all = append(all, list(from, from+n))
		}
	}
	return all
}

// banding is where banded puts the list of bands [from, to).
func banding(bands, from, to int) int { return bands/(to-from) - 1 + from/(to-from) }

// stages tells whether the kernels read a copy of the source.
func (p *qpass) stages() bool { return p.k.Stage != nil || p.k.Slack(p.depth) > 0 }

// stagedLen is the length of that copy.
func (p *qpass) stagedLen() int {
	if !p.stages() {
		return 0
	}
	return p.k.Width * (p.src.Len() + p.k.Slack(p.depth))
}

// begin checks a call's arguments and returns its images of x as the kernels read them.
func (p *qpass) begin(ws *QWorkspace, x []int8, w *QWeights, s Share) []int8 {
	p.check(s)
	if len(x) < p.src.Len() {
		panic("conv: buffer shorter than its layout")
	}
	if len(w.packed) != p.packedLen() {
		panic("conv: packed weights of the wrong length")
	}
	if w.bits != p.k.Bits {
		panic("conv: weights packed for other kernels")
	}
	if !p.stages() {
		return x
	}
	if s.N0 < s.N1 && s.P0 < s.P1 {
		p.stage(ws.staged, x, s.N0, s.N1)
	}
	return ws.staged
}

// stage copies images [n0, n1).
func (p *qpass) stage(dst, x []int8, n0, n1 int) {
	run := func(at, n int) {
		if p.k.Stage == nil {
			copy(dst[at:][:n], x[at:])
			return
		}
		p.k.Stage(dst[at*p.k.Width:][:n*p.k.Width], x[at:][:n])
	}
	switch images := n1 - n0; {
	case p.src.Stride == images*p.src.C:
		run(0, p.src.Len())
	case p.src.dense():
		for q := range p.src.Positions() {
			run(q*p.src.Stride+n0*p.src.C, images*p.src.C)
		}
	default: // other channels of the rows are none of this layer's
		for q := range p.src.Positions() {
			for n := n0; n < n1; n++ {
				run(q*p.src.Stride+n*p.src.Row, p.src.C)
			}
		}
	}
}

// source is the staged source from image n, channel c on.
func (p *qpass) source(a []int8, n, c int) []int8 { return a[(n*p.src.Row+c)*p.k.Width:] }

// runTiles runs tiles [from, to) of g.
func (p *qpass) runTiles(g *simd.QGEMM, from, to int) {
	g.From, g.To = from, to
	p.k.GEMM(g)
}

// qstarts computes what sums start from: the bias less the input's zero point times the
// weights of the taps that a position meets. All arithmetic wraps, as the kernels' does.
type qstarts struct {
	bias []int32
	sums []int32 // of each packed block's columns
	zero int32   // of the staged input
	nr   int
}

func (p *qpass) newStarts(w *QWeights, l QLayer) qstarts {
	return qstarts{bias: l.Bias, sums: p.blockSums(w.packed), zero: l.InZero + p.k.Offset, nr: p.nr}
}

// begin sets dst to the bias of channels, or features, from at on.
func (s *qstarts) begin(dst []int32, at int) {
	if s.bias != nil {
		copy(dst, s.bias[at:])
	}
}

// subtract takes a packed block's columns off.
func (s *qstarts) subtract(dst []int32, block int) {
	for j, v := range s.sums[block*s.nr:][:len(dst)] {
		dst[j] -= s.zero * v
	}
}

// blockSums adds up the columns of each packed block, by a product with ones.
func (p *qpass) blockSums(packed []int8) []int32 {
	n := p.block()
	ones := make([]int8, p.k.Width*(p.depth+p.k.Slack(p.depth)))
	for i := 0; i < len(ones); i += p.k.Width {
		ones[i] = 1
	}
	tiles := make([]simd.QTile, p.blocks)
	for i := range tiles {
		tiles[i] = simd.QTile{B: int32(i * n), C: int32(i * p.nr), Rows: 1, Cols: int32(p.nr), Taps: 1}
	}
	sums := make([]int32, p.blocks*p.nr)
	p.k.GEMM(&simd.QGEMM{
		Tiles: p.k.NewTiles(p.depth, tiles, make([]simd.Tap, 1)), To: len(tiles), A: ones, B: packed, C: sums,
	})
	return sums
}
