package eval

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/simd"
)

func randomRows(n, d int, seed uint32) rows {
	r := rows{make([]float32, n*d), n, d}
	rng.FillNormal(r.x, rng.Key{seed}, 0)
	return r
}

// TestSweep: every pair of rows comes once, in the order of the columns, with its inner product, on
// all kernels and at sizes round those of the blocks.
func TestSweep(t *testing.T) {
	for _, k := range simd.Variants() {
		for _, c := range []struct{ n, m, d int }{{1, 1, 1}, {3, 5, 2}, {rowBlock - 1, 33, 7}, {rowBlock + 1, colBlock, 3}, {2, colBlock + 1, 3}, {rowBlock * 2, 2*colBlock - 1, 1}, {17, 40, 200}} {
			if k.Name == "scalar" && c.n*c.m > 1<<17 {
				continue
			}
			s := newSweeper(Options{Kernels: k, Threads: 3})
			a, b := randomRows(c.n, c.d, 1), randomRows(c.m, c.d, 2)
			upTo := make([]int, c.n)
			err := s.sweep(context.Background(), a, b, func(_ int, tile *tile) {
				for i := tile.i0; i < tile.i1; i++ {
					if upTo[i] != tile.j0 {
						t.Errorf("%s, %+v: row %d goes on at column %d after %d", k.Name, c, i, tile.j0, upTo[i])
					}
					upTo[i] = tile.j1
					for j, got := range tile.at(i) {
						want, size := 0.0, 0.0
						for l := range c.d {
							p := float64(a.x[i*c.d+l]) * float64(b.x[(tile.j0+j)*c.d+l])
							want, size = want+p, size+math.Abs(p)
						}
						if math.Abs(float64(got)-want) > 1e-6*(size+1e-6) {
							t.Fatalf("%s, %+v: product of %d and %d is %v, want %v", k.Name, c, i, tile.j0+j, got, want)
						}
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range upTo {
				if n != c.m {
					t.Errorf("%s, %+v: row %d ends at column %d", k.Name, c, i, n)
				}
			}
			s.close()
		}
	}
}

// Equal rows are at distance 0 exactly, wherever they lie.
func TestDistancesOfEqualRows(t *testing.T) {
	for _, k := range simd.Variants() {
		s := newSweeper(Options{Kernels: k, Threads: 2})
		a := randomRows(rowBlock+5, 13, 1)
		b := rows{append(slices.Clone(randomRows(50, 13, 2).x), a.x...), a.n + 50, 13}
		err := s.distances(context.Background(), a, b, func(_, i, j0 int, d []float32) {
			for j, v := range d {
				if (j0+j == i+50) != (v == 0) {
					t.Errorf("%s: rows %d and %d are %v apart", k.Name, i, j0+j, v)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		s.close()
	}
}

func TestSweepEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	s := newSweeper(Options{Kernels: simd.Best(), Threads: 2})
	defer s.close()
	a := randomRows(40*rowBlock, 4, 1)
	tiles := 0
	err := s.sweep(ctx, a.block(0, rowBlock), a, func(int, *tile) {
		tiles++
		cancel(why)
	})
	if !errors.Is(err, why) || tiles != 1 {
		t.Errorf("%d tiles, error %v", tiles, err)
	}
}
