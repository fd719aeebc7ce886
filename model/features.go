package model

// This file holds what operators share whose parameters have a value for each channel or, where the
// input is a vector that lies in memory as several positions, for each feature.

// features returns which channels [c0, c1) of position p the features [lo, hi) of all take part in,
// and how far behind lo the first one stands. There are as many features as channels, the same at
// all positions, or positions times that many.
func features(lo, hi, p, channels, all int) (c0, c1, at int) {
	first := 0
	if all > channels {
		first = p * channels
	}
	c0 = min(max(lo-first, 0), channels)
	c1 = max(min(hi-first, channels), c0)
	return c0, c1, first + c0 - lo
}

// addSums: dst += sums, rounded once.
func addSums(dst []float32, sums []float64) {
	for i, v := range sums {
		dst[i] = float32(float64(dst[i]) + v)
	}
}
