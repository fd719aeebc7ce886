package quant

import "math"

// bins is the resolution of a Histogram.
const bins = 2048

// Histogram counts the values of a tensor. First call Widen with all values to find the range,
// then Add with all values.
type Histogram struct {
	Lo, Hi float64       // the range, which holds 0
	Counts [bins]float64 // of equal parts of it
	n      float64       // all that is counted
}

// Widen extends the range to all of x and to 0. Values that are not finite are passed over.
func (h *Histogram) Widen(x []float32) {
	lo, hi := float32(h.Lo), float32(h.Hi)
	for _, v := range x {
		if v < lo && v >= -math.MaxFloat32 {
			lo = v
		}
		if v > hi && v <= math.MaxFloat32 {
			hi = v
		}
	}
	h.Lo, h.Hi = float64(lo), float64(hi)
}

// Add counts the values of x.
func (h *Histogram) Add(x []float32) {
	if h.Hi <= h.Lo {
		return
	}
	f := bins / (h.Hi - h.Lo)
	for _, v := range x {
		if i := int((float64(v) - h.Lo) * f); v == v { // not NaN
			h.Counts[max(0, min(bins-1, i))]++
			h.n++
		}
	}
}

// at is the middle of a bin.
func (h *Histogram) at(i int) float64 { return h.Lo + float64((h.Hi-h.Lo)*(float64(i)+0.5))/bins }

// edge is where bin i begins.
func (h *Histogram) edge(i int) float64 { return h.Lo + float64((h.Hi-h.Lo)*float64(i))/bins }

// quantile is the least edge with at least a share q of all values below it.
func (h *Histogram) quantile(q float64) float64 {
	sum := 0.0
	for i, c := range h.Counts {
		sum += c
		if sum >= q*h.n {
			return h.edge(i + 1)
		}
	}
	return h.Hi
}
