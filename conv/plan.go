package conv

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/simd"
)

// ErrLayout is wrapped by errors about a Layout that does not fit the geometry of a plan.
var ErrLayout = errors.New("layout does not fit the geometry")

// Plan is a Geometry lowered to lists of offsets for given Layouts and kernels. It is immutable:
// all workers share it, each with its own Workspace.
//
// Packed weights depend only on the geometry and the kernel row, so plans for other batches can
// share them.
type Plan struct {
	g       Geometry
	in, out Layout
	forward lowering // out from in
	grad    lowering // in from out
	weight  gradLowering
}

// Epilogue is what Forward applies to each sum: y = leaky(sum*Scale + Bias + Add, Slope).
type Epilogue struct {
	Bias  []float32 // one value per output channel, of a dense layer per output feature; nil for none
	Scale []float32 // alike, with a Bias and of dense layers only; nil for none
	Add   []float32 // in the Layout of y, of which it is no part; nil for none, and for dense layers
	Slope float32   // of negative values; 1 for no activation
}

// Share is a share of a pass: images [N0, N1) and units [P0, P1) of Panels. Disjoint shares may
// run at the same time, and results never depend on how the work is cut.
type Share struct{ N0, N1, P0, P1 int }

// NewPlan plans the passes of g from in to out with the kernels k, by direct
// sums: an image has the same bits in every batch and on all kernel rows with
// fused products. Errors wrap ErrGeometry or ErrLayout.
func NewPlan(g Geometry, in, out Layout, k *simd.Kernels) (*Plan, error) {
	return newPlan(g, in, out, k, false)
}

// NewWinogradPlan is NewPlan, but by Winograd's algorithm where that pays, with 32
// or more channels on both sides: 5x5 kernels at stride 1 take less than half
// the time at batches of 8 and more, kernels of 4 to 6 at stride 2 two thirds.
// Results differ from NewPlan's by at most 1e-4 of the largest value; they too
// do not depend on the batch or on shares.
func NewWinogradPlan(g Geometry, in, out Layout, k *simd.Kernels) (*Plan, error) {
	return newPlan(g, in, out, k, true)
}

func newPlan(g Geometry, in, out Layout, k *simd.Kernels, winograd bool) (*Plan, error) {
	h, w, err := g.outOf(in, out)
	if err != nil {
		return nil, err
	}
	p := &Plan{g: g, in: in, out: out}
	if winograd && p.lowerWinograd(k) {
		return p, p.checkPacked()
	}
	links := g.links(h, w)
	p.forward = lower(g, in, out, links, true, k)
	p.grad = lower(g, out, in, reversed(links), false, k)
	p.weight = lowerGrad(g, in, out, links, k)
	return p, p.checkPacked()
}

// lowerWinograd lowers all passes to Winograd's, where these apply.
func (p *Plan) lowerWinograd(k *simd.Kernels) bool {
	if isWinograd(p.g) {
		forward := newWinogradPass(p.g, p.in, p.out, true, k)
		p.forward, p.grad = forward, newWinogradPass(p.g, p.out, p.in, false, k)
		p.weight = newWinogradGrad(forward)
		return true
	}
	s := newStrided(p.g, p.in, p.out, k)
	if s == nil {
		return false
	}
	p.forward = newStridedPass(s, p.g, p.in, p.out, true)
	p.grad = newStridedPass(s, p.g, p.out, p.in, false)
	p.weight = newStridedGrad(s, p.g.Transposed)
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
	if err := checkLayout("input", in, g.InH, g.InW, g.InC, in.N); err != nil {
		return 0, 0, err
	}
	return h, w, checkLayout("output", out, h, w, g.OutC, in.N)
}

func checkLayout(what string, m Layout, h, w, c, n int) error {
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

// Bytes estimates the memory of the plan. GarbageBytes estimates the garbage that making it left.
func (p *Plan) Bytes() int64 {
	stays, _ := p.g.PlanBytes(p.isWinograd())
	return stays
}

// GarbageBytes estimates the garbage that making the plan left; see Bytes.
func (p *Plan) GarbageBytes() int64 {
	_, garbage := p.g.PlanBytes(p.isWinograd())
	return garbage
}

// isWinograd tells whether the plan has a few matrices in place of lists.
func (p *Plan) isWinograd() bool {
	switch p.forward.(type) {
	case *winogradPass, *stridedPass:
		return true
	}
	return false
}

// Lowering names how Forward computes: "direct" sums over taps, "Winograd", "thin" of few output
// channels, or "dense".
func (p *Plan) Lowering() string {
	switch p.forward.(type) {
	case *winogradPass, *stridedPass:
		return "Winograd"
	case *thinPass:
		return "thin"
	case *densePass, *singlePass:
		return "dense"
	}
	return "direct"
}

// In returns the Layout of x and dx.
func (p *Plan) In() Layout { return p.in }

// Out returns the Layout of y and dy.
func (p *Plan) Out() Layout { return p.out }

// PackedLen returns the length of Forward's packed weights.
func (p *Plan) PackedLen() int { return int(p.forward.packedLen()) }

// Pack writes the weights w, in the shape that the package comment gives, to dst in the form that
// Forward reads. ws must be made for this plan.
func (p *Plan) Pack(ws *Workspace, dst, w []float32) { pack(p.forward, ws, dst, w) }

// PackedGradLen returns the length of InputGrad's packed weights.
func (p *Plan) PackedGradLen() int { return int(p.grad.packedLen()) }

// PackGrad writes the weights w to dst in the form that InputGrad reads. ws must come from
// NewWorkspace.
func (p *Plan) PackGrad(ws *Workspace, dst, w []float32) { pack(p.grad, ws, dst, w) }

// Panels returns the number of units that Forward can be cut into: panels of
// output channels, each in bands of output lines where panels are few.
func (p *Plan) Panels() int { return p.forward.common().units() }

// GradPanels is Panels of InputGrad.
func (p *Plan) GradPanels() int { return p.grad.common().units() }

// Forward: y = leaky(conv(x, w) + bias, slope) within a share. packed is by Pack.
func (p *Plan) Forward(ws *Workspace, y, x, packed []float32, e Epilogue, s Share) {
	run(p.forward, ws, y, x, packed, e, s)
}

// TakesHalf reports whether the plan can read weights in half precision, by PackHalf and
// ForwardHalf. Dense plans of several features can: for one image, their time is the time to read
// the weights.
func (p *Plan) TakesHalf() bool { _, ok := p.forward.(*densePass); return ok }

// denseForward is the forward pass of a plan that TakesHalf.
func (p *Plan) denseForward(what string) *densePass {
	d, ok := p.forward.(*densePass)
	if !ok {
		panic("conv: " + what + ": not a dense plan of several features")
	}
	return d
}

// PackHalf is Pack with the weights rounded to half precision (IEEE 754 binary16). It reports
// whether the rounding was exact for all of them.
func (p *Plan) PackHalf(dst []uint16, w []float32) (exact bool) {
	return p.denseForward("PackHalf").packHalf(dst, w)
}

// ForwardHalf is Forward with weights by PackHalf. Sums are taken in float32: if
// packing lost nothing, results have the same bits.
func (p *Plan) ForwardHalf(ws *Workspace, y, x []float32, packed []uint16, e Epilogue, s Share) {
	p.denseForward("ForwardHalf").runHalf(ws, y, x, packed, e, s)
}

// ForwardUnpacked is Forward of all images at one output position of a dense
// plan, from the weights w as they are.
func (p *Plan) ForwardUnpacked(ws *Workspace, y, x, w []float32, e Epilogue, position int) {
	d := p.denseForward("ForwardUnpacked")
	p.checkPosition("ForwardUnpacked", position)
	d.checkCall(y, x, e, Share{N1: p.in.N, P1: d.units()})
	if len(w) != p.g.WeightLen() {
		panic("conv: ForwardUnpacked: weights of the wrong length")
	}
	d.unpacked(ws, y, x, w, e, position)
}

// checkPosition panics unless position is one of the output's.
func (p *Plan) checkPosition(what string, position int) {
	if position < 0 || position >= p.out.Positions() {
		panic("conv: " + what + ": no such position")
	}
}

// InputGrad: dx = the gradient of Σ dy*y by x, within a share (whose units are
// of GradPanels). packed is by PackGrad.
func (p *Plan) InputGrad(ws *Workspace, dx, dy, packed []float32, s Share) {
	run(p.grad, ws, dx, dy, packed, Epilogue{Slope: 1}, s)
}

// Sums is the destination of a weight gradient.
type Sums struct {
	DW        []float32 // the gradient, in the shape of the weights
	Workspace []float32 // SumsLen floats, which all workers share
	Add       bool      // go on from what is there; else from zero
}

// SumsLen is the length of Sums.Workspace. WeightGrad leaves sums there, and FinishWeightGrad
// turns them into the gradient. It is 0 if the plan needs only DW.
func (p *Plan) SumsLen() int { return p.weight.sumsLen() }

// WeightGrad is the first stage of s.DW = the gradient of Σ dy*y by w over images
// [0, n), in the shape of the weights. Each of shares workers calls it with its own share
// number and computes its own part of the sums, which do not depend on shares.
// Batches may come in pieces, with s.Add set after the first.
func (p *Plan) WeightGrad(ws *Workspace, s Sums, x, dy []float32, n, share, shares int) {
	if n < 0 || n > p.in.N {
		panic("conv: WeightGrad: more images than the plan has")
	}
	p.checkSums(s, share, shares)
	checkBuffer(x, p.in, n)
	checkBuffer(dy, p.out, n)
	p.weight.run(ws, s, x, dy, n, share, shares)
}

// WeightImages is the number of images that WeightGrad takes at a time. If a batch is cut into
// pieces of a multiple of it, the bits are those of the whole batch.
func (p *Plan) WeightImages() int { return p.weight.images() }

// WeightGradAt sets the part of s.DW that belongs to one output position of a dense plan of
// several positions. dy holds the gradient at that position alone: n rows, as in Out.
func (p *Plan) WeightGradAt(ws *Workspace, s Sums, x, dy []float32, n, position int) {
	d, ok := p.weight.(*directGrad)
	if !ok || !p.g.IsDense() || d.swap {
		panic("conv: WeightGradAt: not a dense plan of several features")
	}
	p.checkPosition("WeightGradAt", position)
	if n < 1 || n > p.in.N || len(dy) < p.out.span(n) {
		panic("conv: WeightGradAt: bad count of images")
	}
	p.checkSums(s, 0, 1)
	checkBuffer(x, p.in, n)
	d.positionGrad(ws, s.DW, x, dy, n, position)
}

// FinishWeightGrad is the second stage of a weight gradient. Call it after all shares of
// WeightGrad are done. It is cut into shares in the same way and may be left out if SumsLen is 0.
func (p *Plan) FinishWeightGrad(ws *Workspace, s Sums, share, shares int) {
	p.checkSums(s, share, shares)
	p.weight.finish(ws, s, share, shares)
}

func (p *Plan) checkSums(s Sums, share, shares int) {
	if share < 0 || share >= shares {
		panic("conv: WeightGrad: bad share")
	}
	if len(s.DW) != p.g.WeightLen() {
		panic("conv: WeightGrad: dw of the wrong length")
	}
	if len(s.Workspace) < p.SumsLen() {
		panic("conv: WeightGrad: workspace of sums too short")
	}
}
