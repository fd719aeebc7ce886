package eval

import (
	"slices"

	"github.com/gantiny/gantiny/internal/fmath"
)

// klOf is the Kullback-Leibler divergence of p from q in nats, nil if it is infinite.
func klOf(p, q []float64) *float64 {
	sum := 0.0
	for i, x := range p {
		switch {
		case x == 0:
		case q[i] == 0:
			return nil
		default:
			sum += float64(x * fmath.Log(x/q[i]))
		}
	}
	return &sum
}

// uniform are the frequencies of n classes that are all as frequent.
func uniform(n int) []float64 {
	return slices.Repeat([]float64{1 / float64(n)}, n)
}
