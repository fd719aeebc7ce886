package conv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/gantiny/gantiny/simd"
)

// ErrQuantized is what the errors about the numbers of a quantised layer wrap.
var ErrQuantized = errors.New("bad quantised layer")

// QLayer is a quantised layer. An activation q stands for (q-zero)*step with its
// tensor's zero point; sums are whole numbers:
//
//	s[o] = Bias + S (x[i]-InZero) * w
//	y = clamp(round(leaky(s*Scale, Slope)) + OutZero), step by step as simd.Requantize does
//
// so Scale is the input's step times the weight's over the output's.
type QLayer struct {
	Weights []int8    // in [-127, 127], in the shape that the package describes
	Bias    []int32   // one value per output channel, of a dense layer per output feature; nil for none
	Scale   []float32 // alike, positive
	Slope   float32   // of negative values, at most 1; 1 for no activation
	InZero  int32     // zero points, in [-128, 127]
	OutZero int32
}

// QWeights is a layer as a QPlan wants it. It is immutable and depends on the
// layer, the geometry, the kernel row and whether the plan ends in sums, but not
// on the Layouts: plans for other batches can share it.
type QWeights struct {
	packed []int8
	// What sums start from, bias and zero points:
	start []int32 // (panel, tap set, NR), dense (position, panel, NR)
	rows  []int32 // of lines: (panel, position, NR), of sums and of a thin output (position, channel)

	scale []float32 // (panel, NR), dense (position, panel, NR), thin output (channel)
	slope float32
	zero  int32
}

// Bytes returns the memory that w takes.
func (w *QWeights) Bytes() int64 {
	return int64(len(w.packed)) + 4*int64(len(w.start)+len(w.rows)+len(w.scale))
}

// WeightBytes is what Bytes of the plan's QWeights will be.
func (p *QPlan) WeightBytes() int64 {
	n, nr := int64(p.blocks)*int64(p.block()), int64(p.k.NR)
	positions, panels := int64(p.out.Positions()), int64(p.panels)
	switch {
	case p.how == thinOutput:
		return n + 4*(positions*int64(p.cols)+int64(p.gathers[0].Len()+p.cols))
	case p.g.IsDense():
		return n + 8*positions*panels*nr
	}
	rows := positions * panels * nr
	if p.sums {
		rows = positions * int64(p.out.C)
	}
	return n + 4*(panels*int64(len(p.sets))*nr+panels*nr+rows)
}

// QPlan is one layer's geometry lowered to tiles of the int8 kernels, forward
// only. It is immutable: all workers share it, each with its own QWorkspace.
//
// The bytes that it computes depend on the layer and the input alone: not on
// the kernel row, the batch or how the work is cut.
type QPlan struct {
	g       Geometry
	in, out Layout
	k       *simd.Int8
	sums    bool // the layer ends in sums, image by image, in place of a Layout of int8
	how     lowering
	taps    int
	groups  int
	depth   int // contracted channels of a group
	cols    int // output channels of a group
	panels  int // column panels of all groups, of a thin output of its columns
	bands   int // bands of output lines, a power of two
	blocks  int // packed blocks, of depth channels by NR columns
	weights weightIndex

	slot []int32   // where a convolution's taps stand in a panel's packed weights
	set  []int32   // the tap set of each output position; of a dense layer each has its own
	sets [][]int32 // the taps of each set

	full, narrow qtiles          // of panels with NR columns and of those with fewer
	gathers      []*simd.QGather // thinOutput: where its columns go, banded
}

// qtiles are the lists of tiles of one panel; of a dense layer, of all panels.
type qtiles struct {
	// One tile for each output position, its rows images; of a dense layer for
	// each position and panel. nil if the Layouts hold too few images.
	positions *simd.QTiles
	// One image, its tiles runs of positions: a list for each share of the bands,
	// see banded.
	lines []*simd.QTiles
}

// NewQPlan plans g from in to out with the kernels k.
// Errors wrap ErrGeometry or ErrLayout.
func NewQPlan(g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k, false)
}

// NewQSums plans g like NewQPlan, but for a layer whose outputs are the sums,
// not requantized: Sums and Pixels take the place of Forward.
func NewQSums(g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k, true)
}

func newQPlan(g Geometry, in, out Layout, k *simd.Kernels, sums bool) (*QPlan, error) {
	h, w, err := g.outOf(in, out)
	if err != nil {
		return nil, err
	}
	p := &QPlan{
		g: g, in: in, out: out, k: k.Int8, sums: sums,
		taps: g.KH * g.KW, groups: g.Groups, depth: g.InC / g.Groups, cols: g.OutC / g.Groups, weights: forwardWeights(g),
	}
	if err := p.checkSizes(); err != nil { // before anything is made in proportion
		return nil, err
	}
	links := g.links(h, w)
	if choose(g, in, out, len(links)) == thinOutput {
		p.how = thinOutput
	}
	nr := p.k.NR
	p.panels = p.groups * ((p.cols + nr - 1) / nr)
	switch {
	case p.how == thinOutput:
		p.panels = (p.taps*p.cols + nr - 1) / nr
		p.blocks = p.panels
		p.bands = powerOfTwo(min(h, minUnits))
	case g.IsDense():
		p.taps = in.Positions() * out.Positions()
		p.bands, p.blocks = 1, p.panels*p.taps
	default:
		p.bands = powerOfTwo(min(h, max(1, (minUnits+p.panels-1)/p.panels)))
		p.blocks = p.panels * p.taps
	}
	if err := p.checkSizes(); err != nil {
		return nil, err
	}
	if !g.IsDense() {
		p.findSets(links)
		p.slot = p.slots()
	}
	p.planTiles(links)
	return p, nil
}

// powerOfTwo is the largest that is at most n.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// checkSizes keeps offsets within 32 bits.
func (p *QPlan) checkSizes() error {
	for _, n := range [][]int64{
		{int64(p.in.Positions()), int64(p.in.Stride)}, {int64(p.out.Positions()), int64(p.out.Stride)},
		{int64(p.out.Positions()), int64(p.k.NR)}, {int64(p.blocks), int64(p.k.PackedLen(p.depth))},
		{int64(p.in.Positions()), int64(p.columns())},
	} {
		if !within(math.MaxInt32, n...) {
			return p.g.errorf("too large for int8 plans")
		}
	}
	return nil
}

// findSets numbers the sets of taps that output positions meet.
func (p *QPlan) findSets(links []link) {
	ordered, start := byOut(links, p.out.Positions())
	p.set = make([]int32, p.out.Positions())
	known := map[string]int32{}
	var key []byte
	for q := range p.set {
		key = key[:0]
		ls := ordered[start[q]:start[q+1]]
		for _, l := range ls {
			key = binary.AppendVarint(key, int64(l.tap))
		}
		s, ok := known[string(key)]
		if !ok {
			s = int32(len(p.sets))
			known[string(key)] = s
			taps := make([]int32, len(ls))
			for i, l := range ls {
				taps[i] = l.tap
			}
			p.sets = append(p.sets, taps)
		}
		p.set[q] = s
	}
}

// Bytes is about what the plan takes, and Made what making it left to the collector. Panels of four columns make twice as many tiles.
func (p *QPlan) Bytes() int64 { return linkBytes * p.g.countLinks() * max(1, 8/int64(p.k.NR)) }

// Made is described at Bytes.
func (p *QPlan) Made() int64 { return madeBytes * p.g.countLinks() }

// In returns the Layout of the input.
func (p *QPlan) In() Layout { return p.in }

// Out returns the Layout of the output.
func (p *QPlan) Out() Layout { return p.out }

// Panels returns the number of units that the plan can be cut into.
func (p *QPlan) Panels() int {
	switch {
	case p.how == thinOutput:
		return p.bands
	case p.g.IsDense():
		return p.out.Positions() * p.panels
	}
	return p.panels * p.bands
}

// panel returns a column panel's group, first column in it and columns.
func (p *QPlan) panel(i int) (grp, col, n int) {
	each := p.panels / p.groups
	grp, col = i/each, i%each*p.k.NR
	return grp, col, min(p.k.NR, p.cols-col)
}

// block is the length of a packed block.
func (p *QPlan) block() int { return p.k.PackedLen(p.depth) }

// panelLen is the length of a panel's packed weights.
func (p *QPlan) panelLen() int { return p.taps * p.block() }

// columns is the width of a thin output's matrix of columns, else 0.
func (p *QPlan) columns() int {
	if p.how != thinOutput {
		return 0
	}
	return p.panels * p.k.NR
}

// Pack checks a layer and lays it out for this plan. Errors wrap ErrQuantized.
func (p *QPlan) Pack(l QLayer) (*QWeights, error) {
	if err := p.checkLayer(l); err != nil {
		return nil, err
	}
	w := &QWeights{packed: make([]int8, p.blocks*p.block()), slope: l.Slope, zero: l.OutZero}
	p.packWeights(w.packed, l.Weights)
	s := starts{p: p, bias: l.Bias, sums: p.blockSums(w.packed), zero: l.InZero + p.k.Offset}
	switch {
	case p.how == thinOutput:
		w.scale = append(w.scale, l.Scale...)
		w.rows = make([]int32, p.out.Positions()*p.cols+p.gathers[0].Len()) // more than any band's padding needs
		for q, set := range p.set {
			s.thin(w.rows[q*p.cols:][:p.cols], p.sets[set])
		}
	case p.g.IsDense():
		n := p.out.Positions() * p.panels * p.k.NR
		w.start, w.scale = make([]int32, n), make([]float32, n)
		for q := range p.out.Positions() {
			for panel := range p.panels {
				_, col, n := p.panel(panel)
				i := q*p.panels + panel
				s.dense(w.start[i*p.k.NR:][:n], i, q*p.cols+col)
				copy(w.scale[i*p.k.NR:], l.Scale[q*p.cols+col:][:n])
			}
		}
	default:
		p.packStarts(w, s, l.Scale)
	}
	return w, nil
}

// packStarts fills in start, rows and scale of a convolution.
func (p *QPlan) packStarts(w *QWeights, s starts, scale []float32) {
	nr, sets, positions := p.k.NR, len(p.sets), p.out.Positions()
	w.start, w.scale = make([]int32, p.panels*sets*nr), make([]float32, p.panels*nr)
	rows := positions * p.panels * nr
	if p.sums {
		rows = positions * p.out.C
	}
	w.rows = make([]int32, rows)
	for panel := range p.panels {
		grp, col, n := p.panel(panel)
		at := grp*p.cols + col
		copy(w.scale[panel*nr:], scale[at:][:n])
		start := w.start[panel*sets*nr:][:sets*nr]
		for i, taps := range p.sets {
			s.panel(start[i*nr:][:n], panel, taps, at)
		}
		for q, set := range p.set {
			to := (panel*positions + q) * nr
			if p.sums {
				to = q*p.out.C + at
			}
			copy(w.rows[to:], start[int(set)*nr:][:n])
		}
	}
}

// starts computes what sums start from: the bias less the input's zero point times
// the weights of the taps that a position meets. All arithmetic wraps, as the
// kernels' does.
type starts struct {
	p    *QPlan
	bias []int32
	sums []int32 // of each packed block's columns
	zero int32   // of the staged input
}

// begin sets dst to the bias of channels, or features, from at on.
func (s *starts) begin(dst []int32, at int) {
	if s.bias != nil {
		copy(dst, s.bias[at:])
	}
}

// less subtracts a packed block's columns.
func (s *starts) less(dst []int32, block int) {
	for j, v := range s.sums[block*s.p.k.NR:][:len(dst)] {
		dst[j] -= s.zero * v
	}
}

func (s *starts) panel(dst []int32, panel int, taps []int32, at int) {
	s.begin(dst, at)
	for _, t := range taps {
		s.less(dst, panel*s.p.taps+int(s.p.slot[t]))
	}
}

func (s *starts) dense(dst []int32, tile, feature int) {
	s.begin(dst, feature)
	in := s.p.in.Positions()
	for i := range in {
		s.less(dst, tile*in+i)
	}
}

func (s *starts) thin(dst []int32, taps []int32) {
	s.begin(dst, 0)
	for _, t := range taps {
		for c := range dst {
			dst[c] -= s.zero * s.sums[int(t)*len(dst)+c]
		}
	}
}

// blockSums adds up the columns of each packed block, by a product with ones.
func (p *QPlan) blockSums(packed []int8) []int32 {
	n, nr := p.block(), p.k.NR
	ones := make([]int8, p.k.Width*(p.depth+p.k.Slack(p.depth)))
	for i := 0; i < len(ones); i += p.k.Width {
		ones[i] = 1
	}
	tiles := make([]simd.QTile, p.blocks)
	for i := range tiles {
		tiles[i] = simd.QTile{B: int32(i * n), C: int32(i * nr), Rows: 1, Cols: int32(nr), Taps: 1}
	}
	sums := make([]int32, p.blocks*nr)
	p.k.GEMM(&simd.QGEMM{
		Tiles: p.k.NewTiles(p.depth, tiles, make([]simd.Tap, 1)), To: len(tiles), A: ones, B: packed, C: sums,
	})
	return sums
}

// packWeights writes blocks of depth by NR: [panel][tap], of a dense layer
// [output position][panel][input position], of a thin output [panel].
func (p *QPlan) packWeights(dst, w []int8) {
	n := p.block()
	next := func(from []int8, sk, sj, cols int) {
		p.k.Pack(dst[:n], from, sk, sj, p.depth, cols)
		dst = dst[n:]
	}
	wi := p.weights
	switch {
	case p.how == thinOutput:
		// As one block would be if it were wide enough: columns are (tap, channel).
		wide := make([]int8, p.depth*p.columns())
		for tap := range p.taps {
			for c := range p.cols {
				for k := range p.depth {
					wide[k*p.columns()+tap*p.cols+c] = w[wi.base(tap)+k*wi.k+c*wi.j]
				}
			}
		}
		for panel := range p.panels {
			next(wide[panel*p.k.NR:], p.columns(), 1, p.k.NR)
		}
	case p.g.IsDense():
		out := p.out.Positions()
		for q := range out {
			for panel := range p.panels {
				_, col, cols := p.panel(panel)
				for i := range p.in.Positions() {
					next(w[wi.base(i*out+q)+col*wi.j:], wi.k, wi.j, cols)
				}
			}
		}
	default:
		for panel := range p.panels {
			grp, col, cols := p.panel(panel)
			for tap := range p.taps {
				at := (panel*p.taps + int(p.slot[tap])) * n
				p.k.Pack(dst[at:][:n], w[wi.base(tap)+grp*wi.group+col*wi.j:], wi.k, wi.j, p.depth, cols)
			}
		}
	}
}

func (p *QPlan) checkLayer(l QLayer) error {
	per := p.out.C
	if p.g.IsDense() {
		per *= p.out.Positions()
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("conv: %w: %s", ErrQuantized, fmt.Sprintf(format, args...))
	}
	switch {
	case len(l.Weights) != p.g.WeightLen():
		return bad("%d weights, want %d", len(l.Weights), p.g.WeightLen())
	case l.Bias != nil && len(l.Bias) != per:
		return bad("%d biases, want %d", len(l.Bias), per)
	case len(l.Scale) != per:
		return bad("%d scales, want %d", len(l.Scale), per)
	case !(l.Slope <= 1) || math.IsInf(float64(l.Slope), -1):
		return bad("slope of %g, want at most 1", l.Slope)
	case l.InZero < -128 || l.InZero > 127 || l.OutZero < -128 || l.OutZero > 127:
		return bad("zero points %d and %d, want int8", l.InZero, l.OutZero)
	}
	if i := simd.IndexMin(l.Weights); i >= 0 {
		return bad("weight %d is -128, want at least -127", i)
	}
	for i, s := range l.Scale {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return bad("scale %d is %g", i, s)
		}
	}
	return nil
}
