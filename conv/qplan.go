package conv

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gantiny/gantiny/simd"
)

// ErrQuantised is what the errors about the numbers of a quantised layer wrap.
var ErrQuantised = errors.New("bad quantised layer")

// QLayer is a quantised layer. An activation q stands for (q-zero)*step with its
// tensor's zero point; sums are whole numbers:
//
//	s[o] = Bias + S (x[i]-InZero) * w
//	y = clamp(round(leaky(s*Scale, Slope)) + OutZero), step by step as simd.Requantise does
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
// on the Maps: plans for other batches can share it.
type QWeights struct {
	packed []int8
	start  []int32 // what sums start from: bias and zero point, by the taps that a position meets
	scale  []float32
	slope  float32
	zero   int32
}

// Bytes returns the memory that w takes.
func (w *QWeights) Bytes() int64 {
	return int64(len(w.packed)) + 4*int64(len(w.start)+len(w.scale))
}

// QPlan is one layer's geometry lowered to tiles of the int8 kernels, forward
// only. It is immutable: all workers share it, each with its own QWork.
//
// The bytes that it computes depend on the layer and the input alone: not on
// the kernel row, the batch or how the work is cut.
type QPlan struct {
	g       Geometry
	in, out Map
	k       *simd.Int8
	sums    bool // the layer ends in sums, image by image, in place of a Map of int8
	how     lowering
	taps    int
	groups  int
	depth   int // contracted channels of a group
	cols    int // output channels of a group
	panels  int // column panels of all groups, of a thin output of its columns
	bands   int // bands of output lines
	blocks  int // packed blocks, of depth channels by NR columns
	weights weightIndex

	set  []int32   // the tap set of each output position; of a dense layer each has its own
	sets [][]int32 // the taps of each set

	full, narrow qtiles // of panels with NR columns and of those with fewer
	thin         pass   // thinOutput: where columns go
}

// qtiles are the lists of tiles of one panel; of a dense layer, of all panels.
type qtiles struct {
	// One tile for each output position, its rows images; of a dense layer for
	// each position and panel. nil if the Maps hold too few images.
	positions *simd.QTiles
	// One image, its tiles runs of positions: of all bands, then of each band.
	// With one band the list of all serves.
	lines []*simd.QTiles
}

// NewQPlan plans g from in to out with the kernels k.
// Errors wrap ErrGeometry or ErrMap.
func NewQPlan(g Geometry, in, out Map, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k, false)
}

// NewQSums plans g like NewQPlan, but for a layer whose outputs are the sums,
// not requantised: Sums and Pixels take the place of Forward.
func NewQSums(g Geometry, in, out Map, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k, true)
}

func newQPlan(g Geometry, in, out Map, k *simd.Kernels, sums bool) (*QPlan, error) {
	h, w, err := g.Out()
	if err != nil {
		return nil, err
	}
	if err := checkMap("input", in, g.InH, g.InW, g.InC, in.N); err != nil {
		return nil, err
	}
	if err := checkMap("output", out, h, w, g.OutC, in.N); err != nil {
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
		p.bands = min(h, minUnits)
	case g.IsDense():
		p.taps = in.Positions() * out.Positions()
		p.bands, p.blocks = 1, p.panels*p.taps
	default:
		p.bands = min(h, max(1, (minUnits+p.panels-1)/p.panels))
		p.blocks = p.panels * p.taps
	}
	if err := p.checkSizes(); err != nil {
		return nil, err
	}
	if !g.IsDense() {
		p.findSets(links)
	}
	p.planTiles(links)
	return p, nil
}

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
	var key strings.Builder
	for q := range p.set {
		key.Reset()
		ls := ordered[start[q]:start[q+1]]
		for _, l := range ls {
			fmt.Fprint(&key, l.tap, " ")
		}
		s, ok := known[key.String()]
		if !ok {
			s = int32(len(p.sets))
			known[key.String()] = s
			taps := make([]int32, len(ls))
			for i, l := range ls {
				taps[i] = l.tap
			}
			p.sets = append(p.sets, taps)
		}
		p.set[q] = s
	}
}

// In returns the Map of the input.
func (p *QPlan) In() Map { return p.in }

// Out returns the Map of the output.
func (p *QPlan) Out() Map { return p.out }

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

// Pack checks a layer and lays it out for this plan. Errors wrap ErrQuantised.
func (p *QPlan) Pack(l QLayer) (*QWeights, error) {
	if err := p.checkLayer(l); err != nil {
		return nil, err
	}
	w := &QWeights{packed: make([]int8, p.blocks*p.block()), slope: l.Slope, zero: l.OutZero}
	p.packWeights(w.packed, l.Weights)
	sums := p.weightSums(l)
	// A sum of (x-InZero)*w is one of the staged x, less this times the weights.
	zero := l.InZero + p.k.Offset
	nr := p.k.NR
	switch {
	case p.how == thinOutput: // start by (set, channel), scale by channel
		w.scale = append(w.scale, l.Scale...)
		for _, taps := range p.sets {
			for c := range p.cols {
				w.start = append(w.start, startOf(l.Bias, c, sums, taps, p.cols, c, zero))
			}
		}
	case p.g.IsDense(): // both by (position, panel, column)
		taps := make([]int32, p.in.Positions())
		for q := range p.out.Positions() {
			for i := range taps {
				taps[i] = int32(i*p.out.Positions() + q)
			}
			for panel := range p.panels {
				_, col, n := p.panel(panel)
				for j := range nr {
					start, scale := int32(0), float32(0)
					if j < n {
						f := q*p.cols + col + j
						start, scale = startOf(l.Bias, f, sums, taps, p.cols, col+j, zero), l.Scale[f]
					}
					w.start, w.scale = append(w.start, start), append(w.scale, scale)
				}
			}
		}
	default: // start by (panel, set, column), scale by (panel, column)
		for panel := range p.panels {
			grp, col, n := p.panel(panel)
			at := grp*p.cols + col
			for _, taps := range p.sets {
				for j := range nr {
					start := int32(0)
					if j < n {
						start = startOf(l.Bias, at+j, sums, taps, p.out.C, at+j, zero)
					}
					w.start = append(w.start, start)
				}
			}
			scale := make([]float32, nr)
			copy(scale, l.Scale[at:][:n])
			w.scale = append(w.scale, scale...)
		}
	}
	return w, nil
}

// startOf is a bias less zero times the weights of a set of taps. All arithmetic
// wraps, as the kernels' does.
func startOf(bias []int32, at int, sums []int32, taps []int32, stride, c int, zero int32) int32 {
	s := int32(0)
	if bias != nil {
		s = bias[at]
	}
	for _, t := range taps {
		s -= zero * sums[int(t)*stride+c]
	}
	return s
}

// weightSums adds up the weights of each (tap, output channel).
func (p *QPlan) weightSums(l QLayer) []int32 {
	each := p.out.C
	sums := make([]int32, p.taps*each)
	for tap := range p.taps {
		w, to := l.Weights[p.weights.base(tap):], sums[tap*each:][:each]
		for k := range p.depth { // output channels are neighbours, also those of different groups
			for c, v := range w[k*p.weights.k:][:each] {
				to[c] += int32(v)
			}
		}
	}
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
					wide[k*p.columns()+p.thin.column(tap)+c] = w[wi.base(tap)+k*wi.k+c*wi.j]
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
				next(w[wi.base(tap)+grp*wi.group+col*wi.j:], wi.k, wi.j, cols)
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
		return fmt.Errorf("conv: %w: %s", ErrQuantised, fmt.Sprintf(format, args...))
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
	for i, w := range l.Weights {
		if w == -128 {
			return bad("weight %d is -128, want at least -127", i)
		}
	}
	for i, s := range l.Scale {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return bad("scale %d is %g", i, s)
		}
	}
	return nil
}
