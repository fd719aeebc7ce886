package conv

import (
	"fmt"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// WeightGrad over the first n images only.
func TestWeightGradPrefix(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			pr := newProblem(f.g, 5, uint64(i))
			s := plainPasses(t, pr, k)
			for _, n := range []int{0, 2} {
				dw := make([]float64, len(pr.w))
				DirectWeightGrad(f.g, dw, pr.x, pr.dy, n)
				checkClose(t, fmt.Sprintf("%s, %d of 5 images", f.name, n), s.weightGrad(n, 2), narrow(dw))
			}
		}
	})
}

// Several blocks of images, whose last one is shorter.
func TestWeightGradBlocks(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for _, g := range []Geometry{
			Same(3, 3, 5, 9, 3, 1, true), Same(2, 2, 9, 5, 3, 2, true), Same(4, 4, 5, 6, 3, 2, false),
			Same(4, 4, 6, 6, 3, 2, false), Same(4, 4, 1, 9, 3, 2, false), Same(3, 3, 9, 2, 4, 2, true), Dense(1, 1, 4, 2, 1, 3),
		} {
			n := 2*maxBlock + 5
			if g.IsDense() {
				n = maxBlockDense + 3
			}
			pr := newProblem(g, n, 1)
			s := plainPasses(t, pr, k)
			checkClose(t, fmt.Sprintf("%+v", g), s.weightGrad(n, 1), pr.dw)
			if !sameBits(s.weightGrad(n, 3), s.weightGrad(n, 1)) {
				t.Errorf("%+v: shares differ", g)
			}
		}
	})
}

// A batch in pieces, cut where a block of images ends, gives the bits of the whole one.
func TestWeightGradPieces(t *testing.T) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		for _, g := range []Geometry{Same(3, 3, 5, 9, 3, 1, true), Same(4, 4, 5, 6, 3, 2, false), Same(4, 4, 6, 6, 3, 2, false)} {
			n := maxBlock + 7
			s := plainPasses(t, newProblem(g, n, 1), k)
			want, sums := s.weightGrad(n, 1), s.sums()
			for share := range 2 {
				s.p.WeightGrad(s.ws, sums, s.x, s.dy, maxBlock, share, 2)
			}
			sums.Add = true
			x, dy := append(s.x, nans(maxBlock*g.InC)...), append(s.dy, nans(maxBlock*g.OutC)...) // as long as a layout of n images from there on
			for share := range 3 {
				s.p.WeightGrad(s.ws, sums, x[maxBlock*g.InC:], dy[maxBlock*g.OutC:], n-maxBlock, share, 3)
			}
			s.p.FinishWeightGrad(s.ws, sums, 0, 1)
			if !sameBits(sums.DW, want) {
				t.Errorf("%+v: two pieces give other bits than the whole", g)
			}
		}
	})
}
