//go:build !purego

package simd

import "math"

// maxPiece is the most elements of a slice that one call works on: at most 20 microseconds, and
// within the second-level cache.
const maxPiece = 1 << 14

// peakRounds is the most rounds of one call: some 20 microseconds.
const peakRounds = 10000

// tableWith serves Tanh and Sigmoid.
func tableWith(kernel func(dst, x *float32, n int, t *tanhBlock)) func(dst, x []float32) {
	return func(dst, x []float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, &tanhTable)
			dst, x = dst[n:], x[n:]
		}
	}
}

var tanhTable = tanhBlock{
	sign: everyLane(math.Float32frombits(1 << 31)), abs: everyLane(math.Float32frombits(1<<31 - 1)),
	one: everyLane(1), cut: everyLane(tanhCut),
	t0: everyLane(tanhT0), t1: everyLane(tanhT1), t2: everyLane(tanhT2), t3: everyLane(tanhT3),
	log2e: everyLane(log2E), magic: everyLane(roundMagic), ln2Hi: everyLane(ln2Hi), ln2Lo: everyLane(ln2Lo), expMax: everyLane(expMax),
	e0: everyLane(expE0), e1: everyLane(expE1), e2: everyLane(expE2), e3: everyLane(expE3), e4: everyLane(expE4),
}

func everyLane(c float32) (v [16]float32) {
	for i := range v {
		v[i] = c
	}
	return v
}
