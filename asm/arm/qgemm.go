package main

import (
	"fmt"

	"github.com/gantiny/gantiny/asm/internal/goasm"
	"github.com/gantiny/gantiny/asm/internal/qtile"
)

var qgemmBlock = block{Name: "qgemmBlock", Doc: "is what all tiles of a QGEMM call share.", Fields: []field{
	{"slope", "[4]float32", "in every lane"}, {"hi", "[4]float32", "127-zero"}, {"lo", "[4]float32", "-128-zero"},
	{"magic", "[4]float32", "whose sum with a number has no bits left for a fraction"}, {"zero", "[4]int32", ""},
	{"zeros", "[4]int32", "a row of sums that starts at zero"},
	{"a", "unsafe.Pointer", "operands"}, {"b", "unsafe.Pointer", ""}, {"s", "unsafe.Pointer", ""}, {"c", "unsafe.Pointer", ""},
	{"q", "unsafe.Pointer", ""}, {"scale", "unsafe.Pointer", ""},
	{"taps", "unsafe.Pointer", "of the whole list"},
	{"groups", "uintptr", "of channels in a contraction"},
	{"rows", "uintptr", "of tiles that do not say"},
}}

const (
	qRows  = 7
	qRound = 8 // groups of one round of the loop, of two channels each
	// Vectors: the sums are q0 and on.
	qB     = 14               // d14-d17: four groups of weights
	qTemps = 13               // q13-q15
	qLocal = "%s-%d(SP)"      // of the frame
	qFrame = 12               // its size
	qTile4 = "qgemm_neon_7x4" // the function
)

// qA is where four groups of row r's activations come to lie, each in all lanes of a register:
// d18-d21 or d22-d25.
func qA(r int) int { return 18 + 4*(r%2) }

// Locals: rounds of a tap, groups beyond those, bytes from one tile's weights to its neighbor's.
var (
	qRounds = fmt.Sprintf(qLocal, "rounds", 4)
	qRest   = fmt.Sprintf(qLocal, "rest", 8)
	qStep   = fmt.Sprintf(qLocal, "step", 12)
)

// qgemm writes the int8 matrix product over a list of tiles, each of which stays in registers over
// all its taps.
func qgemm(f *file) {
	c := f.function(qTile4, qFrame, []param{{"t", "*qgemmBlock"}, {"tiles", "*QTile"}, {"n", "int"}},
		qTile4+" works like qgemmScalar on n tiles of at most 7 rows and of four columns, n at least 1:",
		"for t in taps, k < K: s[r,j] += A[t.A + rowA(r) + k] * w(t.B; k, j), from and to where the tile says.",
		"Slope is 0 or a normal number from -1 to 1.")
	c.comment("q0-q6: the C tile; d14-d17: four pairs of channels of B; d18-d25: four pairs of two rows of A, each in all lanes;",
		"q13-q15: products of two pairs of channels, 16 bits each",
		"R0: arguments; R1: tile; R2, R3: next tap, taps left; R4: a row of A, of sums or of results; R5: from one row to the next;",
		"R6: from the last row of the first run to the second; R7: from the last row to the first one's next channels; R8: B;",
		"R9: rounds left; R12, R14: the tile's A and B; both and R7 also scratch")
	b := &qgemmBlock
	c.load("t", "R0", "tiles", "R1")
	c.get(b, "R0", "groups", "R4")
	c.op("MOVW R4>>%d, R5", goasm.Log2(qRound))
	c.op("AND $%d, R4", qRound-1)
	c.op("MOVW R5, %s", qRounds)
	c.op("MOVW R4, %s", qRest)

	c.label("tile")
	c.get(b, "R0", "a", "R4", "b", "R5", "taps", "R6")
	c.fields("A", "R12", "B", "R14", "Tap", "R2", "Taps", "R3", "Rows", "R7")
	c.op("ADD R4, R12")
	c.op("ADD R5, R14")
	c.op("ADD R2<<3, R6, R2")
	c.op("CMP $0, R7")
	c.op("MOVW R7, R9")
	c.op("MOVW.EQ %d(R0), R9", offset(b, "rows"))
	c.op("CMP $1, R9")
	c.op("BNE single")
	c.op("MOVBU %d(R1), R4", qtile.Offset("neighbors"))
	c.op("CMP $0, R4")
	c.op("BEQ single")
	c.op("MOVW %s, R4", c.at("n"))
	c.op("CMP $4, R4")
	c.op("BGE wide")
	c.label("single")
	c.place()
	for r := qRows; r > 1; r-- {
		c.op("CMP $%d, R9", r)
		c.op("BEQ rows%d", r)
	}
	for r := 1; r <= qRows; r++ {
		c.body(r)
	}
	c.label("next")
	c.op("ADD $%d, R1", qtile.Size)
	c.op("MOVW %s, R9", c.at("n"))
	c.op("SUB.S $1, R9")
	c.op("MOVW R9, %s", c.at("n"))
	c.op("BNE tile")
	c.op("RET")
	c.wide()
}

// place sets R4, R5 and R6 to where the sums start, their stride and their second run. It keeps R7
// and R9.
func (c *code) place() {
	b := &qgemmBlock
	c.op("MOVBU %d(R1), R8", qtile.Offset("Start"))
	c.fields("S", "R4", "LDC", "R5", "CRun", "R6")
	c.op("MOVW R5<<2, R5")
	c.op("MOVW R6<<2, R6")
	c.op("CMP $2, R8")
	c.op("BLT shared")
	c.op("MOVW.EQ %d(R1), R4", qtile.Offset("C"))
	c.op("MOVW.EQ %d(R0), R8", offset(b, "c"))
	c.op("MOVW.NE %d(R0), R8", offset(b, "s"))
	c.op("ADD R4<<2, R8, R4")
	c.op("B start")
	c.label("shared")
	c.op("CMP $0, R8")
	c.get(b, "R0", "s", "R8")
	c.op("ADD R4<<2, R8, R4")
	c.op("ADD.EQ $%d, R0, R4", offset(b, "zeros"))
	c.op("MOVW $0, R5")
	c.op("MOVW $0, R6")
	c.label("start")
}

// moveRows moves the tile from or to R4. With a Rows of 0, in R7, there is but one run.
func (c *code) moveRows(name string, rows int) {
	c.acrossRuns(rows)
	for r := range rows {
		c.move(name, 2*r, "R4", step(r, rows, ""))
	}
}

// acrossRuns is across where R7 is 0 for a single run.
func (c *code) acrossRuns(rows int) {
	if rows > 1 {
		c.across(rows)
		c.op("CMP $0, R7")
		c.op("MOVW.EQ R5, R6")
	}
}

// body writes the tile of rows rows.
func (c *code) body(rows int) {
	b := &qgemmBlock
	name := func(what string) string { return fmt.Sprintf("%s_%d", what, rows) }
	c.label(fmt.Sprintf("rows%d", rows))
	c.moveRows("vld1.32 x2", rows)
	c.op("CMP $0, R3")
	c.op("BEQ %s", name("summed"))
	back := "!"
	if rows > 1 {
		back = "R7"
		c.fields("LDA", "R5", "ARun", "R6")
		c.acrossRuns(rows)
		c.back(8, rows)
	}
	c.label(name("tap"))
	c.op("MOVM.IA.W (R2), [R4, R8]")
	c.op("ADD R12, R4")
	c.op("ADD R14, R8")
	c.rounds(name, func() { c.contract(rows, back) }, func() {
		c.move("vld1.8", qB, "R8", "!")
		for r := range rows {
			c.move("vld1.16 []", qA(0)+r, "R4", step(r, rows, back))
		}
		for r := range rows + 2 {
			if r < rows {
				c.word("vmull.s8", qTemps+r%3, qB, qA(0)+r)
			}
			if r >= 2 {
				c.word("vpadal.s16", r-2, qTemps+(r-2)%3)
			}
		}
	}, rows > 1)
	c.op("SUB.S $1, R3")
	c.op("BNE %s", name("tap"))

	c.label(name("summed"))
	c.op("MOVBU %d(R1), R7", qtile.Offset("Requantize"))
	c.op("CMP $0, R7")
	c.op("BNE %s", name("requantize"))
	c.get(b, "R0", "c", "R8")
	c.fields("C", "R4", "LDC", "R5", "CRun", "R6", "Rows", "R7")
	c.op("ADD R4<<2, R8, R4")
	c.op("MOVW R5<<2, R5")
	c.op("MOVW R6<<2, R6")
	c.moveRows("vst1.32 x2", rows)
	c.op("B next")

	c.label(name("requantize"))
	c.constants()
	c.fields("Q", "R4", "LDQ", "R5")
	c.get(b, "R0", "q", "R6")
	c.op("ADD R6, R4")
	c.move("vld1.32 x2", 2*qScale, "R12", "")
	for r := 0; r < rows; r += 2 {
		sums := []int{r, r + 1}[:min(2, rows-r)]
		c.requantize(sums, func(int) int { return qScale })
		for i, s := range sums {
			c.word("vmovn.i32", 2*qTemps+i, s)
		}
		c.word("vmovn.i16", 2*qTemps, qTemps)
		for i := range sums {
			by := "R5"
			if r+i == rows-1 {
				by = ""
			}
			c.move(fmt.Sprintf("vst1.32 %d", i), 2*qTemps, "R4", by)
		}
	}
	c.op("B next")
}

// rounds contracts a tap: whole rounds, then the groups that are left one by one. R7 leads from the
// last row to the next channels if several says so.
func (c *code) rounds(name func(string) string, round, one func(), several bool) {
	c.op("MOVW %s, R9", qRounds)
	c.op("CMP $0, R9")
	c.op("BEQ %s", name("rest"))
	c.label(name("round"))
	round()
	c.op("SUB.S $1, R9")
	c.op("BNE %s", name("round"))
	c.label(name("rest"))
	c.op("MOVW %s, R9", qRest)
	c.op("CMP $0, R9")
	c.op("BEQ %s", name("contracted"))
	if several {
		c.op("SUB $6, R7")
	}
	c.label(name("one"))
	one()
	c.op("SUB.S $1, R9")
	c.op("BNE %s", name("one"))
	if several {
		c.op("ADD $6, R7")
	}
	c.label(name("contracted"))
}

// unit is the products of four pairs of channels with four columns: of the registers a and b of two
// lanes and those that follow them, to the sums in s. then loads what takes the place of a or b.
type unit struct {
	s, b, a int
	then    func()
}

// contractUnits: products of two pairs of channels, at most 2*128*127 each, are added in 16 bits,
// and both neighbors to 32 bits from there. The three steps of a unit lie apart, so that a
// processor that works in order need not wait.
func (c *code) contractUnits(units []unit, temps int) {
	for i := range len(units) + 2 {
		if i < len(units) {
			c.word("vmull.s8", temps+i%3, units[i].b, units[i].a)
		}
		if j := i - 1; j >= 0 && j < len(units) {
			c.word("vmlal.s8", temps+j%3, units[j].b+1, units[j].a+1)
		}
		if j := i - 2; j >= 0 {
			c.word("vpadal.s16", units[j].s, temps+j%3)
		}
		if j := i - 1; j >= 0 && j < len(units) && units[j].then != nil {
			units[j].then()
		}
	}
}

// contract writes a round of rows rows: twice four groups. After the last row of four groups R4
// moves back to the first by way of back.
func (c *code) contract(rows int, back string) {
	all := qRound / 4 * rows
	load := func(i int) { c.move("vld4.16 []", qA(i), "R4", step(i%rows, rows, back)) }
	var units []unit
	for i := range all {
		for half := range 2 {
			units = append(units, unit{i % rows, qB + 2*half, qA(i) + 2*half, func() {
				if i%rows == rows-1 && i < all-1 {
					c.move("vld1.8 x2", qB+2*half, "R8", "!")
				}
				if half == 1 && i+2 < all {
					load(i + 2)
				}
			}})
		}
	}
	c.move("vld1.8 x4", qB, "R8", "!")
	load(0)
	load(1)
	c.contractUnits(units, qTemps)
}

// Vectors of the requantization, q7-q12. Those from q13 on are scratch.
const (
	qSlope = 7
	qHi    = 8
	qLo    = 9
	qMagic = 10
	qZero  = 11
	qScale = 12
)

// constants loads them; R12 becomes the place of the tile's scales.
func (c *code) constants() {
	b := &qgemmBlock
	c.op("ADD $%d, R0, R12", offset(b, "slope"))
	c.move("vld1.32 x4", 2*qSlope, "R12", "!")
	c.move("vld1.32 x4", 2*qLo, "R12", "!")
	c.move("vld1.32 x2", 2*qZero, "R12", "")
	c.fields("Scale", "R12")
	c.get(b, "R0", "scale", "R14")
	c.op("ADD R12<<2, R14, R12")
}

// requantize does to one or two registers of sums what Requantize does, less the narrowing. What is
// a comparison there is one here, which passes over NaN as that does. Subnormal numbers count as 0
// here, which changes no result where the slope is at most 1 in magnitude and not one of them: all
// that is lost is far below a half.
func (c *code) requantize(sums []int, scale func(int) int) {
	each := func(f func(i, s int)) {
		for i, s := range sums {
			f(i, s)
		}
	}
	const t = qTemps
	each(func(_, s int) { c.word("vcvt.f32.s32", s, s) })
	each(func(_, s int) { c.word("vmul.f32", s, s, scale(s)) })
	each(func(i, s int) { c.word("vmul.f32", t+i, s, qSlope) })
	each(func(i, s int) {
		c.word("vcgt.f32", t+2, t+i, s)
		c.word("vbit", s, t+i, t+2)
	})
	each(func(_, s int) { c.word("vmax.f32", s, s, qLo) })
	each(func(i, s int) { c.word("vcgt.f32", t+i, qHi, s) })
	each(func(i, s int) { c.word("vbif", s, qHi, t+i) })
	each(func(_, s int) { c.word("vadd.f32", s, s, qMagic) })
	each(func(_, s int) { c.word("vadd.i32", s, s, qZero) })
}

// wide writes the body for one row of four tiles whose operands follow one another, see QTiles.
func (c *code) wide() {
	b := &qgemmBlock
	name := func(what string) string { return what + "_wide" }
	const (
		weights = 8  // d8-d11, d12-d15
		pairs   = 16 // d16-d19, d20-d23: of A
		temps   = 12 // q12-q14
	)
	c.label("wide")
	c.comment("q0-q3: the sums of the four tiles; R4: A; R5-R8: B of each tile")
	c.op("MOVW %d(R1), R4", qtile.Offset("B"))
	c.op("MOVW %d(R1), R5", qtile.Size+qtile.Offset("B"))
	c.op("SUB R4, R5")
	c.op("MOVW R5, %s", qStep)
	c.op("MOVBU %d(R1), R4", qtile.Offset("Start"))
	c.op("CMP $0, R4")
	c.op("BEQ zero_wide")
	c.fields("S", "R4")
	c.get(b, "R0", "s", "R5")
	c.op("ADD R4<<2, R5, R4")
	c.move("vld1.32 x4", 0, "R4", "!")
	c.move("vld1.32 x4", 4, "R4", "")
	c.op("B taps_wide")
	c.label("zero_wide")
	for v := range 4 {
		c.zero(v)
	}
	c.label("taps_wide")
	c.op("CMP $0, R3")
	c.op("BEQ summed_wide")
	c.label("tap_wide")
	c.op("MOVM.IA.W (R2), [R4, R5]")
	c.op("MOVW %s, R9", qStep)
	c.op("ADD R12, R4")
	c.op("ADD R14, R5")
	c.op("ADD R9, R5, R6")
	c.op("ADD R9, R6, R7")
	c.op("ADD R9, R7, R8")
	c.rounds(name, func() {
		const all = qRound / 4 * 4
		at := func(i int) int { return weights + 4*(i%2) }
		load := func(i int) { c.move("vld1.8 x4", at(i), fmt.Sprintf("R%d", 5+i%4), "!") }
		var units []unit
		for i := range all {
			for half := range 2 {
				units = append(units, unit{i % 4, at(i) + 2*half, pairs + 4*(i/4%2) + 2*half, func() {
					if half == 1 && i+2 < all {
						load(i + 2)
					}
				}})
			}
		}
		c.move("vld4.16 []", pairs, "R4", "!")
		load(0)
		load(1)
		c.move("vld4.16 []", pairs+4, "R4", "!")
		c.contractUnits(units, temps)
	}, func() {
		c.move("vld1.16 []", pairs, "R4", "!")
		for t := range 4 {
			c.move("vld1.8", weights+t, fmt.Sprintf("R%d", 5+t), "!")
		}
		for t := range 4 {
			c.word("vmull.s8", temps+t, weights+t, pairs)
		}
		for t := range 4 {
			c.word("vpadal.s16", t, temps+t)
		}
	}, false)
	c.op("SUB.S $1, R3")
	c.op("BNE tap_wide")

	c.label("summed_wide")
	c.op("MOVBU %d(R1), R7", qtile.Offset("Requantize"))
	c.op("CMP $0, R7")
	c.op("BNE requantize_wide")
	c.fields("C", "R4")
	c.get(b, "R0", "c", "R5")
	c.op("ADD R4<<2, R5, R4")
	c.move("vst1.32 x4", 0, "R4", "!")
	c.move("vst1.32 x4", 4, "R4", "")
	c.op("B next_wide")
	c.label("requantize_wide")
	c.constants()
	c.fields("Q", "R4")
	c.get(b, "R0", "q", "R5")
	c.op("ADD R5, R4")
	const scales = 4 // q4-q6 and q12
	at := func(s int) int { return []int{4, 5, 6, qScale}[s] }
	for s := range 4 {
		c.move("vld1.32 x2", 2*at(s), "R12", "!")
	}
	for s := 0; s < 4; s += 2 {
		c.requantize([]int{s, s + 1}, at)
		c.word("vmovn.i32", 2*scales, s)
		c.word("vmovn.i32", 2*scales+1, s+1)
		c.word("vmovn.i16", s/2, scales)
	}
	c.move("vst1.32 x2", 0, "R4", "")
	c.label("next_wide")
	c.op("ADD $%d, R1", 3*qtile.Size)
	c.op("MOVW %s, R9", c.at("n"))
	c.op("SUB $3, R9")
	c.op("MOVW R9, %s", c.at("n"))
	c.op("B next")
}

// fields fetches fields of the tile: name, register, name, register ...
func (c *code) fields(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVW %d(R1), %s", qtile.Offset(pairs[i]), pairs[i+1])
	}
}
