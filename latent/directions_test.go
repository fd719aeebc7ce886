package latent

import (
	"math"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
)

// TestEigen: the vectors are orthonormal and the matrix is theirs, of a matrix whose eigenvalues
// are known too.
func TestEigen(t *testing.T) {
	// Second differences on a line of n points have the eigenvalues 2 - 2 cos(k pi / (n+1)).
	const n = 20
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 2
		if i > 0 {
			a[i*n+i-1], a[(i-1)*n+i] = -1, -1
		}
	}
	before := append([]float64(nil), a...)
	v := eigen(a, n)
	found := make([]bool, n)
	for i := range n {
		for k := range n {
			if want := 2 - 2*math.Cos(float64(k+1)*math.Pi/(n+1)); math.Abs(a[i*n+i]-want) < 1e-12 {
				found[k] = true
			}
		}
		for j := range n {
			var dot, av float64
			for k := range n {
				dot += v[k*n+i] * v[k*n+j]
				av += before[j*n+k] * v[k*n+i]
			}
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(dot-want) > 1e-12 {
				t.Errorf("vectors %d and %d have the product %v", i, j, dot)
			}
			if math.Abs(av-a[i*n+i]*v[j*n+i]) > 1e-12 {
				t.Errorf("vector %d is no eigenvector: row %d", i, j)
			}
		}
	}
	for k, ok := range found {
		if !ok {
			t.Errorf("eigenvalue %d is missing", k)
		}
	}
}

// TestPrincipalDirections: of a layer that stretches two known directions these come first, and the
// embedded model has as many as latents.
func TestPrincipalDirections(t *testing.T) {
	g := &model.Graph{}
	g.Add(model.Dense{Units: 3}, g.Input("z", model.Flat(3)))
	m, err := model.FromGraph("stretch", g)
	if err != nil {
		t.Fatal(err)
	}
	h := float32(math.Sqrt(0.5))
	copy(m.Params()[0].Data, []float32{5 * h, 0, 0, 5 * h, 0, 0, 0, -3, 0}) // (z, unit)
	d, err := PrincipalDirections(m)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range [][]float32{{h, h, 0}, {0, 0, 1}} {
		for i, v := range d.Directions[k] {
			if math.Abs(float64(v-want[i])) > 1e-6 {
				t.Errorf("direction %d is %v, want %v", k, d.Directions[k], want)
				break
			}
		}
	}
	if math.Abs(float64(d.Variance[0]-25.0/34)) > 1e-6 || math.Abs(float64(d.Variance[1]-9.0/34)) > 1e-6 || d.Variance[2] > 1e-6 {
		t.Errorf("variance %v", d.Variance)
	}
	if m, err = pretrained.Model(); err != nil {
		t.Fatal(err)
	}
	if d, err = PrincipalDirections(m); err != nil || len(d.Directions) != 100 || len(d.First(8).Variance) != 8 {
		t.Fatalf("%d directions, %v", len(d.Directions), err)
	}
	for k := range 99 {
		if d.Variance[k] < d.Variance[k+1] {
			t.Errorf("directions %d and %d are in the wrong order", k, k+1)
		}
	}
}
