package eval

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/simd"
)

// expected is what an independent program makes of two sets of features.
type expected struct {
	Frechet, KID, Precision, Recall, Density, Coverage, Radii float64
	Nearest                                                   []int32
}

func features(f *oracle.File, name string) *Seen {
	shape := f.Shape(name)
	n := shape[0]
	return &Seen{Features: f.Float32(name), N: n, D: shape[1], Classes: make([]int32, n), Sure: make([]float32, n)}
}

// figuresOf compares two sets of features.
func figuresOf(t *testing.T, x, y *Seen, o Options) (values, []int32, float64) {
	t.Helper()
	ctx := context.Background()
	s := newSweeper(o.withDefaults())
	defer s.close()
	center := rows{y.Features, y.N, y.D}.mean()
	samples, err := s.newSet(ctx, x, center, 5)
	if err != nil {
		t.Fatal(err)
	}
	references, err := s.newSet(ctx, y, center, 5)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.compare(ctx, samples, references, nil, []float64{1}, 5)
	if err != nil {
		t.Fatal(err)
	}
	nearest, err := s.nearest(ctx, samples.centered, references.centered, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range references.radii {
		sum += math.Sqrt(float64(v))
	}
	return c.values(samples.blocks.ones(), references.blocks.ones()), nearest, sum
}

// TestFigures holds the formulas to numpy's and scipy's, on all kernels.
func TestFigures(t *testing.T) {
	f, err := oracle.Open("testdata/figures.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]expected
	if err := f.Meta("figures", &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 4 {
		t.Fatalf("only %d cases", len(want))
	}
	for name, w := range want {
		x, y := features(f, name+".samples"), features(f, name+".references")
		for _, k := range simd.Variants() {
			v, nearest, radii := figuresOf(t, x, y, Options{Kernels: k})
			for _, c := range []struct {
				what      string
				got, want float64
				within    float64 // relative
			}{
				{"Frechet distance", v[frechetAt], w.Frechet, 1e-6},
				{"KID", v[kidAt], w.KID, 1e-4},
				{"precision", v[precisionAt], w.Precision, 1e-12},
				{"recall", v[recallAt], w.Recall, 1e-12},
				{"density", v[densityAt], w.Density, 1e-12},
				{"coverage", v[coverageAt], w.Coverage, 1e-12},
				{"sum of radii", radii, w.Radii, 1e-5},
			} {
				if !(math.Abs(c.got-c.want) <= c.within*math.Abs(c.want)) {
					t.Errorf("%s on %s: %s %v, want %v", name, k.Name, c.what, c.got, c.want)
				}
			}
			if !slices.Equal(nearest, w.Nearest) {
				t.Errorf("%s on %s: other nearest neighbors", name, k.Name)
			}
		}
	}
}
