package train

import (
	"math"
	"testing"
)

func TestLossesAgainstDefinition(t *testing.T) {
	real := []float32{0.3, -1.25, 4}
	fake := []float32{-2, 0.75, 0}
	dd, dg := make([]float32, 6), make([]float32, 3)
	got := lossesOf(dd, dg, real, fake)

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

func TestLossGradients(t *testing.T) {
	logits := []float32{0.5, -3, 9, -12, 1.5, 0}
	dd, dg := make([]float32, 6), make([]float32, 3)
	lossesOf(dd, dg, logits[:3], logits[3:])
	const h = 1.0 / 64 // exact in float32 at these sizes
	scratch := make([]float32, 6)
	at := func(i int, d float32) Losses {
		x := append([]float32(nil), logits...)
		x[i] += d
		return lossesOf(scratch, scratch[:3], x[:3], x[3:])
	}
	for i := range logits {
		up, down := at(i, h), at(i, -h)
		if want := (up.D - down.D) / (2 * h); math.Abs(float64(dd[i])-want) > 2e-5 {
			t.Errorf("dD/dlogit %d = %g, want %g", i, dd[i], want)
		}
		want := (up.G - down.G) / (2 * h)
		if i < 3 {
			if want != 0 {
				t.Errorf("G depends on real %d", i)
			}
		} else if math.Abs(float64(dg[i-3])-want) > 2e-5 {
			t.Errorf("dG/dlogit %d = %g, want %g", i, dg[i-3], want)
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
		l := lossesOf(dd, dg, []float32{c.real}, []float32{c.fake})
		if l.G != c.g || l.D != c.d || dg[0] != c.dg || [2]float32(dd) != c.dd {
			t.Errorf("logits %g and %g: %+v, gradients %v %v; want %+v", c.real, c.fake, l, dg, dd, c)
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
		if l := lossesOf(make([]float32, 2), make([]float32, 1), x[:1], x[1:]); finite(l.D) {
			t.Errorf("logits %v: D's loss is %g", x, l.D)
		}
	}
}
