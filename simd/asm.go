//go:build (amd64 || arm64 || arm) && !purego

package simd

import "unsafe"

// first is where the elements of s begin, as assembly takes it.
func first[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// peakWith: kernel makes 12 multiply-adds of whole vectors a round.
func peakWith(kernel func(n int), lanes int) func(n int) int64 {
	return func(n int) int64 {
		n = max(n, 0)
		for left := n; left > 0; left -= peakRounds {
			kernel(min(left, peakRounds))
		}
		return int64(n) * 12 * 2 * int64(lanes)
	}
}
