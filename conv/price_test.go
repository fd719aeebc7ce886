package conv

import (
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// TestPrice: what a plan is said to take is known before it is made, and is what it says itself.
func TestPrice(t *testing.T) {
	for _, g := range []Geometry{
		Dense(1, 1, 100, 7, 7, 64), Same(7, 7, 64, 32, 5, 1, true), Same(7, 7, 64, 32, 5, 2, true), Same(28, 28, 32, 64, 4, 2, false),
		Same(2, 2, 64, 32, 5, 2, true), Same(14, 14, 64, 1, 5, 2, true), Valid(9, 9, 3, 5, 3, 1, false),
	} {
		h, w, err := g.Out()
		if err != nil {
			t.Fatal(err)
		}
		in, out := NewLayout(g.InH, g.InW, g.InC, 2), NewLayout(h, w, g.OutC, 2)
		for _, winograd := range []bool{false, true} {
			p, err := newPlan(g, in, out, simd.Best(), winograd)
			if err != nil {
				t.Fatal(err)
			}
			if stays, garbage := g.PlanBytes(winograd); stays != p.Bytes() || garbage != p.GarbageBytes() {
				t.Errorf("%+v, Winograd %v: %d and %d bytes, the plan says %d and %d", g, winograd, stays, garbage, p.Bytes(), p.GarbageBytes())
			}
		}
	}
	if stays, garbage := (Geometry{}).PlanBytes(true); stays != 0 || garbage != 0 {
		t.Errorf("of no geometry: %d, %d", stays, garbage)
	}
}
