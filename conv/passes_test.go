package conv

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// passes is a plan with the packed weights and the Layout-shaped data of a problem.
type passes struct {
	*problem
	p                  *Plan
	ws                 *Workspace
	x, dy              []float32
	packed, packedGrad []float32
}

func newPasses(t testing.TB, pr *problem, in, out Layout, k *simd.Kernels) *passes {
	t.Helper()
	p, err := NewPlan(pr.g, in, out, k)
	if err != nil {
		t.Fatal(err)
	}
	return bindPasses(p, pr)
}

func bindPasses(p *Plan, pr *problem) *passes {
	s := &passes{problem: pr, p: p, ws: p.NewWorkspace(), x: nans(p.In().Len()), dy: nans(p.Out().Len())}
	p.In().Import(s.x, pr.x)
	p.Out().Import(s.dy, pr.dy)
	s.packed, s.packedGrad = nans(p.PackedLen()), nans(p.PackedGradLen())
	p.Pack(s.ws, s.packed, pr.w)
	p.PackGrad(s.ws, s.packedGrad, pr.w)
	return s
}

func plainPasses(t testing.TB, pr *problem, k *simd.Kernels) *passes {
	return newPasses(t, pr, NewLayout(pr.g.InH, pr.g.InW, pr.g.InC, pr.n), NewLayout(pr.outH, pr.outW, pr.g.OutC, pr.n), k)
}

// forward, inputGrad and weightGrad return results in (N, H, W, C) order,
// computed in imageShares x unitShares shares.
func (s *passes) forward(e Epilogue, imageShares, unitShares int) []float32 {
	y := nans(s.p.Out().Len())
	eachShare(s.n, s.p.Panels(), imageShares, unitShares, func(share Share) { s.p.Forward(s.ws, y, s.x, s.packed, e, share) })
	return exported(s.p.Out(), y, len(s.problem.y))
}

func (s *passes) inputGrad(imageShares, unitShares int) []float32 {
	dx := nans(s.p.In().Len())
	eachShare(s.n, s.p.GradPanels(), imageShares, unitShares, func(share Share) { s.p.InputGrad(s.ws, dx, s.dy, s.packedGrad, share) })
	return exported(s.p.In(), dx, len(s.problem.x))
}

func (s *passes) weightGrad(n, shares int) []float32 {
	sums := s.sums()
	for share := range shares {
		s.p.WeightGrad(s.ws, sums, s.x, s.dy, n, share, shares)
	}
	for share := range shares {
		s.p.FinishWeightGrad(s.ws, sums, share, shares)
	}
	return sums.DW
}

// weightGradInPieces adds up the images one after another.
func (s *passes) weightGradInPieces(n int) []float32 {
	sums := s.sums()
	x, dy := slices.Concat(s.x, nans(n*s.p.In().Row)), slices.Concat(s.dy, nans(n*s.p.Out().Row)) // the plan's layouts hold n images
	for i := range n {
		sums.Add = i > 0
		s.p.WeightGrad(s.ws, sums, x[i*s.p.In().Row:], dy[i*s.p.Out().Row:], 1, 0, 1)
	}
	s.p.FinishWeightGrad(s.ws, sums, 0, 1)
	return sums.DW
}

func (s *passes) sums() Sums { return Sums{DW: nans(len(s.w)), Workspace: nans(s.p.SumsLen())} }

func eachShare(n, units, imageShares, unitShares int, f func(Share)) {
	for i := range imageShares {
		n0, n1 := pool.Split(n, imageShares, i)
		for u := range unitShares {
			p0, p1 := pool.Split(units, unitShares, u)
			f(Share{n0, n1, p0, p1})
		}
	}
}

func forEachVariant(t *testing.T, f func(t *testing.T, k *simd.Kernels)) {
	for _, k := range simd.Variants() {
		t.Run(k.Name, func(t *testing.T) { f(t, k) })
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// windows are layouts of the problem that are windows into larger ones: of more images, of more
// channels on one side, and on both.
func (pr *problem) windows() (list [][2]Layout) {
	in, out := NewLayout(pr.g.InH, pr.g.InW, pr.g.InC, pr.n), NewLayout(pr.outH, pr.outW, pr.g.OutC, pr.n)
	wider := func(m Layout, by int) Layout {
		m.Row += by
		m.Stride = (m.N + 1) * m.Row
		return m
	}
	images := [2]Layout{in, out}
	images[0].Stride += 2 * in.C
	images[1].Stride += 3 * out.C
	return [][2]Layout{images, {wider(in, 3), out}, {in, wider(out, 1)}, {wider(in, in.C), wider(out, 5)}}
}

// outside tells whether element i of a buffer is none of the layout's.
func (m Layout) outside(i int) bool {
	i %= m.Stride
	return i >= m.span(m.N) || i%m.Row >= m.C
}

// exported returns buf's images, and fails where elements outside m were written.
func exported(m Layout, buf []float32, images int) []float32 {
	v := make([]float32, images)
	m.Export(v, buf)
	for i, x := range buf {
		if m.outside(i) && x == x {
			panic(fmt.Sprintf("element %d, outside the window, was written", i))
		}
	}
	return v
}
