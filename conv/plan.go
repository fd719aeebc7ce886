package conv

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// ErrLayout is what NewPlan's errors about a Layout that does not fit wrap.
var ErrLayout = errors.New("map does not fit the geometry")

// Plan is one layer's geometry lowered to lists of offsets for given Layouts and
// kernels. It is immutable: all workers share it, each with its own Workspace.
//
// The packed weights depend on the geometry and the kernel row alone, so plans
// for other batches can share them.
type Plan struct {
	g       Geometry
	in, out Layout
	forward pass // out from in
	grad    pass // in from out
	weight  weightPass
}

// Epilogue is what Forward applies to each sum: y = leaky(sum*Scale + Bias, Slope).
type Epilogue struct {
	Bias  []float32 // one value per output channel, of a dense layer per output feature; nil for none
	Scale []float32 // alike, with a Bias and of dense layers only; nil for none
	Slope float32   // of negative values; 1 for no activation
}

// Share is a share of a pass: images [N0, N1) and units [P0, P1) of Panels.
// Disjoint parts may run at the same time, and results never depend on how the
// work is cut.
type Share struct{ N0, N1, P0, P1 int }

// NewPlan plans the passes of g from in to out with the kernels k, by direct
// sums: an image has the same bits in every batch and on all kernel rows with
// fused products. Errors wrap ErrGeometry or ErrLayout.
func NewPlan(g Geometry, in, out Layout, k *simd.Kernels) (*Plan, error) {
	return newPlan(g, in, out, k, false)
}

// NewWinogradPlan is NewPlan, but with minimal filtering where that pays, with 32
// or more channels on both sides: 5x5 kernels at stride 1 take less than half
// the time at batches of 8 and more, kernels of 4 to 6 at stride 2 two thirds.
// Results differ from NewPlan's by at most 1e-4 of the largest value; they too
// do not depend on batch or parts.
func NewWinogradPlan(g Geometry, in, out Layout, k *simd.Kernels) (*Plan, error) {
	return newPlan(g, in, out, k, true)
}

func newPlan(g Geometry, in, out Layout, k *simd.Kernels, filtered bool) (*Plan, error) {
	h, w, err := g.outOf(in, out)
	if err != nil {
		return nil, err
	}
	p := &Plan{g: g, in: in, out: out}
	if filtered && p.filter(k) {
		return p, p.checkPacked()
	}
	links := g.links(h, w)
	p.forward = newPass(g, in, out, links, true, k)
	p.grad = newPass(g, out, in, reversed(links), false, k)
	p.weight = newWeightPass(g, in, out, links, k)
	return p, p.checkPacked()
}

// filter plans all passes by minimal filtering, where that applies.
func (p *Plan) filter(k *simd.Kernels) bool {
	var forward, grad filtering
	if minimal(p.g) {
		f := newFilter(p.g, p.in, p.out, true, forwardWeights(p.g), k)
		forward, grad = f, newFilter(p.g, p.out, p.in, false, gradWeights(p.g), k)
		p.weight = weightPass{filtered: newFilterGrad(f)}
	} else if s := newStrided(p.g, p.in, p.out, k); s != nil {
		forward, grad = newStridedPass(s, p.g.Transposed, forwardWeights(p.g)), newStridedPass(s, !p.g.Transposed, gradWeights(p.g))
		p.weight = weightPass{filtered: newStridedGrad(s, p.g.Transposed)}
	} else {
		return false
	}
	p.forward, p.grad = filterPass(forward, p.in, p.out, k), filterPass(grad, p.out, p.in, k)
	return true
}

func (p *Plan) checkPacked() error {
	for _, n := range []int64{p.forward.packedLen(), p.grad.packedLen()} {
		if n > math.MaxInt {
			return p.g.errorf("packed weights are too large")
		}
	}
	return nil
}

// outOf is Out, with in and out checked for being the geometry's.
func (g Geometry) outOf(in, out Layout) (h, w int, err error) {
	if h, w, err = g.Out(); err != nil {
		return 0, 0, err
	}
	if err := checkMap("input", in, g.InH, g.InW, g.InC, in.N); err != nil {
		return 0, 0, err
	}
	return h, w, checkMap("output", out, h, w, g.OutC, in.N)
}

func checkMap(what string, m Layout, h, w, c, n int) error {
	if m.H != h || m.W != w || m.C != c || m.N != n || n < 1 {
		return fmt.Errorf("conv: %w: %s is %d images of %dx%dx%d, want %d of %dx%dx%d", ErrLayout, what, m.N, m.H, m.W, m.C, n, h, w, c)
	}
	if m.Row < c {
		return fmt.Errorf("conv: %w: %s has rows of %d for %d channels", ErrLayout, what, m.Row, c)
	}
	if !within(math.MaxInt32, int64(n), int64(m.Row)) || m.Stride < m.span(n) {
		return fmt.Errorf("conv: %w: %s has stride %d for %d images with rows of %d, of %d channels", ErrLayout, what, m.Stride, n, m.Row, c)
	}
	if !within(math.MaxInt/4, int64(h)*int64(w), int64(m.Stride)) {
		return fmt.Errorf("conv: %w: %s is too large for this machine", ErrLayout, what)
	}
	return nil
}

// Bytes is about what the plan takes, and Made what making it left to the collector.
func (p *Plan) Bytes() int64 { return linkBytes * p.g.countLinks() }

// Made is described at Bytes.
func (p *Plan) Made() int64 { return madeBytes * p.g.countLinks() }

// In returns the Layout of x and dx.
func (p *Plan) In() Layout { return p.in }

// Out returns the Layout of y and dy.
func (p *Plan) Out() Layout { return p.out }

// PackedLen returns the length of Forward's packed weights.
func (p *Plan) PackedLen() int { return int(p.forward.packedLen()) }

// Pack writes the weights w, of the shape that the package describes, to dst
// as Forward wants them. ws is made for this plan.
func (p *Plan) Pack(ws *Workspace, dst, w []float32) { p.forward.pack(ws, dst, w) }

// PackedGradLen returns the length of InputGrad's packed weights.
func (p *Plan) PackedGradLen() int { return int(p.grad.packedLen()) }

// PackGrad writes the weights w to dst as InputGrad wants them. ws is by NewWorkspace.
func (p *Plan) PackGrad(ws *Workspace, dst, w []float32) { p.grad.pack(ws, dst, w) }

// Panels returns the number of units that Forward can be cut into: panels of
// output channels, each in bands of output lines where panels are few.
func (p *Plan) Panels() int { return p.forward.units() }

// GradPanels is Panels of InputGrad.
func (p *Plan) GradPanels() int { return p.grad.units() }

// Forward: y = leaky(conv(x, w) + bias, slope) within part. packed is by Pack.
func (p *Plan) Forward(ws *Workspace, y, x, packed []float32, e Epilogue, part Share) {
	p.forward.checkEpilogue(e)
	p.forward.run(ws, y, x, packed, nil, e, part)
}

// TakesHalf reports whether the plan can also read its weights in half precision,
// by PackHalf and ForwardHalf. Dense plans of several features can: of one image
// they take as long as it takes to read the weights.
func (p *Plan) TakesHalf() bool { return p.forward.dense && p.forward.how != single }

// PackHalf is Pack, but rounds the weights to half precision (IEEE 754 binary16).
// It reports whether that lost nothing.
func (p *Plan) PackHalf(dst []uint16, w []float32) (exact bool) {
	if !p.TakesHalf() {
		panic("conv: PackHalf: the plan takes no half precision")
	}
	return p.forward.packHalf(dst, w)
}

// ForwardHalf is Forward with weights by PackHalf. Sums are taken in float32: if
// packing lost nothing, results have the same bits.
func (p *Plan) ForwardHalf(ws *Workspace, y, x []float32, packed []uint16, e Epilogue, part Share) {
	if !p.TakesHalf() {
		panic("conv: ForwardHalf: the plan takes no half precision")
	}
	p.forward.checkEpilogue(e)
	p.forward.run(ws, y, x, nil, packed, e, part)
}

// ForwardUnpacked is Forward of all images at one output position of a dense
// plan, from the weights w as they are.
func (p *Plan) ForwardUnpacked(ws *Workspace, y, x, w []float32, e Epilogue, position int) {
	p.checkDense("ForwardUnpacked", position)
	p.forward.checkEpilogue(e)
	checkBuffer(x, p.in, p.in.N)
	checkBuffer(y, p.out, p.in.N)
	if len(w) != p.g.WeightLen() {
		panic("conv: ForwardUnpacked: weights of the wrong length")
	}
	p.forward.unpacked(ws, y, x, w, e, position)
}

// checkDense panics unless the plan is dense and has the output position.
func (p *Plan) checkDense(what string, position int) {
	if !p.forward.dense || p.forward.how == single || position < 0 || position >= p.out.Positions() {
		panic("conv: " + what + ": not a dense plan, or no such position")
	}
}

// InputGrad: dx = the gradient of sum(dy*y) by x, within part (whose units are
// of GradPanels). packed is by PackGrad.
func (p *Plan) InputGrad(ws *Workspace, dx, dy, packed []float32, part Share) {
	p.grad.run(ws, dx, dy, packed, nil, Epilogue{Slope: 1}, part)
}

// Sums are the places of a weight gradient in the making.
type Sums struct {
	DW   []float32 // the gradient, in the shape of the weights
	Room []float32 // SumsLen floats, which all workers share
	Add  bool      // go on from what is there; else from zero
}

// SumsLen is the length of the Room in which WeightGrad leaves what
// FinishWeightGrad turns into the gradient; 0 if DW is all that the plan needs.
func (p *Plan) SumsLen() int { return p.weight.sumsLen() }

// WeightGrad is the first stage of s.DW = the gradient of sum(dy*y) by w over
// images [0, n), in the shape of the weights. Each of parts workers calls it
// with its own part and makes its own share of the sums, which do not depend on
// parts. Batches may come in pieces, with s.Add set after the first.
func (p *Plan) WeightGrad(ws *Workspace, s Sums, x, dy []float32, n, part, parts int) {
	if n < 0 || n > p.in.N {
		panic("conv: WeightGrad: bad share")
	}
	p.checkSums(s, part, parts)
	checkBuffer(x, p.in, n)
	checkBuffer(dy, p.out, n)
	p.weight.run(ws, s, x, dy, n, part, parts)
}

// WeightImages is how many images WeightGrad takes at a time: pieces of so many,
// or of a multiple, give the bits of one whole batch.
func (p *Plan) WeightImages() int { return p.weight.images() }

// WeightGradAt sets what of s.DW belongs to one output position of a dense plan
// of several: dy holds the gradient there alone, n rows as in Out.
func (p *Plan) WeightGradAt(ws *Workspace, s Sums, x, dy []float32, n, position int) {
	p.checkDense("WeightGradAt", position)
	if n < 1 || n > p.in.N || len(dy) < p.out.span(n) || p.weight.swap {
		panic("conv: WeightGradAt: bad share")
	}
	p.checkSums(s, 0, 1)
	checkBuffer(x, p.in, n)
	p.weight.positionGrad(ws, s.DW, x, dy, n, position)
}

// FinishWeightGrad is the second stage, which belongs after all parts of the
// first. It is cut into parts likewise and may be left out if SumsLen is 0.
func (p *Plan) FinishWeightGrad(ws *Workspace, s Sums, part, parts int) {
	p.checkSums(s, part, parts)
	p.weight.finish(ws, s, part, parts)
}

func (p *Plan) checkSums(s Sums, part, parts int) {
	if part < 0 || part >= parts {
		panic("conv: WeightGrad: bad share")
	}
	if len(s.DW) != p.g.WeightLen() {
		panic("conv: WeightGrad: dw of the wrong length")
	}
	if len(s.Room) < p.SumsLen() {
		panic("conv: WeightGrad: no room for sums")
	}
}

// checkBuffer panics unless buf holds the first n images of m.
func checkBuffer(buf []float32, m Layout, n int) {
	if m.N = n; n > 0 && len(buf) < m.Len() {
		panic("conv: buffer shorter than its map")
	}
}

// Workspace is the scratch of one worker. It serves any of the plans that it was
// made for, one call at a time.
type Workspace struct {
	gemm  simd.GEMM
	outer simd.Outer
	mixes simd.Mixes
	bias  []float32 // one panel's, padded to NR; of a dense layer one position's
	scale []float32 // alike
	buf   []float32
	one   [1]simd.Tap
	taps  [4]simd.Tap
}

// NewWorkspace returns scratch that suits all the plans.
func NewWorkspace(plans ...*Plan) *Workspace {
	n := ForwardBytes(plans...) / 4
	for _, p := range plans {
		n = max(n, p.grad.scratch(), p.grad.packScratch(), p.weight.scratch(), p.forward.unpackedLen())
	}
	return newWork(n, plans)
}

// NewForwardWorkspace returns scratch that suits all the plans' Pack and Forward, and nothing else of
// them.
func NewForwardWorkspace(plans ...*Plan) *Workspace { return newWork(ForwardBytes(plans...)/4, plans) }

// ForwardBytes is the memory that NewForwardWorkspace's scratch takes, a few hundred bytes less.
func ForwardBytes(plans ...*Plan) int {
	n := 0
	for _, p := range plans {
		n = max(n, p.forward.scratch(), p.forward.packScratch())
	}
	return 4 * n
}

// Bytes is the memory that ws takes, a few hundred bytes less.
func (ws *Workspace) Bytes() int64 { return 4 * int64(len(ws.buf)) }

func newWork(n int, plans []*Plan) *Workspace {
	bias := 0
	for _, p := range plans {
		bias = max(bias, max(1, p.forward.perPosition, p.grad.perPosition)*p.forward.k.NR)
	}
	return &Workspace{bias: make([]float32, bias), scale: make([]float32, bias), buf: arena.Floats(n)}
}

// NewWorkspace returns scratch that suits this plan.
func (p *Plan) NewWorkspace() *Workspace { return NewWorkspace(p) }

// weightIndex says where the weight of a pass stands: tap, contracted channel
// k, column j and group grp at base(tap) + grp*group + k*k + j*j.
type weightIndex struct {
	tap         int // elements from one tap to the next; dense: from one input position
	out, outTap int // dense: output positions, and elements from one to the next
	group, k, j int
}

func (w weightIndex) base(tap int) int {
	if w.out == 0 {
		return tap * w.tap
	}
	return tap/w.out*w.tap + tap%w.out*w.outTap
}

// forwardWeights indexes the weights for Forward: k = ci, j = co.
func forwardWeights(g Geometry) weightIndex {
	if g.IsDense() {
		pout := g.DenseH * g.DenseW
		f := pout * g.OutC
		return weightIndex{tap: g.InC * f, out: pout, outTap: g.OutC, k: f, j: 1}
	}
	return weightIndex{tap: g.InC / g.Groups * g.OutC, group: g.OutC / g.Groups, k: g.OutC, j: 1}
}

// gradWeights indexes them for InputGrad: k = co, j = ci.
func gradWeights(g Geometry) weightIndex {
	w := forwardWeights(g)
	w.k, w.j = w.j, w.k
	return w
}

// split returns n cut into the fewest runs of at most limit, as even as can be:
// two tiles of 9 rows run faster than one of 14 and one of 4.
func split(n, limit int) []int {
	var s []int
	for m := (n + limit - 1) / limit; m > 0; m-- {
		r := (n + m - 1) / m
		s = append(s, r)
		n -= r
	}
	return s
}

// tileRows returns the next run of split when n rows are left.
func tileRows(n, limit int) int {
	m := (n + limit - 1) / limit
	return (n + m - 1) / m
}
