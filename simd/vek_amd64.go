//go:build !purego

package simd

import "github.com/viterin/vek/vek32"

// Sum and Dot are vek's, in pieces.

func sumVek(x []float32) (s float32) {
	for len(x) > 0 {
		n := min(len(x), maxPiece)
		s += vek32.Sum(x[:n])
		x = x[n:]
	}
	return s
}

func dotVek(x, y []float32) (s float32) {
	sameLen(len(x), len(y))
	for len(x) > 0 {
		n := min(len(x), maxPiece)
		s += vek32.Dot(x[:n], y[:n])
		x, y = x[n:], y[n:]
	}
	return s
}
