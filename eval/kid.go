package eval

import "context"

// kernelSums are sums of a kernel over the pairs of rows of two matrices, by blocks of each.
type kernelSums struct {
	sum, pairs []float64 // (blocks of the first, blocks of the second)
	n          int       // blocks of the second
}

// kernelSums sums the kernel of the KID (Binkowski et al. 2018),
//
//	k(x, y) = (xᵀy/d + 1)³
//
// over pairs of rows. Where same, both matrices are one, and the pairs of a row with itself are
// left out.
func (s *sweeper) kernelSums(ctx context.Context, a, b rows, of, to blocks, same bool) (*kernelSums, error) {
	each := make([]float64, a.n*to.count) // (rows of a, blocks of b)
	places := to.places()
	err := s.sweep(ctx, a, b, func(_ int, t *tile) {
		for i := t.i0; i < t.i1; i++ {
			sums := each[i*to.count:][:to.count]
			for j, xy := range t.at(i) {
				if same && t.j0+j == i {
					continue
				}
				v := float64(xy)/float64(a.d) + 1
				sums[places[t.j0+j]] += v * v * v
			}
		}
	})
	if err != nil {
		return nil, err
	}
	k := &kernelSums{make([]float64, of.count*to.count), make([]float64, of.count*to.count), to.count}
	for p := range of.count {
		lo, hi := of.of(p)
		for i := lo; i < hi; i++ {
			for q, v := range each[i*to.count:][:to.count] {
				k.sum[p*to.count+q] += v
			}
		}
		for q := range to.count {
			from, end := to.of(q)
			k.pairs[p*to.count+q] = float64(hi-lo) * float64(end-from)
			if same && p == q {
				k.pairs[p*to.count+q] -= float64(hi - lo)
			}
		}
	}
	return k, nil
}

// mean returns the mean of the kernel where blocks count as often as given.
func (k *kernelSums) mean(of, to []float64) float64 {
	var sum, pairs float64
	for p, x := range of {
		for q, y := range to {
			sum += x * y * k.sum[p*k.n+q]
			pairs += x * y * k.pairs[p*k.n+q]
		}
	}
	return sum / pairs
}

// kid is the unbiased estimate of the squared maximum mean discrepancy: mean k(x,x') + mean k(y,y')
// - 2 mean k(x,y) over pairs of different pictures. It is below 0 about as often as above where
// both sets are of one kind.
func kid(xx, yy, xy *kernelSums, x, y []float64) float64 {
	return xx.mean(x, x) + yy.mean(y, y) - 2*xy.mean(x, y)
}
