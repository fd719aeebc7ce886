package train

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// TestNormalizedGradient holds the gradient through a normalization to differences of what is read,
// with singular vectors that have settled, and the norms to their definitions.
func TestNormalizedGradient(t *testing.T) {
	for _, direction := range []bool{false, true} {
		p := &model.Param{Name: "x.weight", Shape: []int{2, 3, 4}, Trainable: true, Data: make([]float32, 24)}
		g := &model.Param{Shape: p.Shape, Data: make([]float32, 24)}
		rng.FillNormal(p.Data, rng.Key{1}, 0)
		rng.FillNormal(g.Data, rng.Key{2}, 0)
		outer := append([]float32(nil), g.Data...)
		w := newNormalized(p, g, direction, rng.Key{3})
		settle := func() {
			for range 300 {
				w.step()
			}
			w.apply()
		}
		settle()
		w.backward()
		at := append([]float32(nil), w.unnormalized.Data...)
		for i, got := range w.grad {
			value := func(by float32) (sum float64) {
				copy(w.unnormalized.Data, at)
				w.unnormalized.Data[i] += by
				settle()
				for j, x := range p.Data {
					sum += float64(outer[j]) * float64(x)
				}
				return sum
			}
			const h = 1.0 / 128
			if want := (value(h) - value(-h)) / (2 * h); math.Abs(float64(got)-want) > 2e-3 {
				t.Errorf("direction %v: gradient %d is %.6g, want %.6g", direction, i, got, want)
			}
		}
		if norm := length(p.Data, direction); math.Abs(norm-1) > 1e-5 {
			t.Errorf("direction %v: the largest singular value is %g, want 1", direction, norm)
		}
	}
}

// length returns the length of a vector or else the largest singular value of a matrix of 4
// columns.
func length(w []float32, vector bool) float64 {
	columns := 4
	if vector {
		columns = 1
	}
	x := []float64{1, 0.5, -0.25, 0.125}[:columns]
	var square float64
	for range 500 { // the power of wᵀw
		y := make([]float64, columns)
		for r := 0; r < len(w); r += columns {
			var dot float64
			for c, v := range x {
				dot += float64(w[r+c]) * v
			}
			for c := range y {
				y[c] += float64(w[r+c]) * dot
			}
		}
		square = 0
		for _, v := range y {
			square += v * v
		}
		square = math.Sqrt(square)
		for c := range x {
			x[c] = y[c] / square
		}
	}
	return math.Sqrt(square)
}

// TestNormalizedOfZeros: a weight of zeros stays finite.
func TestNormalizedOfZeros(t *testing.T) {
	for _, direction := range []bool{false, true} {
		p := &model.Param{Name: "x.weight", Shape: []int{3, 2}, Trainable: true, Data: make([]float32, 6)}
		w := newNormalized(p, &model.Param{Data: make([]float32, 6)}, direction, rng.Key{1})
		w.step()
		w.apply()
		w.backward()
		for _, x := range append(append(p.Data, w.unnormalized.Data...), w.grad...) {
			if x != 0 {
				t.Errorf("direction %v: zeros became %v of %v", direction, p.Data, w.unnormalized.Data)
			}
		}
	}
}

func TestNormalizedRefused(t *testing.T) {
	c := withAuxiliary(t)
	c.SAN = true
	if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "projection") {
		t.Errorf("san with projection: %v", err)
	}
	chain := func(layers ...model.Op) *model.Model {
		m, err := model.New("d", model.Shape{H: 8, W: 8, C: 1}, layers...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for says, d := range map[string]*model.Model{
		"the discriminator's logit comes from tanh2": chain(model.Flatten{}, model.Dense{Units: 1}, model.Tanh{}),
		"no weights that it applies to":              chain(model.GlobalAvgPool{}),
	} {
		c := small()
		c.SAN, c.SpectralNorm = !strings.Contains(says, "applies"), strings.Contains(says, "applies")
		if _, err := New(c, model.Generator(c.Model()), d, Tuning{}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
