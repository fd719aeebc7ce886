package main

import "fmt"

var outerBlock = block{"outerBlock", "is an Outer tile of whole width as its kernel reads it. Strides are in bytes.", []field{
	{"c", "unsafe.Pointer", ""}, {"a", "unsafe.Pointer", ""}, {"b", "unsafe.Pointer", ""},
	{"rows", "uintptr", ""}, {"lda", "uintptr", ""}, {"ldb", "uintptr", ""}, {"ldc", "uintptr", ""},
	{"accumulate", "uintptr", "not 0: start from C"},
}}

// outer writes the tile of the weight gradient: each k is one row of A and one of B.
func outer(f *file) {
	c := f.function("souter_neon_7x8", "", []param{{"t", "*outerBlock"}, {"taps", "*Tap"}, ints("n", "k")},
		"souter_neon_7x8 works like outerScalar with n taps of k values each and whole rows of C:",
		"C[r*ldc+j] (+)= S_taps S_k A[tap.A+k*lda+r] * B[tap.B+k*ldb+j].")
	c.comment("V0-V13: the C tile; V14-V21: rows of A, a pair each; V24-V31: rows of B",
		"R9: A; R4: B; R7, R17: k left; R1, R2: taps; R8: C")
	c.load("t", regBlock, "taps", regTap, "n", regTaps, "k", regK)
	c.get(&outerBlock, regBlock, "a", regBaseA, "b", regBaseB, "lda", regLDA, "ldb", regLDB, "ldc", regLDC, "rows", regTemp)
	c.byRows(func(rows int) {
		name := func(s string) string { return fmt.Sprintf("%s_%d", s, rows) }
		step := func(u int) { // one k
			a, b := firstA+2*u, firstB-4+2*u
			c.op("VLD1.P (%s)(%s), [V%d.S4, V%d.S4]", regB, regLDB, b, b+1)
			c.loadN(rows, rowOfA(0), 0, a)
			c.op("ADD %s, %s", regLDA, rowOfA(0))
			for r := range rows {
				reg, lane := spread(rows, a, r)
				c.word("fmlaE", acc(r, 0), b, reg, lane)
				c.word("fmlaE", acc(r, 1), b+1, reg, lane)
			}
		}
		c.get(&outerBlock, regBlock, "accumulate", regTemp)
		c.op("CBNZ %s, %s", regTemp, name("fromC"))
		for v := range 2 * rows {
			c.zero(v)
		}
		c.op("B %s", name("taps"))
		c.label(name("fromC"))
		c.moveC(&outerBlock, false, rows, false)

		c.label(name("taps"))
		c.op("CBZ %s, %s", regTaps, name("summed"))
		c.tap(false)
		c.op("SUB $1, %s", regTaps)
		c.op("AND $3, %s, %s", regK, regRest)
		c.op("LSR $2, %s, %s", regK, regLeft)
		c.op("CBZ %s, %s", regLeft, name("ones"))
		c.label(name("four"))
		for u := range 4 {
			step(u)
		}
		c.op("SUB $1, %s", regLeft)
		c.op("CBNZ %s, %s", regLeft, name("four"))
		c.label(name("ones"))
		c.op("CBZ %s, %s", regRest, name("taps"))
		c.label(name("one"))
		step(0)
		c.op("SUBS $1, %s, %s", regRest, regRest)
		c.op("BNE %s", name("one"))
		c.op("B %s", name("taps"))
		c.label(name("summed"))
		c.moveC(&outerBlock, true, rows, false)
	})
}
