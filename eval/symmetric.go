package eval

import "math"

// cholesky returns the lower triangular L with LLᵀ = a, symmetric and positive semidefinite, (d,
// d). A pivot that is nothing but rounding is taken for 0, and so is its column.
func cholesky(a []float64, d int) []float64 {
	l := make([]float64, d*d)
	largest := 0.0
	for k := range d {
		largest = max(largest, a[k*d+k])
	}
	least := largest * float64(d) * 0x1p-52
	for j := range d {
		row := l[j*d:][:j]
		pivot := a[j*d+j] - dot(row, row)
		if !(pivot > least) {
			continue
		}
		root := math.Sqrt(pivot)
		l[j*d+j] = root
		for i := j + 1; i < d; i++ {
			l[i*d+j] = (a[i*d+j] - dot(l[i*d:][:j], row)) / root
		}
	}
	return l
}

func dot(x, y []float64) (sum float64) {
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// sandwich returns LᵀbL of a lower triangular L and a symmetric b.
func sandwich(l, b []float64, d int) []float64 {
	lt := make([]float64, d*d) // the rows of Lᵀ
	for i := range d {
		for j := range i + 1 {
			lt[j*d+i] = l[i*d+j]
		}
	}
	half := make([]float64, d*d) // (Lᵀb)
	for i := range d {
		for j := range d {
			half[i*d+j] = dot(lt[i*d+i:(i+1)*d], b[j*d+i:(j+1)*d]) // b is symmetric
		}
	}
	m := make([]float64, d*d)
	for i := range d {
		for j := range i + 1 {
			v := dot(half[i*d+j:(i+1)*d], lt[j*d+j:(j+1)*d])
			m[i*d+j], m[j*d+i] = v, v
		}
	}
	return m
}

// eigenvalues returns the eigenvalues of the symmetric matrix m, (d, d), which it overwrites, in no
// order: by Householder's reflections to a tridiagonal matrix, and the implicit QL method on that
// (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3).
func eigenvalues(m []float64, d int) []float64 {
	diagonal, beside := tridiagonal(m, d)
	for first := 0; first < d; first++ {
		for range maxSweeps {
			last := first
			for last < d-1 && !negligible(beside[last], diagonal[last], diagonal[last+1]) {
				last++
			}
			if last == first {
				break
			}
			chase(diagonal, beside, first, last)
		}
	}
	return diagonal
}

// maxSweeps ends the search for an eigenvalue, which takes some two or three.
const maxSweeps = 60

// negligible tells whether an element beside the diagonal is nothing but rounding.
func negligible(beside, a, b float64) bool {
	return math.Abs(beside) <= 0x1p-52*(math.Abs(a)+math.Abs(b))
}

// tridiagonal returns the diagonal and the elements beside it, beside[k] between k and k+1, of a
// tridiagonal matrix with the eigenvalues of m. Column after column, the reflection H = 1 -
// 2vvᵀ/|v|² that leaves one element below the diagonal is applied from both sides:
//
//	A' = HAH = A - vwᵀ - wvᵀ, w = p - (vᵀp/|v|²)v, p = 2Av/|v|²
func tridiagonal(m []float64, d int) (diagonal, beside []float64) {
	diagonal, beside = make([]float64, d), make([]float64, d)
	v, w := make([]float64, d), make([]float64, d)
	for k := range d - 1 {
		for i := k + 1; i < d; i++ {
			v[i] = m[i*d+k]
		}
		norm := math.Sqrt(dot(v[k+1:], v[k+1:]))
		if norm == 0 {
			continue
		}
		alpha := math.Copysign(norm, -v[k+1])
		beside[k] = alpha
		v[k+1] -= alpha
		square := dot(v[k+1:], v[k+1:])
		for i := k + 1; i < d; i++ {
			w[i] = 2 * dot(m[i*d+k+1:(i+1)*d], v[k+1:]) / square
		}
		share := dot(v[k+1:], w[k+1:]) / square
		for i := k + 1; i < d; i++ {
			w[i] -= share * v[i]
		}
		for i := k + 1; i < d; i++ {
			row := m[i*d:][:d]
			for j := k + 1; j < d; j++ {
				row[j] -= v[i]*w[j] + w[i]*v[j]
			}
		}
	}
	for k := range d {
		diagonal[k] = m[k*d+k]
	}
	return diagonal, beside
}

// chase is one sweep of the implicit QL method over rows first ... last, with Wilkinson's shift.
func chase(diagonal, beside []float64, first, last int) {
	g := (diagonal[first+1] - diagonal[first]) / (2 * beside[first])
	shift := diagonal[first] - beside[first]/(g+math.Copysign(math.Hypot(g, 1), g))
	s, c, p := 1.0, 1.0, 0.0
	x := diagonal[last] - shift
	for i := last - 1; i >= first; i-- {
		// A rotation of rows i and i+1 moves the element that is out of place up by one.
		f, b := s*beside[i], c*beside[i]
		r := math.Hypot(f, x)
		beside[i+1] = r
		if r == 0 {
			diagonal[i+1] -= p
			beside[last] = 0
			return
		}
		s, c = f/r, x/r
		x = diagonal[i+1] - p
		r = (diagonal[i]-x)*s + 2*c*b
		p = s * r
		diagonal[i+1] = x + p
		x = c*r - b
	}
	diagonal[first] -= p
	beside[first] = x
	beside[last] = 0
}
