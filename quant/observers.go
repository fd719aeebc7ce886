package quant

import (
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// Observer chooses the range that a tensor's bytes cover, from a histogram of the tensor. The
// range includes 0.
type Observer struct {
	Name  string
	Range func(h *Histogram) (lo, hi float64)
}

// Observers lists all observers, the plainest first.
func Observers() []Observer {
	return []Observer{
		{"min-max", func(h *Histogram) (lo, hi float64) { return h.Lo, h.Hi }},
		percentile(99.99),
		percentile(99.9),
		{"squared error", squaredError},
		{"KL", divergence},
	}
}

// percentile leaves out the outermost values on both sides.
func percentile(p float64) Observer {
	out := (1 - p/100) / 2
	return Observer{fmt.Sprintf("percentile %g", p), func(h *Histogram) (lo, hi float64) {
		return math.Min(0, h.quantile(out)), math.Max(0, h.quantile(1-out))
	}}
}

// search tries ranges that end in some part of the whole one on either side, and returns the one
// that costs least.
func search(h *Histogram, cost func(lo, hi float64) float64) (lo, hi float64) {
	const steps = 32
	best := math.Inf(1)
	for i := steps; i > steps/4; i-- {
		for j := steps; j > steps/4; j-- {
			l, u := h.Lo*float64(i)/steps, h.Hi*float64(j)/steps
			if c := cost(l, u); c < best {
				best, lo, hi = c, l, u
			}
		}
	}
	return lo, hi
}

// squaredError minimizes the expected squared error: step^2/12 inside the range, the distance to it
// outside.
func squaredError(h *Histogram) (lo, hi float64) {
	return search(h, func(lo, hi float64) float64 {
		step := (hi - lo) / 255
		sum := 0.0
		for i, c := range h.Counts {
			switch x := h.at(i); {
			case x < lo:
				sum += float64(c * (lo - x) * (lo - x))
			case x > hi:
				sum += float64(c * (x - hi) * (x - hi))
			default:
				sum += float64(c*step*step) / 12
			}
		}
		return sum
	})
}

// divergence minimizes the Kullback-Leibler divergence of the bytes' distribution from the values'
// (Migacz 2017): what is clipped counts at the ends of the first, which the second does not know
// of.
func divergence(h *Histogram) (lo, hi float64) {
	return search(h, func(lo, hi float64) float64 { return h.divergence(lo, hi) })
}

func (h *Histogram) divergence(lo, hi float64) float64 {
	width := (h.Hi - h.Lo) / bins
	first := max(0, int((lo-h.Lo)/width))
	last := min(bins-1, int((hi-h.Lo)/width))
	if last <= first {
		return math.Inf(1)
	}
	var low, high, inside float64 // counts
	for i, c := range h.Counts {
		switch {
		case i < first:
			low += c
		case i > last:
			high += c
		default:
			inside += c
		}
	}
	if inside == 0 {
		return math.Inf(1)
	}
	const levels = 256
	n := last - first + 1
	sum := 0.0
	for l := range levels {
		a, b := first+l*n/levels, first+(l+1)*n/levels // the level's bins
		var total, filled float64
		for i := a; i < b; i++ {
			if c := h.Counts[i]; c > 0 {
				total += c
				filled++
			}
		}
		for i := a; i < b; i++ {
			p := h.Counts[i]
			filledHere := p > 0
			if i == first {
				p += low
			}
			if i == last {
				p += high
			}
			switch {
			case p == 0:
			case filledHere:
				p /= h.n
				sum += float64(p * fmath.Log(p/(total/filled/inside)))
			default: // values where the bytes have none: as far off as one value a whole tensor
				p /= h.n
				sum += float64(p * fmath.Log(p*inside))
			}
		}
	}
	return sum
}
