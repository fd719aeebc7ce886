package train

import (
	"maps"
	"math"
	"testing"
)

func TestLossesAgainstDefinition(t *testing.T) {
	real := []float32{0.3, -1.25, 4}
	fake := []float32{-2, 0.75, 0}
	dd, dg := make([]float32, 6), make([]float32, 3)
	got := Losses{Real: meanProbability(real), Fake: meanProbability(fake)}
	got.G, got.D = BCE(dd, dg, real, fake)

	p := func(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }
	var want Losses
	for i := range real {
		want.Real += p(real[i]) / 3
		want.Fake += p(fake[i]) / 3
		want.G -= math.Log(p(fake[i])) / 3
		want.D -= math.Log(p(real[i]))/3 + math.Log(1-p(fake[i]))/3
	}
	for _, x := range [][2]float64{{got.G, want.G}, {got.D, want.D}, {got.Real, want.Real}, {got.Fake, want.Fake}} {
		if math.Abs(x[0]-x[1]) > 1e-14 {
			t.Errorf("losses %+v, want %+v", got, want)
		}
	}
}

// allLosses are those that settings can make.
func allLosses() map[string]Loss {
	all := maps.Clone(losses)
	all["smoothed"] = SmoothedBCE(0.1)
	return all
}

func TestLossGradients(t *testing.T) {
	for name, loss := range allLosses() {
		testLossGradients(t, name, loss)
	}
}

func testLossGradients(t *testing.T, name string, loss Loss) {
	logits := []float32{0.5, -3, 9, -12, 1.5, 0} // none within h of hinge's corners
	dd, dg := make([]float32, 6), make([]float32, 3)
	loss(dd, dg, logits[:3], logits[3:])
	const h = 1.0 / 64 // exact in float32 at these sizes
	scratch := make([]float32, 6)
	at := func(i int, d float32) (g, dd float64) {
		x := append([]float32(nil), logits...)
		x[i] += d
		return loss(scratch, scratch[:3], x[:3], x[3:])
	}
	for i := range logits {
		upG, upD := at(i, h)
		downG, downD := at(i, -h)
		if want := (upD - downD) / (2 * h); math.Abs(float64(dd[i])-want) > 2e-5 {
			t.Errorf("%s: dD/dlogit %d = %g, want %g", name, i, dd[i], want)
		}
		want := (upG - downG) / (2 * h)
		switch {
		case i >= 3 && math.Abs(float64(dg[i-3])-want) > 2e-5:
			t.Errorf("%s: dG/dlogit %d = %g, want %g", name, i, dg[i-3], want)
		case i < 3 && want != 0 && name != "relativistic": // by reals that do not depend on G
			t.Errorf("%s: G depends on real %d", name, i)
		}
	}
}

func TestLossesOfLargeLogits(t *testing.T) {
	for _, c := range []struct {
		real, fake float32
		g, d       float64
		dg         float32
		dd         [2]float32
	}{
		{1000, -1000, 1000, 0, -1, [2]float32{0, 0}},
		{-1000, 1000, 0, 2000, 0, [2]float32{-1, 1}},
		{math.MaxFloat32, -math.MaxFloat32, math.MaxFloat32, 0, -1, [2]float32{0, 0}},
	} {
		dd, dg := make([]float32, 2), make([]float32, 1)
		g, d := BCE(dd, dg, []float32{c.real}, []float32{c.fake})
		if g != c.g || d != c.d || dg[0] != c.dg || [2]float32(dd) != c.dd {
			t.Errorf("logits %g and %g: %g %g, gradients %v %v; want %+v", c.real, c.fake, g, d, dg, dd, c)
		}
	}
	// A confident judge still gives small losses their digits.
	if got, want := softplus(-40), math.Exp(-40); math.Abs(got/want-1) > 1e-15 {
		t.Errorf("softplus(-40) = %g, want %g", got, want)
	}
}

func TestLossesOfNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, x := range [][2]float32{{nan, 0}, {0, nan}} {
		for name, loss := range losses {
			if _, d := loss(make([]float32, 2), make([]float32, 1), x[:1], x[1:]); finite(d) {
				t.Errorf("%s, logits %v: D's loss is %g", name, x, d)
			}
		}
	}
}
