package conv

import (
	"slices"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// TestAdd: what an Epilogue adds has the bits of an addition after Forward, however the work is
// cut.
func TestAdd(t *testing.T) {
	list := append(families(), family{"by_band", Same(32, 32, 3, 36, 3, 1, false)})
	for _, f := range list {
		if f.g.IsDense() {
			continue
		}
		pr := newProblem(f.g, 2, 1)
		bias, other := pr.dy[:f.g.OutC], slices.Repeat(pr.x, len(pr.y)/len(pr.x)+1)[:len(pr.y)]
		for _, k := range simd.Variants() {
			if f.name == "by_band" && k.MR < 2 {
				continue
			}
			s := plainPasses(t, pr, k)
			e := Epilogue{Bias: bias, Slope: 1}
			want := s.forward(e, 1, 1)
			k.BiasLeaky(want, want, other, 0.25)
			e.Add, e.Slope = nans(s.p.Out().Len()), 0.25
			s.p.Out().Import(e.Add, other)
			for _, shares := range [][2]int{{1, 1}, {2, 1}, {1, 3}, {2, 5}} {
				if got := s.forward(e, shares[0], shares[1]); !slices.Equal(got, want) {
					t.Errorf("%s on %s in %v shares: differs from Forward and an addition", f.name, k.Name, shares)
				}
			}
		}
	}
}

func TestAddMisuse(t *testing.T) {
	k := simd.Best()
	for _, c := range []struct {
		g   Geometry
		add int
	}{{Dense(1, 1, 4, 1, 1, 4), 8}, {Same(4, 4, 3, 5, 3, 1, false), 2*16*5 - 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: %d values to add were taken", c.g, c.add)
				}
			}()
			s := plainPasses(t, newProblem(c.g, 2, 1), k)
			s.forward(Epilogue{Add: make([]float32, c.add), Slope: 1}, 1, 1)
		}()
	}
}
