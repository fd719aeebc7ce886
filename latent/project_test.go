package latent

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

// TestProject: a digit that the generator draws itself is found again, in its class, by any number
// of threads alike.
func TestProject(t *testing.T) {
	if testing.Short() {
		t.Skip("searches for seconds")
	}
	m, err := digits.Model()
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, 64)
	model.Latents(z, 64, 77, 3)
	picture := make([]uint8, 28*28)
	if err := m.Exact(picture, z, 3); err != nil {
		t.Fatal(err)
	}
	var first *Projection
	for threads := 1; threads <= 2; threads++ {
		p, err := NewProjector(m, Options{Seed: 1, Starts: 48, Refine: 4, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		r, err := p.Project(context.Background(), picture)
		if err != nil {
			t.Fatal(err)
		}
		if r.Class != 3 || r.Distance > 10 {
			t.Errorf("class %d, off by %.1f", r.Class, r.Distance)
		}
		var sum float64
		drawn := make([]uint8, 28*28)
		if err := m.Exact(drawn, r.Latents, int32(r.Class)); err != nil {
			t.Fatal(err)
		}
		for i, v := range drawn {
			d := float64(v) - float64(picture[i])
			sum += d * d
		}
		if !slices.Equal(drawn, r.Pixels) || math.Abs(math.Sqrt(sum/(28*28))-r.Distance) > 1e-9 {
			t.Error("the pixels or the distance are not those of the latents")
		}
		if first == nil {
			first = r
		} else if !slices.Equal(first.Latents, r.Latents) {
			t.Error("two threads find other latents")
		}
	}
}

// TestProjectLinear: of a generator that is linear, with the class given, the least squares are
// exact.
func TestProjectLinear(t *testing.T) {
	g := &model.Graph{}
	z := g.Input("z", model.Flat(3))
	g.Add(model.Reshape{H: 2, W: 2, C: 1}, g.Add(model.Dense{Units: 4}, z))
	m, err := model.FromGraph("linear", g)
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Params()[0].Data, []float32{.5, .25, 0, .25, 0, .5, -.25, .25, .125, 0, .5, -.5}) // (z, pixel)
	p, err := NewProjector(m, Options{Seed: 1, Starts: 2, Refine: 1, Prior: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want := []float32{.5, -.25, .75}
	x := make([]float32, 4)
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(x, want); err != nil {
		t.Fatal(err)
	}
	pix := make([]uint8, 4)
	if err := s.Pixels(pix, want); err != nil {
		t.Fatal(err)
	}
	r, err := p.Project(context.Background(), pix)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want { // pixels are whole numbers of 1/127.5
		if math.Abs(float64(r.Latents[i]-want[i])) > 0.03 {
			t.Errorf("latents %v, want %v", r.Latents, want)
		}
	}
	if r.Class != -1 || r.Distance > 0.6 {
		t.Errorf("class %d, off by %v", r.Class, r.Distance)
	}

	if _, err := p.Project(context.Background(), pix[:3]); !errors.Is(err, ErrShape) {
		t.Errorf("three pixels: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Project(ctx, pix); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	if _, err := NewProjector(m, Options{Class: 1}); err == nil {
		t.Error("a class of a generator without classes")
	}
}

func TestSolve(t *testing.T) {
	a := []float64{4, 0, 0, 2, 5, 0, -1, 1, 6} // the lower half
	x, ok := solve(slices.Clone(a), []float64{3, 12, 17}, 3)
	if !ok {
		t.Fatal("not positive definite")
	}
	for i, want := range []float64{3, 12, 17} {
		sum := 0.0
		for k := range 3 {
			sum += a[max(i, k)*3+min(i, k)] * x[k]
		}
		if math.Abs(sum-want) > 1e-12 {
			t.Errorf("row %d gives %v, want %v", i, sum, want)
		}
	}
	if _, ok := solve([]float64{1, 0, 2, 1}, []float64{1, 1}, 2); ok {
		t.Error("a matrix that is not positive definite")
	}
}
