package main

import (
	"fmt"
	"slices"
)

var outerBlock = block{Name: "outerBlock", Doc: "is an Outer tile of whole width as its kernel reads it. Strides are in bytes.", Fields: []field{
	{"c", "unsafe.Pointer", ""}, {"a", "unsafe.Pointer", ""}, {"b", "unsafe.Pointer", ""},
	{"rows", "uintptr", ""}, {"lda", "uintptr", ""}, {"ldb", "uintptr", ""}, {"ldc", "uintptr", ""},
	{"accumulate", "uintptr", "not 0: start from C"},
}}

// outer writes the tile of the weight gradient: each k is one row of A and one of B.
func outer(f *file) {
	outerOf(f, "souter_neon_7x8", "", false)
	outerOf(f, "souter_a53_7x8", " and is made for the Cortex-A53", true)
}

// outerOf writes one of them: whether the tiles of many rows load vectors in halves.
func outerOf(f *file, name, doc string, inHalves bool) {
	c := f.function(name, "", []param{{"t", "*outerBlock"}, {"taps", "*Tap"}, ints("n", "k")},
		name+" works like outerScalar"+doc+" with n taps of k values each and whole rows of C:",
		"C[r*ldc+j] (+)= Σ_taps Σ_k A[tap.A+k*lda+r] * B[tap.B+k*ldb+j].")
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
		if inHalves && rows >= 5 { // fewer products have no room for the loads
			c.fourInHalves(rows, name)
		} else {
			c.countDown(name("four"), regLeft, func() {
				for u := range 4 {
					step(u)
				}
			})
		}
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

// Registers of fourInHalves: how far A and B go on to the fifth k, which is the next round's first
// or again the last round's own.
const (
	regStepA = "R10"
	regStepB = "R11"
	regBackA = "R12"
	regBackB = "R13"
)

// fourInHalves is the loop over four k for the Cortex-A53. A round loads the next one's first two:
// the last round loads its own again.
func (c *code) fourInHalves(rows int, label func(string) string) {
	a := func(k int) int { return firstA + k%4*2 }
	b := func(k int) int { return firstB - 4 + k%4*2 }
	narrow := map[int]string{5: "FMOVS", 6: "FMOVD"} // the rows beyond four
	last := func(r int) (reg, lane int) {
		if rows == tileRows {
			return spread(rows, 0, r)
		}
		return r / 4, r % 4
	}
	whole := func(v int, base string, at int) halves {
		return halves{
			v: v, low: func() { c.op("FMOVD %d(%s), F%d", at, base, v) },
			high: func(to string) { c.op("MOVD %d(%s), %s", at+8, base, to) },
		}
	}
	each := 2 * rows     // products of a k
	var loads [][]halves // of each k
	for k := 2; k < 6; k++ {
		stepA, stepB := regLDA, regLDB
		if k == 4 {
			stepA, stepB = regStepA, regStepB
		}
		beyond := whole(a(k)+1, rowOfA(0), 4*(rows-4))
		if op := narrow[rows]; op != "" {
			beyond.low, beyond.high = func() { c.op("%s 16(%s), F%d", op, rowOfA(0), a(k)+1) }, nil
		}
		four := []halves{whole(a(k), rowOfA(0), 0), whole(b(k), regB, 0), beyond, whole(b(k)+1, regB, 16)}
		four[0].before = func() { c.op("ADD %s, %s", stepA, rowOfA(0)) }
		four[1].before = func() { c.op("ADD %s, %s", stepB, regB) }
		for i := range four {
			four[i].from, four[i].until = max(1, (k-3)*each), k*each+[]int{0, 0, 4, rows}[i]
		}
		loads = append(loads, four)
	}
	c.loadNow(loads[2]) // the fifth k's registers are the first one's
	c.op("ADD %s, %s", regLDA, rowOfA(0))
	c.op("ADD %s, %s", regLDB, regB)
	c.loadNow(loads[3])
	back := func(step, to string) {
		c.op("NEG %s<<1, %s", step, to)
		c.op("SUB %s, %s", step, to)
	}
	back(regLDA, regBackA)
	back(regLDB, regBackB)
	every := 0
	if rows == tileRows { // fewer products leave no place empty
		every = productsApart
	}
	c.label(label("four"))
	c.interleave(4*each, every, func(i int) {
		k, j, r := i/each, i/rows%2, i%rows
		reg, lane := last(r)
		c.word("fmlaE", acc(r, j), b(k)+j, a(k)+reg, lane)
	}, slices.Concat(loads...),
		func() { c.op("SUBS $1, %s, %s", regLeft, regLeft) },
		func() { c.op("CSEL EQ, %s, %s, %s", regBackA, regLDA, regStepA) },
		func() { c.op("CSEL EQ, %s, %s, %s", regBackB, regLDB, regStepB) })
	c.op("BNE %s", label("four"))
	c.op("SUB %s, %s", regBackA, rowOfA(0))
	c.op("SUB %s, %s", regBackB, regB)
}
