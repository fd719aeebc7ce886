//go:build (amd64 || arm64 || arm) && !purego

package simd

import "unsafe"

// contraction hands out a sum over taps in order, piece by piece.
type contraction struct {
	taps         []Tap // not handed out yet, the first one perhaps in part
	k            int   // of each tap
	stepA, stepB int   // elements from one k to the next
	from         int   // k of the first tap that are handed out
	rest         Tap
	done         bool
}

// piece is the next piece: n whole taps, or a part of a long one. There is one even if there are no
// taps.
func (c *contraction) piece() (taps *Tap, n, k int) {
	taps, n, k = unsafe.SliceData(c.taps), 1, min(c.k-c.from, maxSteps)
	switch {
	case len(c.taps)*c.k <= maxSteps:
		n, c.taps = len(c.taps), nil
	case c.k <= maxSteps:
		n = maxSteps / c.k
		c.taps = c.taps[n:]
	case len(c.taps) == 0:
		n = 0
	default:
		c.rest = Tap{c.taps[0].A + c.from*c.stepA, c.taps[0].B + c.from*c.stepB}
		taps = &c.rest
		if c.from += k; c.from == c.k {
			c.taps, c.from = c.taps[1:], 0
		}
	}
	c.done = len(c.taps) == 0
	return taps, n, k
}

// panelBytes is how far the panels of B lie apart, 0 where nothing is read of them: a pointer has
// to stay within its slice.
func (g *GEMM) panelBytes() int {
	switch {
	case g.K == 0 || len(g.Taps) == 0:
		return 0
	case g.Half != nil:
		return 2 * g.LDB
	}
	return 4 * g.LDB
}

// bytes is the size of n float32; negative steps wrap, as addresses do.
func bytes(n int) uintptr { return uintptr(n) * 4 }
