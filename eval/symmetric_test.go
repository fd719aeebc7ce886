package eval

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
)

func TestEigenvalues(t *testing.T) {
	second := func(n int) []float64 { // of second differences: 2 - 2cos(kπ/(n+1))
		m := make([]float64, n*n)
		for i := range n {
			m[i*n+i] = 2
			if i > 0 {
				m[i*n+i-1], m[(i-1)*n+i] = -1, -1
			}
		}
		return m
	}
	cosines := func(n int) (want []float64) {
		for k := range n {
			want = append(want, 2-2*math.Cos(float64(k+1)*math.Pi/float64(n+1)))
		}
		return want
	}
	for name, c := range map[string]struct{ m, want []float64 }{
		"one":                {[]float64{7}, []float64{7}},
		"zero":               {make([]float64, 9), []float64{0, 0, 0}},
		"diagonal":           {[]float64{3, 0, 0, 0, -1, 0, 0, 0, 3}, []float64{-1, 3, 3}},
		"two":                {[]float64{2, 1, 1, 2}, []float64{1, 3}},
		"rank one":           {[]float64{1, 2, 3, 2, 4, 6, 3, 6, 9}, []float64{0, 0, 14}},
		"second differences": {second(40), cosines(40)},
	} {
		d := len(c.want)
		got := eigenvalues(slices.Clone(c.m), d)
		slices.Sort(got)
		for i, w := range c.want {
			if math.Abs(got[i]-w) > 1e-13*(1+math.Abs(c.want[d-1])) {
				t.Errorf("%s: eigenvalue %d is %v, want %v", name, i, got[i], w)
			}
		}
	}
}

// The eigenvalues of a random matrix have its trace, and the sum of its squares.
func TestEigenvaluesOfAny(t *testing.T) {
	words := rng.NewStream(rng.Key{5})
	for _, d := range []int{2, 3, 17, 64, 101} {
		m := make([]float64, d*d)
		var trace, squares float64
		for i := range d {
			for j := range i + 1 {
				v := float64(rng.Normal(words.Uint32()))
				m[i*d+j], m[j*d+i] = v, v
			}
		}
		for i, v := range m {
			squares += v * v
			if i%(d+1) == 0 {
				trace += v
			}
		}
		var sum, sumSquares float64
		for _, v := range eigenvalues(m, d) {
			sum += v
			sumSquares += v * v
		}
		if math.Abs(sum-trace) > 1e-11*float64(d) || math.Abs(sumSquares-squares) > 1e-11*squares {
			t.Errorf("size %d: sums %v and %v, want %v and %v", d, sum, sumSquares, trace, squares)
		}
	}
}

// L of a semidefinite matrix, LLᵀ, gives it back.
func TestCholesky(t *testing.T) {
	words := rng.NewStream(rng.Key{6})
	for _, c := range []struct{ d, rank int }{{1, 1}, {1, 0}, {8, 8}, {8, 3}, {30, 29}} {
		x := make([]float64, c.rank*c.d)
		for i := range x {
			x[i] = float64(rng.Normal(words.Uint32()))
		}
		a := make([]float64, c.d*c.d)
		for i := range c.d {
			for j := range c.d {
				for k := range c.rank {
					a[i*c.d+j] += x[k*c.d+i] * x[k*c.d+j]
				}
			}
		}
		l := cholesky(a, c.d)
		for i := range c.d {
			for j := range c.d {
				if got := dot(l[i*c.d:(i+1)*c.d], l[j*c.d:(j+1)*c.d]); math.Abs(got-a[i*c.d+j]) > 1e-12*float64(c.d) {
					t.Errorf("size %d, rank %d: element %d, %d is %v, want %v", c.d, c.rank, i, j, got, a[i*c.d+j])
				}
			}
		}
	}
}
