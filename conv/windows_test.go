package conv

import (
	"fmt"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

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

// A Layout can be a window into a larger one: results have the same bits, and nothing outside the
// window is read or written.
func TestWindows(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{1, 3, thinImages + 1} {
				if testing.Short() && n != 3 {
					continue
				}
				pr := newProblem(f.g, n, uint64(i))
				plain := plainPasses(t, pr, k)
				for j, m := range pr.windows() {
					checkWindow(t, fmt.Sprintf("%s, %d images, window %d", f.name, n, j), newPasses(t, pr, m[0], m[1], k), plain)
				}
			}
		}
	})
}

// checkWindow compares a plan between windows with the plan between plain layouts.
func checkWindow(t *testing.T, what string, s, plain *passes) {
	t.Helper()
	e := Epilogue{Bias: make([]float32, len(s.problem.y)/s.n), Slope: 0.3}
	if !s.g.IsDense() {
		e.Bias = e.Bias[:s.g.OutC]
	}
	for i := range e.Bias {
		e.Bias[i] = float32(i%7) - 3
	}
	if !sameBits(s.forward(e, 2, 1), plain.forward(e, 1, 1)) {
		t.Errorf("%s: y has other bits", what)
	}
	if !sameBits(s.inputGrad(1, 2), plain.inputGrad(1, 1)) {
		t.Errorf("%s: dx has other bits", what)
	}
	if !sameBits(s.weightGrad(s.n, 2), plain.weightGrad(s.n, 1)) {
		t.Errorf("%s: dw has other bits", what)
	}
}
