package latent

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// Directions are unit vectors of latents, those first along which the outputs of the model's first
// layer vary most.
type Directions struct {
	Directions [][]float32 `json:"directions"`
	Variance   []float32   `json:"variance"` // of the outputs, as a share of the whole
}

// First returns the first n directions, or all.
func (d Directions) First(n int) Directions {
	n = min(n, len(d.Variance))
	return Directions{append([][]float32{}, d.Directions[:n]...), append([]float32{}, d.Variance[:n]...)} // [] in JSON, never null
}

// mostLatent bounds the work: the time grows with the cube.
const mostLatent = 512

// PrincipalDirections are the eigenvectors of W·Wᵀ, with W (latent, units) the weights by which
// the first layer reads the latents: for normal latents, the principal components of its outputs,
// taken back to the latents.
func PrincipalDirections(m *model.Model) (Directions, error) {
	w, units, err := m.FirstLayer()
	if err != nil {
		return Directions{}, err
	}
	n := len(w) / units
	if n > mostLatent {
		return Directions{}, fmt.Errorf("latent: %d latents; directions are computed up to %d", n, mostLatent)
	}
	a := gram(w, n, units)
	vectors := eigen(a, n)
	order := make([]int, n)
	total := 0.0
	for i := range order {
		order[i] = i
		total += a[i*n+i]
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a[j*n+j], a[i*n+i]) })
	d := Directions{make([][]float32, n), make([]float32, n)}
	for k, i := range order {
		d.Directions[k] = column(vectors, n, i)
		if total > 0 {
			d.Variance[k] = float32(max(0, a[i*n+i]) / total)
		}
	}
	return d, nil
}

// gram returns W·Wᵀ, (n, n).
func gram(w []float32, n, units int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		x := w[i*units:][:units]
		for j := range i + 1 {
			y := w[j*units:][:units]
			var sum float64
			for k, v := range x {
				sum += float64(v) * float64(y[k])
			}
			a[i*n+j], a[j*n+i] = sum, sum
		}
	}
	return a
}

// column is the i-th column of a matrix, with its largest number above 0.
func column(v []float64, n, i int) []float32 {
	col := make([]float32, n)
	largest := 0.0
	for k := range n {
		if x := v[k*n+i]; math.Abs(x) > math.Abs(largest) {
			largest = x
		}
	}
	for k := range n {
		col[k] = float32(math.Copysign(1, largest) * v[k*n+i])
	}
	return col
}

// eigen makes the symmetric matrix a (n, n) diagonal, and returns the matrix whose columns are its
// eigenvectors. It is Jacobi's method: each rotation clears one element beside the diagonal.
// G. Golub, C. Van Loan, Matrix Computations, section 8.5.
func eigen(a []float64, n int) []float64 {
	v := make([]float64, n*n)
	for i := range n {
		v[i*n+i] = 1
	}
	for range 60 { // it converges quadratically: some eight sweeps are usual
		var off, all float64
		for i := range n {
			for j := range n {
				all += a[i*n+j] * a[i*n+j]
				if i != j {
					off += a[i*n+j] * a[i*n+j]
				}
			}
		}
		if off <= 1e-22*all {
			break
		}
		for p := range n - 1 {
			for q := p + 1; q < n; q++ {
				rotate(a, v, n, p, q)
			}
		}
	}
	return v
}

// rotate clears a[p,q] by a rotation of the axes p and q, which it applies to v too.
func rotate(a, v []float64, n, p, q int) {
	apq := a[p*n+q]
	if apq == 0 {
		return
	}
	tau := (a[q*n+q] - a[p*n+p]) / (2 * apq)
	t := math.Copysign(1, tau) / (math.Abs(tau) + math.Hypot(1, tau))
	c := 1 / math.Hypot(1, t)
	s := t * c
	for k := range n {
		x, y := a[k*n+p], a[k*n+q]
		a[k*n+p], a[k*n+q] = c*x-s*y, s*x+c*y
		x, y = v[k*n+p], v[k*n+q]
		v[k*n+p], v[k*n+q] = c*x-s*y, s*x+c*y
	}
	for k := range n {
		x, y := a[p*n+k], a[q*n+k]
		a[p*n+k], a[q*n+k] = c*x-s*y, s*x+c*y
	}
}
