package conv

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/simd"
)

// ErrQuantized is wrapped by errors about the numbers of a quantized layer.
var ErrQuantized = errors.New("bad quantized layer")

// QLayer is a quantized layer. An activation q stands for (q-zero)*step with its
// tensor's zero point; sums are whole numbers:
//
//	s[o] = Bias + Σ (x[i]-InZero) * w
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
// layer, the geometry, the kernel row, whether the plan is for small weights, whether
// it ends in sums and whether it is by Winograd's algorithm, but not on the Layouts:
// plans of the same PackedLen can share it.
type QWeights struct {
	packed []int8
	bits   int // simd.Int8.Bits of the kernels that they are packed for
	// What sums start from, bias and zero points:
	start []int32 // (panel, tap set, NR), dense (position, panel, NR)
	rows  []int32 // of lines: (panel, position, NR), of sums and of a thin output (position, channel)

	scale []float32 // (panel, NR), dense (position, panel, NR), thin output (channel)
	slope float32
	zero  int32

	// Of a Winograd plan, whose start is (tap set, channel) and scale (channel):
	transformed []int16    // [plane of products][panel], see simd.GEMM16; nil: direct sums
	high        []highHalf // of the weights that need more, by plane
	highOf      []int32    // where those of each plane begin; and the end
}

// highHalf is what a transformed weight has beyond its low 16 bits.
type highHalf struct{ k, col, half int32 }

// Bytes returns the memory that w takes.
func (w *QWeights) Bytes() int64 {
	return int64(len(w.packed)) + 2*int64(len(w.transformed)) + 4*int64(len(w.start)+len(w.rows)+len(w.scale)+3*len(w.high)+len(w.highOf))
}

// WeightBytes is an upper bound of Bytes of the plan's QWeights.
func (p *QPlan) WeightBytes() int64 {
	n := p.lowering.weightBytes()
	if p.winograd != nil {
		n = max(n, p.winograd.weightBytes())
	}
	return n
}

// QPlan is one layer's geometry lowered to tiles of the int8 kernels, forward
// only. It is immutable: all workers share it, each with its own QWorkspace.
//
// The bytes that it computes depend on the layer and the input alone: not on
// the kernel row, the batch or how the work is cut.
type QPlan struct {
	g        Geometry
	in, out  Layout
	k        *simd.Int8
	lowering qlowering
	winograd *qwinograd // if it pays, and the weights fit; else nil
}

// NewQPlan plans g from in to out with the kernels k.
// Errors wrap ErrGeometry or ErrLayout.
func NewQPlan(g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k.Int8, false)
}

// NewQSums plans g like NewQPlan, but for a layer whose outputs are the sums,
// not requantized: Sums and Pixels take the place of Forward.
func NewQSums(g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, k.Int8, true)
}

// NewQPlanFor is NewQPlan for a layer with the weights w. Where all of them have 7
// bits, the plan may be one that is faster and takes no larger ones.
func NewQPlanFor(w []int8, g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, int8For(k, w), false)
}

// NewQSumsFor is to NewQSums what NewQPlanFor is to NewQPlan.
func NewQSumsFor(w []int8, g Geometry, in, out Layout, k *simd.Kernels) (*QPlan, error) {
	return newQPlan(g, in, out, int8For(k, w), true)
}

// int8For picks the int8 functions for the weights w.
func int8For(k *simd.Kernels, w []int8) *simd.Int8 {
	if q := k.Int8.Small; q != nil && simd.SmallWeights(w) {
		return q
	}
	return k.Int8
}

func newQPlan(g Geometry, in, out Layout, k *simd.Int8, sums bool) (*QPlan, error) {
	if _, _, err := g.outOf(in, out); err != nil {
		return nil, err
	}
	l, err := qlower(g, in, out, k, sums)
	if err != nil {
		return nil, err
	}
	p := &QPlan{g: g, in: in, out: out, k: k, lowering: l}
	if d, ok := l.(*qdirect); ok {
		if x := newQWinograd(d); x != nil && x.pays(g, in.N) {
			p.winograd = x
		}
	}
	return p, nil
}

// PackedLen is the number of weights that Pack packs, if they fit the plan. Plans of a layer with
// the same PackedLen can share QWeights.
func (p *QPlan) PackedLen() int {
	if p.winograd != nil {
		return p.winograd.packedLen()
	}
	return p.lowering.common().packedLen()
}

// Lowering is Plan.Lowering, with these weights: those that do not fit a Winograd plan are summed
// directly. Sums by kernels for small weights are named so.
func (p *QPlan) Lowering(w *QWeights) string {
	if w.transformed != nil {
		return "Winograd"
	}
	name := "direct"
	switch p.lowering.(type) {
	case *qthin:
		name = "thin"
	case *qdense:
		name = "dense"
	}
	if p.k.Bits == 7 {
		name += ", 7 bits"
	}
	return name
}

// Bytes estimates the memory of the plan. GarbageBytes estimates the garbage that making it left.
func (p *QPlan) Bytes() int64 {
	stays, _ := p.g.QPlanBytes(p.k.NR)
	return stays
}

// GarbageBytes estimates the garbage that making the plan left; see Bytes.
func (p *QPlan) GarbageBytes() int64 {
	_, garbage := p.g.QPlanBytes(p.k.NR)
	return garbage
}

// In returns the Layout of the input.
func (p *QPlan) In() Layout { return p.in }

// Out returns the Layout of the output.
func (p *QPlan) Out() Layout { return p.out }

// Panels returns the number of units that the plan can be cut into.
func (p *QPlan) Panels() int { return p.lowering.common().units() }

// Pack checks a layer and lays it out for this plan. Errors wrap ErrQuantized.
func (p *QPlan) Pack(l QLayer) (*QWeights, error) {
	if err := p.checkLayer(l); err != nil {
		return nil, err
	}
	w := &QWeights{slope: l.Slope, zero: l.OutZero, bits: p.k.Bits}
	if p.winograd != nil && p.winograd.pack(w, l) {
		return w, nil
	}
	w.packed = make([]int8, p.lowering.common().packedLen())
	p.lowering.pack(w, l)
	return w, nil
}

// Forward computes a share of y, in the Layout Out, from x, in the Layout In.
func (p *QPlan) Forward(ws *QWorkspace, y, x []int8, w *QWeights, s Share) {
	q := p.lowering.common()
	if q.sums {
		panic("conv: Forward of a plan that ends in sums")
	}
	if len(y) < p.out.Len() {
		panic("conv: buffer shorter than its layout")
	}
	if w.transformed != nil {
		p.forwardWinograd(ws, y, x, w, s)
		return
	}
	a := q.begin(ws, x, w, s)
	for s.P0 < s.P1 {
		p.lowering.forward(ws, y, a, w, q.next(&s))
	}
}

// forwardWinograd is Forward with weights of a Winograd plan. A share of the direct plan's units is
// one of its own: part a of b of the units is part a of b of the panels.
func (p *QPlan) forwardWinograd(ws *QWorkspace, y, x []int8, w *QWeights, s Share) {
	p.lowering.common().check(s)
	if len(x) < p.in.Len() {
		panic("conv: buffer shorter than its layout")
	}
	if p.winograd == nil || len(w.transformed) != p.winograd.packedLen() {
		panic("conv: packed weights of the wrong length")
	}
	n, of := p.winograd.units(), p.Panels()
	s.P0, s.P1 = s.P0*n/of, s.P1*n/of
	if s.N0 < s.N1 && s.P0 < s.P1 {
		p.winograd.forward(ws, y, x, w, s)
	}
}

// Sums computes a share of the sums y, laid out as Out says, of a plan by NewQSums.
func (p *QPlan) Sums(ws *QWorkspace, y []int32, x []int8, w *QWeights, s Share) {
	if len(y) < p.out.Len() {
		panic("conv: buffer shorter than its layout")
	}
	p.eachSums(ws, qsums{out: p.out, y: y}, x, w, s)
}

// Pixels computes a share of the images dst, in (N, H, W, C) order, of a plan by
// NewQSums: each sum's entry of the table, see simd.FromTable. Scale is then in
// steps of the table.
func (p *QPlan) Pixels(ws *QWorkspace, dst []uint8, x []int8, w *QWeights, table []uint8, s Share) {
	if len(dst) < s.N1*p.out.Positions()*p.out.C {
		panic("conv: buffer shorter than its images")
	}
	p.eachSums(ws, qsums{out: p.out, pixels: dst, table: table}, x, w, s)
}

// eachSums computes a share of a plan that ends in sums.
func (p *QPlan) eachSums(ws *QWorkspace, to qsums, x []int8, w *QWeights, s Share) {
	q := p.lowering.common()
	if !q.sums {
		panic("conv: sums of a plan that requantizes")
	}
	a := q.begin(ws, x, w, s)
	ws.to = to
	for s.P0 < s.P1 {
		win := q.next(&s)
		for n := win.n0; n < win.n1; n++ {
			p.lowering.imageSums(ws, a, w, win, n)
		}
	}
	ws.to = qsums{}
}

// qsums is where sums go: to y as they are, or by a table to pixels.
type qsums struct {
	out           Layout
	y             []int32
	pixels, table []uint8
}

// put takes a run of the sums of image n, from element at of the image on, and the scales
// that repeat over them.
func (t *qsums) put(n, at int, sums []int32, scale []float32) {
	c := t.out.C
	if t.y == nil {
		simd.FromTable(t.pixels[n*t.out.Positions()*c+at:][:len(sums)], sums, scale, t.table)
		return
	}
	for len(sums) > 0 { // position by position
		m := copy(t.y[at/c*t.out.Stride+n*t.out.Row+at%c:][:c-at%c], sums)
		at, sums = at+m, sums[m:]
	}
}

func (p *QPlan) checkLayer(l QLayer) error {
	per := p.lowering.common().biasLen()
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
	if p.k.Bits == 7 && !simd.SmallWeights(l.Weights) {
		return bad("a weight of more than 7 bits, in a plan for small ones")
	}
	for i, s := range l.Scale {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return bad("scale %d is %g", i, s)
		}
	}
	return nil
}
