package main

import (
	"fmt"

	"github.com/gantiny/gantiny/asm/internal/goasm"
	"github.com/gantiny/gantiny/asm/internal/qtile"
)

var qgemmBlock = block{Name: "qgemmBlock", Doc: "is what all tiles of a QGEMM call share.", Fields: []field{
	{"slope", "[4]float32", "in every lane"}, {"hi", "[4]float32", "127-zero"}, {"zero", "[8]int16", ""},
	{"zeros", "[8]int32", "a row of sums that starts at zero"},
	{"a", "unsafe.Pointer", "operands"}, {"b", "unsafe.Pointer", ""}, {"s", "unsafe.Pointer", ""}, {"c", "unsafe.Pointer", ""},
	{"q", "unsafe.Pointer", ""}, {"scale", "unsafe.Pointer", ""},
	{"taps", "unsafe.Pointer", "of the whole list"},
	{"groups", "uintptr", "of channels in a contraction"},
	{"rows", "uintptr", "of tiles that do not say"},
	{"inHalves", "uintptr", "not 0: load weights of neighbors as the Cortex-A53 likes"},
	{"tile", "[maxSums]int32", "through which a tile passes that has fewer columns than its panel"},
}}

// Registers of the int8 tiles. R9-R16 point into A, a register a row.
const (
	qArgs   = "R0"
	qTile   = "R1"
	qTiles  = "R2" // left
	qTap    = "R3"
	qTaps   = "R4" // left
	qLDA    = "R5"
	qARun   = "R6"
	qLeft   = "R7" // rounds of a loop; scratch between
	qB      = "R8"
	qBaseA  = "R17"
	qBaseB  = "R19"
	qRounds = "R20" // whole rounds of a contraction
	qRest   = "R21" // groups beyond those
	qPlace  = "R22" // of sums or results
	qLDC    = "R23"
	qCRun   = "R24"
	qTemp   = "R25"
	qTemp2  = "R26"
)

// qset is an instruction set's way to contract.
type qset struct {
	name  string
	rows  int // of the tile
	group int // channels that packed weights keep together
	round int // groups of one round of the loop, a power of two
	doc   []string
	// contract writes groups groups for rows rows of A, whose pointers move on; it is round or 1
	// group.
	contract func(c *code, rows, groups int)
	// wide writes groups groups for one row and four tiles, whose B are at R10-R13; A is at R9.
	// nil: there is no such body.
	wide func(c *code, groups int)
	// wideInHalves, if there is one, writes the loop over whole rounds of wide for the Cortex-A53.
	wideInHalves func(c *code, label string)
	// pairs says that a sum's register holds two columns of two rows.
	pairs bool
}

// accs is how many registers the sums of rows rows take.
func (s *qset) accs(rows int) int {
	if s.pairs {
		rows = (rows + 1) / 2 * 2
	}
	return 2 * rows
}

// qgemm writes the int8 matrix product over a list of tiles, each of which stays in registers over
// all its taps.
func qgemm(f *file) {
	for _, s := range []*qset{&qneon, &qdotprod, &qi8mm} {
		s.write(f)
	}
}

func (s *qset) write(f *file) {
	name := fmt.Sprintf("qgemm_%s_%dx8", s.name, s.rows)
	c := f.function(name, "", []param{{"t", "*qgemmBlock"}, {"tiles", "*QTile"}, ints("n")},
		fmt.Sprintf("%s works like qgemmScalar on n tiles of at most %d x 8, n at least 1:", name, s.rows),
		"for t in taps, k < K: s[r,j] += A[t.A + rowA(r) + k] * w(t.B; k, j), from and to where the tile says.")
	c.comment(s.doc...)
	c.comment("R0: arguments; R1, R2: tile, tiles left; R3, R4: next tap, taps left; R5, R6: strides of A; R7: rounds left",
		"R8: B; R9-R16: rows of A; R17, R19: the tile's A, B; R20, R21: rounds and single groups of a tap",
		"R22, R23, R24: a place of sums or results and its strides; R25, R26: scratch")
	b := &qgemmBlock
	c.load("t", qArgs, "tiles", qTile, "n", qTiles)
	c.get(b, qArgs, "groups", qRest)
	c.op("LSR $%d, %s, %s", goasm.Log2(s.round), qRest, qRounds)
	c.op("AND $%d, %s", s.round-1, qRest)

	c.label("tile")
	c.fields("A", qBaseA, qBaseB)
	c.op("LDP %d(%s), (%s, %s)", offset(b, "a"), qArgs, qTemp, qTemp2)
	c.op("ADD %s, %s", qTemp, qBaseA)
	c.op("ADD %s, %s", qTemp2, qBaseB)
	c.fields("LDA", qLDA, qARun)
	c.fields("LDC", qLDC, qCRun)
	c.field("Rows", qLeft)
	c.op("CBNZ %s, own", qLeft)
	c.get(b, qArgs, "rows", qLeft)
	c.op("ADD $1, %s, %s", qLeft, qTemp)
	c.op("LSR $1, %s", qTemp)
	c.op("MUL %s, %s, %s", qTemp, qLDA, qARun)
	c.op("MUL %s, %s, %s", qTemp, qLDC, qCRun)
	c.label("own")
	c.op("LSL $2, %s", qLDC)
	c.op("LSL $2, %s", qCRun)
	c.fields("Tap", qTap, qTaps)
	c.get(b, qArgs, "taps", qTemp)
	c.op("ADD %s<<4, %s, %s", qTap, qTemp, qTap)
	if s.wide != nil {
		c.op("CMP $1, %s", qLeft)
		c.op("BNE single")
		c.op("MOVBU %d(%s), %s", qtile.Offset("neighbors"), qTile, qTemp)
		c.op("CBZ %s, single", qTemp)
		c.op("CMP $4, %s", qTiles)
		c.op("BGE wide")
		c.label("single")
	}
	s.place(c)
	s.byRows(c)
	if s.wide != nil {
		s.neighbors(c)
	}
	s.partial(c)
}

// place sets R22, R25 and R26 to where the sums start and their strides. R7 is the number of rows
// and stays.
func (s *qset) place(c *code) {
	b := &qgemmBlock
	c.op("MOVBU %d(%s), %s", qtile.Offset("Start"), qTile, qTemp)
	c.fields("S", qPlace, qTemp2)
	c.op("CMP $1, %s", qTemp)
	c.op("BLE shared")
	c.op("CMP $2, %s", qTemp)
	c.op("BEQ fromC")
	c.get(b, qArgs, "s", qTemp)
	c.op("ADD %s<<2, %s, %s", qPlace, qTemp, qPlace)
	c.op("B strides")
	c.label("fromC")
	c.get(b, qArgs, "c", qTemp)
	c.op("ADD %s<<2, %s, %s", qTemp2, qTemp, qPlace)
	c.label("strides")
	c.op("MOVD %s, %s", qLDC, qTemp)
	c.op("MOVD %s, %s", qCRun, qTemp2)
	c.field("Cols", qB)
	c.op("CMP $8, %s", qB)
	c.op("BNE partialStart")
	c.op("B start")
	c.label("shared")
	c.op("CMP $1, %s", qTemp)
	c.get(b, qArgs, "s", qTemp)
	c.op("ADD %s<<2, %s, %s", qPlace, qTemp, qPlace)
	c.op("ADD $%d, %s, %s", offset(b, "zeros"), qArgs, qTemp)
	c.op("CSEL EQ, %s, %s, %s", qPlace, qTemp, qPlace)
	c.op("MOVD $0, %s", qTemp)
	c.op("MOVD $0, %s", qTemp2)
	c.label("start")
}

// byRows branches on R7 to one body for each number of rows.
func (s *qset) byRows(c *code) {
	for r := s.rows; r > 1; r-- {
		c.op("CMP $%d, %s", r, qLeft)
		c.op("BEQ rows%d", r)
	}
	for r := 1; r <= s.rows; r++ {
		c.label(fmt.Sprintf("rows%d", r))
		s.body(c, r)
	}
	c.label("next")
	c.op("ADD $%d, %s", qtile.Size, qTile)
	c.op("SUB $1, %s", qTiles)
	c.op("CBNZ %s, tile", qTiles)
	c.op("RET")
}

// moveRows moves rows of two vectors from or to R22, whose strides are given; the second run starts
// run bytes after the first.
func (c *code) moveRows(store bool, rows int, stride, run string) {
	if rows > 1 {
		c.op("MOVD %s, %s", qPlace, qLeft)
	}
	for r := range rows {
		switch {
		case r > 0 && r == firstRun(rows):
			c.op("ADD %s, %s, %s", run, qLeft, qPlace)
		case r > 0:
			c.op("ADD %s, %s", stride, qPlace)
		}
		if store {
			c.op("FSTPQ (F%d, F%d), (%s)", acc(r, 0), acc(r, 1), qPlace)
		} else {
			c.op("FLDPQ (%s), (F%d, F%d)", qPlace, acc(r, 0), acc(r, 1))
		}
	}
}

// squares turns the sums of pairs of rows from rows into squares of two by two, whose columns
// follow one another, or back.
func (s *qset) squares(c *code, rows int, back bool) {
	if !s.pairs {
		return
	}
	t := s.accs(s.rows)
	zip := func(d, half, n, m int) { c.op("VZIP%d V%d.D2, V%d.D2, V%d.D2", half, m, n, d) }
	for r := 0; r < rows; r += 2 {
		a := acc(r, 0)
		if back {
			zip(t, 1, a+2, a+3)
			zip(t+1, 2, a, a+1)
			zip(a, 1, a, a+1)
			zip(a+3, 2, a+2, a+3)
		} else {
			zip(t, 2, a, a+2)
			zip(t+1, 1, a+1, a+3)
			zip(a, 1, a, a+2)
			zip(a+3, 2, a+1, a+3)
		}
		c.mov(a+1, t)
		c.mov(a+2, t+1)
	}
}

// body writes the tile of rows rows.
func (s *qset) body(c *code, rows int) {
	name := func(what string) string { return fmt.Sprintf("%s_%d", what, rows) }
	c.moveRows(false, rows, qTemp, qTemp2)
	for v := 2 * rows; v < s.accs(rows); v++ {
		c.zero(v)
	}
	c.op("CBZ %s, %s", qTaps, name("summed"))
	s.squares(c, rows, false)
	c.label(name("tap"))
	c.op("LDP.P 16(%s), (R9, %s)", qTap, qB)
	c.op("ADD %s, R9", qBaseA)
	c.op("ADD %s, %s", qBaseB, qB)
	c.rowsOfA(rows, qLDA, qARun)
	s.rounds(c, name, func(groups int) { s.contract(c, rows, groups) })
	c.op("SUB $1, %s", qTaps)
	c.op("CBNZ %s, %s", qTaps, name("tap"))
	s.squares(c, rows, true)

	c.label(name("summed"))
	c.op("MOVBU %d(%s), %s", qtile.Offset("Requantize"), qTile, qTemp)
	c.op("CBNZ %s, %s", qTemp, name("requantize"))
	c.sums("C", "c")
	s.through(c, rows, 32, name("store"), func() { c.moveRows(true, rows, qLDC, qCRun) })
	c.op("BEQ next")
	c.op("MOVD $%d, %s", rows, qLeft)
	c.op("B partialC")

	c.label(name("requantize"))
	c.constants()
	c.field("LDQ", qLDC)
	c.results()
	c.op("FLDPQ (%s), (F%d, F%d)", qTemp, qScale, qScale+1)
	s.through(c, rows, 8, name("write"), func() {
		for r := range rows {
			c.requantize(acc(r, 0), qScale, 18+2*(r%3))
			c.op("FMOVD F%d, (%s)", acc(r, 0), qPlace)
			if r+1 < rows {
				c.op("ADD %s, %s", qLDC, qPlace)
			}
		}
	})
	c.op("BEQ next")
	c.op("MOVD $%d, %s", rows, qLeft)
	c.op("B partialQ")
}

// through writes what stores the tile at R22. A tile of fewer columns is stored in the arguments'
// own buffer, rows of stride bytes; the flags then say not equal.
func (s *qset) through(c *code, rows, stride int, label string, store func()) {
	c.field("Cols", qTemp)
	c.op("CMP $8, %s", qTemp)
	c.op("BEQ %s", label)
	c.op("ADD $%d, %s, %s", offset(&qgemmBlock, "tile"), qArgs, qPlace)
	c.op("MOVD $%d, %s", stride, qLDC)
	c.op("MOVD $%d, %s", stride*firstRun(rows), qCRun)
	c.label(label)
	store()
}

// rounds contracts a tap: whole rounds, then the groups that are left one by one.
func (s *qset) rounds(c *code, name func(string) string, contract func(groups int)) {
	c.op("CBZ %s, %s", qRounds, name("rest"))
	c.op("MOVD %s, %s", qRounds, qLeft)
	c.countDown(name("round"), qLeft, func() { contract(s.round) })
	c.label(name("rest"))
	c.op("CBZ %s, %s", qRest, name("contracted"))
	c.op("MOVD %s, %s", qRest, qLeft)
	c.countDown(name("one"), qLeft, func() { contract(1) })
	c.label(name("contracted"))
}

// Vectors of the requantization. Two more from 18 on are scratch.
const (
	qSlope = 26
	qHi    = 27
	qZero  = 28
	qScale = 30 // and 31
)

func (c *code) constants() {
	b := &qgemmBlock
	c.op("FLDPQ %d(%s), (F%d, F%d)", offset(b, "slope"), qArgs, qSlope, qHi)
	c.op("FMOVQ %d(%s), F%d", offset(b, "zero"), qArgs, qZero)
}

// requantize turns the eight sums of v and v+1 into the bytes of the lower half of v, as Requantize
// does: the conversion and the narrowing saturate below, and above all but NaN.
func (c *code) requantize(v, scale, t int) {
	both := func(name string, d, n, m int) {
		c.word(name, d, n, m)
		c.word(name, d+1, n+1, m+1)
	}
	same := func(name string, d, n, m int) {
		c.word(name, d, n, m)
		c.word(name, d+1, n+1, m)
	}
	c.word("scvtf", v, v)
	c.word("scvtf", v+1, v+1)
	both("fmul", v, v, scale)
	same("fmul", t, v, qSlope)
	both("fmaxnm", v, v, t)
	same("fminnm", v, v, qHi)
	c.word("fcvtns", v, v)
	c.word("fcvtns", v+1, v+1)
	c.word("sqxtn", v, v)
	c.word("sqxtn2", v, v+1)
	c.word("sqadd", v, v, qZero)
	c.word("sqxtnB", v, v)
}

// sums sets R22 to the place among the call's operands that a field of the tile gives in 32-bit
// numbers.
func (c *code) sums(field, operand string) {
	c.field(field, qPlace)
	c.get(&qgemmBlock, qArgs, operand, qTemp)
	c.op("ADD %s<<2, %s, %s", qPlace, qTemp, qPlace)
}

// results sets R22 to the place of the tile's results and R25 to that of its scale.
func (c *code) results() {
	c.fields("Q", qPlace, qTemp)
	c.op("LDP %d(%s), (%s, %s)", offset(&qgemmBlock, "q"), qArgs, qTemp2, qLeft)
	c.op("ADD %s, %s", qTemp2, qPlace)
	c.op("ADD %s<<2, %s, %s", qTemp, qLeft, qTemp)
}

// field fetches a field of the tile, fields that one and the next.
func (c *code) field(name, to string) { c.op("MOVW %d(%s), %s", qtile.Offset(name), qTile, to) }

func (c *code) fields(name, to, next string) {
	c.op("LDPSW %d(%s), (%s, %s)", qtile.Offset(name), qTile, to, next)
}
