package main

import "fmt"

var gemmBlock = block{Name: "gemmBlock", Doc: "is a GEMM tile of whole width as its kernel reads it. Strides are in bytes.", Fields: []field{
	{"c", "unsafe.Pointer", ""}, {"a", "unsafe.Pointer", ""}, {"b", "unsafe.Pointer", ""},
	{"start", "unsafe.Pointer", "first row of sums, the same for every row of the tile; nil: start from C"},
	{"rows", "uintptr", ""},
	{"lda", "uintptr", ""}, {"arun", "uintptr", ""}, {"ldc", "uintptr", ""}, {"crun", "uintptr", ""},
	{"slope", "float32", ""},
	{"scale", "unsafe.Pointer", "nil, or eight factors of the columns"},
	{"shift", "unsafe.Pointer", "and their terms"},
}}

const (
	tileRows = 4
	firstB   = 4 // q4-q7
	one      = 0x3f800000
)

func acc(r, j int) int { return 8 + 2*r + j }

// gemm writes the tile of the matrix product; sixteen k make one round of the loop.
func gemm(f *file) {
	gemmOf(f, "", "", false)
	gemmOf(f, "_half", " with B in half precision", true)
}

func gemmOf(f *file, suffix, doc string, half bool) {
	name := "sgemm_neon_4x8" + suffix
	c := f.function(name, 4, []param{{"t", "*gemmBlock"}, {"taps", "*Tap"}, {"n, k", "int"}},
		name+" works like gemmScalar"+doc+" with n taps of k values each and whole rows of C:",
		"C[r,j] = leaky(scale[j] * Σ_taps Σ_k A[tap.A+rowA(r)+k] * B[tap.B+k*8+j] + shift[j], slope), each product rounded.")
	c.comment("q8-q15: the C tile; q0-q3: A, four k of a row in each; q4-q7: B, two k",
		"R0: arguments; R1, R2: next tap, taps left; R3: sixteens of k in a tap; R4: a row of A or C; R5: from one row to the next;",
		"R6: from the last row of the first run to the second; R7: from the last row to the first one's next values; R8: B;",
		"R9: rounds left; R12, R14: A and B")
	const rest = "rest-4(SP)" // of k, beyond sixteens
	b := &gemmBlock
	c.load("t", "R0", "taps", "R1", "n", "R2", "k", "R4")
	c.op("MOVW R4>>4, R3")
	c.op("AND $15, R4")
	c.op("MOVW R4, %s", rest)
	c.get(b, "R0", "a", "R12", "b", "R14", "rows", "R9")
	for r := tileRows; r > 1; r-- {
		c.op("CMP $%d, R9", r)
		c.op("BEQ rows%d", r)
	}
	for rows := 1; rows <= tileRows; rows++ {
		label := func(s string) string { return fmt.Sprintf("%s_%d", s, rows) }
		c.label(fmt.Sprintf("rows%d", rows))
		c.get(b, "R0", "start", "R4")
		c.op("CMP $0, R4")
		c.op("BEQ %s", label("fromC"))
		for r := range rows {
			c.move("vld1.32 x4", 2*acc(r, 0), "R4", "")
		}
		c.op("B %s", label("started"))
		c.label(label("fromC"))
		c.moveC("vld1.32 x4", rows)
		c.label(label("started"))
		c.op("CMP $0, R2")
		c.op("BEQ %s", label("summed"))
		back := "!"
		if rows > 1 {
			back = "R7"
			c.get(b, "R0", "lda", "R5", "arun", "R6")
			c.across(rows)
			c.back(16, rows)
		}

		// loadA loads four k of row r, loadB one k into its pair of registers.
		loadA := func(r int) { c.move("vld1.32 x2", 2*r, "R4", step(r, rows, back)) }
		loadB := func(k int) {
			v := firstB + 2*(k%2)
			if half {
				c.move("vld1.16 x2", 2*v+2, "R8", "!")
				c.word("vcvt.f32.f16", v, 2*v+2)
				c.word("vcvt.f32.f16", v+1, 2*v+3)
			} else {
				c.move("vld1.32 x4", 2*v, "R8", "!")
			}
		}
		products := func(r, k int) {
			v := firstB + 2*(k%2)
			for j := range 2 {
				c.word(fmt.Sprintf("vmla.f32 %d", k%2), acc(r, j), v+j, 2*r+k%4/2)
			}
		}
		// several contracts n k, a multiple of four.
		several := func(n int) {
			loadB(0)
			for r := range rows {
				loadA(r)
			}
			loadB(1)
			for k := range n {
				for r := range rows {
					products(r, k)
					if k%4 == 3 && k+1 < n {
						loadA(r)
					}
				}
				if k+2 < n {
					loadB(k + 2)
				}
			}
		}

		c.label(label("tap"))
		c.op("MOVM.IA.W (R1), [R4, R8]")
		c.op("ADD R4<<2, R12, R4")
		shift := 2 // of float32
		if half {
			shift = 1
		}
		c.op("ADD R8<<%d, R14, R8", shift)
		c.op("MOVW.S R3, R9")
		c.op("BEQ %s", label("fours"))
		c.label(label("sixteen"))
		several(16)
		c.op("SUB.S $1, R9")
		c.op("BNE %s", label("sixteen"))

		c.label(label("fours"))
		c.op("MOVW %s, R9", rest)
		c.op("SUB.S $4, R9")
		c.op("BLT %s", label("ones"))
		c.label(label("four"))
		several(4)
		c.op("SUB.S $4, R9")
		c.op("BGE %s", label("four"))
		c.label(label("ones"))
		c.op("ADD.S $4, R9")
		c.op("BEQ %s", label("contracted"))
		if rows > 1 {
			c.op("SUB $12, R7")
		}
		c.label(label("one"))
		loadB(0)
		for r := range rows {
			c.move("vld1.32 0", 2*r, "R4", step(r, rows, back))
		}
		for r := range rows {
			products(r, 0)
		}
		c.op("SUB.S $1, R9")
		c.op("BNE %s", label("one"))
		if rows > 1 {
			c.op("ADD $12, R7")
		}
		c.label(label("contracted"))
		c.op("SUB.S $1, R2")
		c.op("BNE %s", label("tap"))

		c.label(label("summed"))
		c.get(b, "R0", "scale", "R4")
		c.op("CMP $0, R4")
		c.op("BEQ %s", label("scaled"))
		c.get(b, "R0", "shift", "R5")
		c.move("vld1.32 x4", 0, "R4", "")
		c.move("vld1.32 x4", 4, "R5", "")
		for v := range 2 * rows {
			c.word("vmul.f32", 8+v, 8+v, v%2)
		}
		for v := range 2 * rows {
			c.word("vadd.f32", 8+v, 8+v, 2+v%2)
		}
		c.label(label("scaled"))
		c.get(b, "R0", "slope", "R4")
		c.op("MOVW $%#x, R5", one)
		c.op("CMP R4, R5")
		c.op("BEQ %s", label("store"))
		c.op("ADD $%d, R0, R4", offset(b, "slope"))
		c.move("vld1.32 []", 0, "R4", "")
		for v := range 2 * rows {
			t := 1 + v%3*2
			c.word("vmul.f32", t, 8+v, 0)
			c.word("vclt.f32", t+1, 8+v)
			c.word("vbit", 8+v, t, t+1)
		}
		c.label(label("store"))
		c.moveC("vst1.32 x4", rows)
		c.op("RET")
	}
}

// moveC moves the tile from or to memory.
func (c *code) moveC(name string, rows int) {
	c.get(&gemmBlock, "R0", "c", "R4", "ldc", "R5", "crun", "R6")
	c.across(rows)
	for r := range rows {
		c.move(name, 2*acc(r, 0), "R4", step(r, rows, ""))
	}
}
