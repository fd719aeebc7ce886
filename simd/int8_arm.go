//go:build !purego

package simd

import "math"

const formNEON form = 1

const (
	// maxGroups is the most pairs of channels, over all tiles and taps, that one call into assembly
	// contracts: 60 microseconds on a Cortex-A7 at 900 MHz, at two cycles an instruction.
	maxGroups = 2048
	// maxSums is the size of the largest tile.
	maxSums = 7 * 4
	// peakRounds is the most rounds of one call: some 80 microseconds.
	peakRounds = 2000
)

// int8NEON: two channels make a group, whose products are added in 16 bits.
func int8NEON() *Int8 {
	return &Int8{
		form: formNEON, MR: 7, NR: 4, Group: 2, Width: 1,
		GEMM: qgemmNEON, Gather: gatherScalar, Peak: peakWith(qpeakLoop_neon, 8),
	}
}

func qgemmNEON(g *QGEMM) { qgemmWith(g, formNEON) }

func (b *qgemmBlock) call(_ form, tiles *QTile, n int) { qgemm_neon_7x4(b, tiles, n) }

// constants fills in what Requantize needs.
func (b *qgemmBlock) constants(g *QGEMM) {
	every := func(v float32) [4]float32 { return [4]float32{v, v, v, v} }
	b.slope, b.hi, b.lo, b.magic = every(g.Slope), every(float32(127-g.Zero)), every(float32(-128-g.Zero)), every(3<<22)
	b.zero = [4]int32{g.Zero, g.Zero, g.Zero, g.Zero}
}

// takes is how many of these tiles the kernel computes at a stretch from the first one on: those
// that have all columns of their panel and no slope that it would not be exact with, 0 if the first
// is not of that kind.
func (g *QGEMM) takes(tiles []QTile) int {
	const smallest = 1.0 / (1 << 126)
	slope := float32(math.Abs(float64(g.Slope)))
	exact := slope == 0 || slope >= smallest && slope <= 1
	if exact && !g.Tiles.narrow {
		return len(tiles)
	}
	for i := range tiles {
		if t := &tiles[i]; t.Cols != int32(g.Tiles.k.NR) || t.Requantize && !exact {
			return i
		}
	}
	return len(tiles)
}
