package main

import "github.com/gantiny/gantiny/asm/internal/qtile"

// neighbors writes the body for one row of four tiles whose operands follow one another, see
// QTiles.
func (s *qset) neighbors(c *code) {
	b := &qgemmBlock
	name := func(what string) string { return what + "_wide" }
	c.label("wide")
	c.comment("V0-V7: the sums of the four tiles; R9: A; R10-R13: B of each tile; R14, R15: from tile to tile in B, twice that")
	c.field("B", qTemp)
	c.op("MOVW %d(%s), R14", qtile.Size+qtile.Offset("B"), qTile)
	c.op("SUB %s, R14", qTemp)
	c.op("ADD R14, R14, R15")
	c.op("MOVBU %d(%s), %s", qtile.Offset("Start"), qTile, qTemp)
	c.op("CBZ %s, zero_wide", qTemp)
	c.sums("S", "s")
	for v := 0; v < 8; v += 2 {
		c.op("FLDPQ %d(%s), (F%d, F%d)", 16*v, qPlace, v, v+1)
	}
	c.op("B taps_wide")
	c.label("zero_wide")
	for v := range 8 {
		c.zero(v)
	}
	c.label("taps_wide")
	c.op("CBZ %s, summed_wide", qTaps)
	c.label("tap_wide")
	c.op("LDP.P 16(%s), (R9, R10)", qTap)
	c.op("ADD %s, R9", qBaseA)
	c.op("ADD %s, R10", qBaseB)
	c.op("ADD R14, R10, R11")
	c.op("ADD R15, R10, R12")
	c.op("ADD R15, R11, R13")
	if s.wideInHalves != nil {
		c.op("CBZ %s, rest_wide", qRounds)
		c.get(b, qArgs, "inHalves", qTemp)
		c.op("CBNZ %s, inHalves_wide", qTemp)
	}
	s.rounds(c, name, func(groups int) { s.wide(c, groups) })
	c.op("SUB $1, %s", qTaps)
	c.op("CBNZ %s, tap_wide", qTaps)

	c.label("summed_wide")
	c.op("MOVBU %d(%s), %s", qtile.Offset("Requantize"), qTile, qTemp)
	c.op("CBNZ %s, requantize_wide", qTemp)
	c.sums("C", "c")
	for v := 0; v < 8; v += 2 {
		c.op("FSTPQ (F%d, F%d), %d(%s)", v, v+1, 16*v, qPlace)
	}
	c.op("B next_wide")
	c.label("requantize_wide")
	c.constants()
	c.results()
	for v := 0; v < 8; v += 2 {
		c.op("FLDPQ %d(%s), (F%d, F%d)", 16*v, qTemp, 8+v, 9+v)
		c.requantize(v, 8+v, 18+v)
	}
	for v := 0; v < 8; v += 2 {
		c.op("FMOVD F%d, %d(%s)", v, 4*v, qPlace)
	}
	c.label("next_wide")
	c.op("ADD $%d, %s", 3*qtile.Size, qTile)
	c.op("SUB $3, %s", qTiles)
	c.op("B next")

	if s.wideInHalves != nil {
		c.label("inHalves_wide")
		c.op("MOVD %s, %s", qRounds, qLeft)
		s.wideInHalves(c, "round_inHalves")
		c.op("B rest_wide")
	}
}
