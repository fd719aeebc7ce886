package main

import "fmt"

var gemmBlock = block{"gemmBlock", "is a GEMM tile of whole width as its kernel reads it. Strides are in bytes.", []field{
	{"c", "unsafe.Pointer", ""}, {"a", "unsafe.Pointer", ""}, {"b", "unsafe.Pointer", ""},
	{"start", "unsafe.Pointer", "first row of sums, the same for every row of the tile; nil: start from C"},
	{"rows", "uintptr", ""},
	{"lda", "uintptr", ""}, {"arun", "uintptr", ""}, {"ldc", "uintptr", ""}, {"crun", "uintptr", ""},
	{"slope", "float32", "with four unused bytes behind it"},
}}

// gemm writes the tile of the matrix product. Rows of A stream through a pointer each; eight k make one round of the loop.
func gemm(f *file) {
	c := f.function("sgemm_neon_7x8", "", []param{{"t", "*gemmBlock"}, {"taps", "*Tap"}, ints("n", "k")},
		"sgemm_neon_7x8 works like gemmScalar with n taps of k values each and whole rows of C:",
		"C[r,j] = leaky(S_taps S_k A[tap.A+rowA(r)+k] * B[tap.B+k*8+j], slope).")
	c.comment("V0-V13: the C tile; V14-V27: A, eight k of a row in a pair; V28-V31: B, two k",
		"R9-R15: rows of A; R4: B; R7: k left; R1, R2: taps; R8: C")
	c.load("t", regBlock, "taps", regTap, "n", regTaps, "k", regK)
	c.get(&gemmBlock, regBlock, "a", regBaseA, "b", regBaseB, "lda", regLDA, "arun", regARun, "ldc", regLDC, "crun", regCRun, "rows", regTemp)
	c.byRows(func(rows int) {
		name := func(s string) string { return fmt.Sprintf("%s_%d", s, rows) }
		pair := func(r int) int { return firstA + 2*r }
		products := func(b, r, reg, lane int) {
			c.word("fmlaE", acc(r, 0), b, reg, lane)
			c.word("fmlaE", acc(r, 1), b+1, reg, lane)
		}
		c.get(&gemmBlock, regBlock, "start", regC)
		c.op("CBZ %s, %s", regC, name("fromC"))
		c.op("FLDPQ (%s), (F0, F1)", regC)
		for r := 1; r < rows; r++ {
			c.mov(acc(r, 0), 0)
			c.mov(acc(r, 1), 1)
		}
		c.op("B %s", name("taps"))
		c.label(name("fromC"))
		c.moveC(&gemmBlock, false, rows, true)

		c.label(name("taps"))
		c.op("CBZ %s, %s", regTaps, name("summed"))
		c.tap()
		for r := 1; r < rows; r++ {
			if r == firstRun(rows) {
				c.op("ADD %s, %s, %s", regARun, rowOfA(0), rowOfA(r))
			} else {
				c.op("ADD %s, %s, %s", regLDA, rowOfA(r-1), rowOfA(r))
			}
		}
		c.op("SUB $1, %s", regTaps)
		c.op("AND $7, %s, %s", regK, regRest)
		c.op("LSR $3, %s, %s", regK, regLeft)
		c.op("CBZ %s, %s", regLeft, name("four"))

		c.label(name("eight"))
		for r := range rows {
			c.op("FLDPQ.P 32(%s), (F%d, F%d)", rowOfA(r), pair(r), pair(r)+1)
		}
		for k := 0; k < 8; k += 2 {
			c.op("VLD1.P 64(%s), [V28.S4, V29.S4, V30.S4, V31.S4]", regB)
			for u := range 2 {
				for r := range rows {
					products(firstB+2*u, r, pair(r)+(k+u)/4, (k+u)%4)
				}
			}
		}
		c.op("SUB $1, %s", regLeft)
		c.op("CBNZ %s, %s", regLeft, name("eight"))

		c.label(name("four"))
		c.op("TBZ $2, %s, %s", regRest, name("ones"))
		for r := range rows {
			c.op("FMOVQ.P 16(%s), F%d", rowOfA(r), pair(r))
		}
		for k := 0; k < 4; k += 2 {
			c.op("VLD1.P 64(%s), [V28.S4, V29.S4, V30.S4, V31.S4]", regB)
			for u := range 2 {
				for r := range rows {
					products(firstB+2*u, r, pair(r), k+u)
				}
			}
		}

		c.label(name("ones"))
		c.op("ANDS $3, %s, %s", regRest, regRest)
		c.op("BEQ %s", name("taps"))
		c.label(name("one"))
		c.op("FLDPQ.P 32(%s), (F28, F29)", regB)
		for r := range rows {
			c.op("FMOVS.P 4(%s), F%d", rowOfA(r), pair(r))
		}
		for r := range rows {
			products(firstB, r, pair(r), 0)
		}
		c.op("SUBS $1, %s, %s", regRest, regRest)
		c.op("BNE %s", name("one"))
		c.op("B %s", name("taps"))

		c.label(name("summed"))
		c.op("MOVWU %d(%s), %s", gemmBlock.offset("slope"), regBlock, regTemp)
		c.op("MOVD $0x3f800000, %s", regLeft)
		c.op("CMP %s, %s", regLeft, regTemp)
		c.op("BEQ %s", name("store"))
		c.op("VDUP %s, V14.S4", regTemp)
		for v := range 2 * rows {
			t := 16 + v%6*2
			c.word("fmul", t, v, 14)
			c.word("fcmlt0", t+1, v)
			c.bit(v, t, t+1)
		}
		c.label(name("store"))
		c.moveC(&gemmBlock, true, rows, true)
	})
}
