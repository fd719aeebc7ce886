package eval

import (
	"context"
	"math"
)

// moments are the sums of rows and of their outer products, less a center.
type moments struct {
	n     float64
	sum   []float64 // (d) Σ x
	outer []float64 // (d, d) Σ x xᵀ
}

func newMoments(d int) *moments {
	return &moments{sum: make([]float64, d), outer: make([]float64, d*d)}
}

// momentsOf returns the moments of the rows less center.
func momentsOf(r rows, center []float64) *moments {
	m := newMoments(r.d)
	m.n = float64(r.n)
	x := make([]float64, r.d)
	for i := range r.n {
		for k, v := range r.x[i*r.d:][:r.d] {
			x[k] = float64(v) - center[k]
			m.sum[k] += x[k]
		}
		for k, v := range x {
			to := m.outer[k*r.d:][:k+1] // the lower triangle
			for l, w := range x[:k+1] {
				to[l] += v * w
			}
		}
	}
	for k := range r.d {
		for l := range k {
			m.outer[l*r.d+k] = m.outer[k*r.d+l]
		}
	}
	return m
}

// add adds times copies of the rows of other.
func (m *moments) add(other *moments, times float64) {
	m.n += times * other.n
	for i, v := range other.sum {
		m.sum[i] += times * v
	}
	for i, v := range other.outer {
		m.outer[i] += times * v
	}
}

// normal returns the mean, and the covariance with n-1 below.
func (m *moments) normal() (mean, covariance []float64) {
	d := len(m.sum)
	mean, covariance = make([]float64, d), make([]float64, d*d)
	for k, s := range m.sum {
		mean[k] = s / m.n
	}
	for k := range d {
		for l := range d {
			covariance[k*d+l] = (m.outer[k*d+l] - m.n*mean[k]*mean[l]) / (m.n - 1)
		}
	}
	return mean, covariance
}

// frechet is the squared Frechet distance of the normal distributions with these moments (Dowson
// and Landau 1982; Heusel et al. 2017):
//
//	|a - b|² + tr A + tr B - 2 tr (A B)^½
//
// The eigenvalues of AB are those of the symmetric LᵀBL, where A = LLᵀ.
func frechet(p, q *moments) float64 {
	a, ca := p.normal()
	b, cb := q.normal()
	d := len(a)
	var sum, root float64
	for k := range d {
		sum += (a[k]-b[k])*(a[k]-b[k]) + ca[k*d+k] + cb[k*d+k]
	}
	for _, v := range eigenvalues(sandwich(cholesky(ca, d), cb, d), d) {
		root += math.Sqrt(max(0, v))
	}
	return max(0, sum-2*root)
}

// blockMoments returns the moments of each of the blocks of rows.
func (s *sweeper) blockMoments(ctx context.Context, r rows, center []float64, b blocks) ([]*moments, error) {
	list := make([]*moments, b.count)
	err := s.each(ctx, b.count, func(_, i int) { list[i] = momentsOf(r.block(b.of(i)), center) })
	return list, err
}

// mean returns the mean of the rows.
func (r rows) mean() []float64 {
	m := make([]float64, r.d)
	for i, v := range r.x {
		m[i%r.d] += float64(v)
	}
	for k := range m {
		m[k] /= float64(r.n)
	}
	return m
}
