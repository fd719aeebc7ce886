package conv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// small makes the problem one of weights of 7 bits.
func (p *qproblem) small() {
	for i, v := range p.layer.Weights {
		p.layer.Weights[i] = v >> 1
	}
	p.direct()
}

// eachSmallRow runs f for every row that has kernels for small weights.
func eachSmallRow(t *testing.T, f func(t *testing.T, k *simd.Kernels)) {
	forEachVariant(t, func(t *testing.T, k *simd.Kernels) {
		if k.Int8.Small != nil {
			f(t, k)
		}
	})
}

// TestSmallWeights: plans by kernels for weights of 7 bits give the bytes of the direct loops, as
// others do.
func TestSmallWeights(t *testing.T) {
	eachSmallRow(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, n := range []int{2, k.Int8.MR + 1} {
				if testing.Short() && n > 2 {
					continue
				}
				pr := newQProblem(t, f.g, n, uint64(i))
				pr.small()
				if p := plainQRun(t, pr, k, true).p; p.k != k.Int8.Small {
					t.Fatalf("%s: the plan is not for small weights", f.name)
				}
				pr.check(t, k, f.name, [2]int{1, 1}, [2]int{min(n, 3), 2}, [2]int{n, 100})
			}
		}
	})
}

// TestSmallWeightsExtremes: sums of two products that come nearest to what 16 bits hold.
func TestSmallWeightsExtremes(t *testing.T) {
	eachSmallRow(t, func(t *testing.T, k *simd.Kernels) {
		for i, f := range families() {
			for _, x := range []int8{-128, 127} {
				for _, w := range []int8{-64, 63} {
					pr := newQProblem(t, f.g, 2, uint64(i))
					for j := range pr.x {
						pr.x[j] = x
					}
					for j := range pr.layer.Weights {
						pr.layer.Weights[j] = w
					}
					pr.direct()
					pr.check(t, k, fmt.Sprintf("%s, activations %d, weights %d", f.name, x, w), [2]int{1, 1})
				}
			}
		}
	})
}

// TestSmallWeightsChoice: one weight of more than 7 bits takes the kernels for all weights, and no
// plan for small ones packs it.
func TestSmallWeightsChoice(t *testing.T) {
	g := Same(4, 4, 8, 16, 3, 1, false)
	in, out := NewLayout(4, 4, 8, 1), NewLayout(4, 4, 16, 1)
	eachSmallRow(t, func(t *testing.T, k *simd.Kernels) {
		pr := newQProblem(t, g, 1, 5)
		pr.small()
		w := pr.layer.Weights
		p, err := NewQPlanFor(w, g, in, out, k)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := p.Pack(pr.layer)
		if err != nil {
			t.Fatal(err)
		}
		if by := p.Lowering(packed); by != "direct, 7 bits" {
			t.Errorf("small weights run by %q", by)
		}
		any, err := NewQPlan(g, in, out, k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := any.Pack(pr.layer); err != nil {
			t.Errorf("a plan for any weights refuses small ones: %v", err)
		}
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "conv: ") {
					t.Error("weights that are packed for other kernels: no panic")
				}
			}()
			any.Forward(any.NewQWorkspace(), make([]int8, out.Len()), pr.x, packed, Share{0, 1, 0, any.Panels()})
		}()
		for _, large := range []int8{64, -65, 127, -127} {
			at := rand.IntN(len(w))
			before := w[at]
			w[at] = large
			if _, err := p.Pack(pr.layer); !errors.Is(err, ErrQuantized) {
				t.Errorf("weight %d is %d: error %v, want ErrQuantized", at, large, err)
			}
			if other, err := NewQPlanFor(w, g, in, out, k); err != nil || other.k != k.Int8 {
				t.Errorf("weight %d is %d: a plan for small weights, error %v", at, large, err)
			}
			w[at] = before
		}
	})
}
