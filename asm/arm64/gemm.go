package main

import "fmt"

var gemmBlock = block{Name: "gemmBlock", Doc: "is a GEMM tile of whole width as its kernel reads it. Strides are in bytes.", Fields: []field{
	{"c", "unsafe.Pointer", ""}, {"a", "unsafe.Pointer", ""}, {"b", "unsafe.Pointer", ""},
	{"start", "unsafe.Pointer", "first row of sums, the same for every row of the tile; nil: start from C"},
	{"rows", "uintptr", ""},
	{"lda", "uintptr", ""}, {"arun", "uintptr", ""}, {"ldc", "uintptr", ""}, {"crun", "uintptr", ""},
	{"slope", "float32", "with four unused bytes behind it"},
	{"scale", "unsafe.Pointer", "nil, or eight factors of the columns"},
	{"shift", "unsafe.Pointer", "and their terms"},
	{"panels", "uintptr", "one after the other; c, start, scale and shift move on with them"},
	{"ldb", "uintptr", "from panel to panel"},
	{"startStep", "uintptr", "of start, from panel to panel"},
}}

// gemm writes the tile of the matrix product. Rows of A stream through a pointer each; sixteen k
// make one round of the loop.
func gemm(f *file) {
	gemmOf(f, "sgemm_neon_7x8", "", false, false)
	gemmOf(f, "sgemm_neon_7x8_half", " with B in half precision", true, false)
	gemmOf(f, "sgemm_a53_7x8", " and is made for the Cortex-A53", false, true)
}

// gemmOf writes one of them: whether B is in half precision, and whether the tiles of many rows
// load vectors in halves.
func gemmOf(f *file, name, doc string, half, inHalves bool) {
	c := f.function(name, "", []param{{"t", "*gemmBlock"}, {"taps", "*Tap"}, ints("n", "k")},
		name+" works like gemmScalar"+doc+" with n taps of k values each and whole rows of C:",
		"C[r,j] = leaky(scale[j] * Σ_taps Σ_k A[tap.A+rowA(r)+k] * B[tap.B+k*8+j] + shift[j], slope).")
	loadB := func(rows int) { // of B, one or two k
		switch {
		case !half && rows == 2:
			c.op("VLD1.P 64(%s), [V28.S4, V29.S4, V30.S4, V31.S4]", regB)
		case !half:
			c.op("FLDPQ.P 32(%s), (F28, F29)", regB)
		case rows == 2:
			c.op("FLDPQ.P 32(%s), (F30, F31)", regB)
			c.word("fcvtl", 28, 30)
			c.word("fcvtl2", 29, 30)
			c.word("fcvtl", 30, 31)
			c.word("fcvtl2", 31, 31)
		default:
			c.op("FMOVQ.P 16(%s), F28", regB)
			c.word("fcvtl2", 29, 28)
			c.word("fcvtl", 28, 28)
		}
	}
	c.comment("V0-V13: the C tile; V14-V27: A, eight k of a row in a pair; V28-V31: B, two k",
		"R9-R15: rows of A; R4: B; R7: k left; R1, R2: taps; R8: C")
	c.load("t", regBlock, "taps", regTap, "n", regTaps, "k", regK)
	c.get(&gemmBlock, regBlock, "a", regBaseA, "b", regBaseB, "lda", regLDA, "arun", regARun, "ldc", regLDC, "crun", regCRun, "rows", regTemp)
	c.op("AND $15, %s, %s", regK, regRest)
	c.op("LSR $4, %s, %s", regK, regSixteens)
	c.byRows(func(rows int) {
		label := func(s string) string { return fmt.Sprintf("%s_%d", s, rows) }
		pair := func(r int) int { return firstA + 2*r }
		products := func(b, r, reg, lane int) {
			c.word("fmlaE", acc(r, 0), b, reg, lane)
			c.word("fmlaE", acc(r, 1), b+1, reg, lane)
		}
		c.get(&gemmBlock, regBlock, "start", regC)
		c.op("CBZ %s, %s", regC, label("fromC"))
		c.op("FLDPQ (%s), (F0, F1)", regC)
		for r := 1; r < rows; r++ {
			c.mov(acc(r, 0), 0)
			c.mov(acc(r, 1), 1)
		}
		c.op("B %s", label("taps"))
		c.label(label("fromC"))
		c.moveC(&gemmBlock, false, rows, true)

		c.label(label("taps"))
		c.op("CBZ %s, %s", regTaps, label("summed"))
		c.tap(half)
		c.rowsOfA(rows, regLDA, regARun)
		c.op("SUB $1, %s", regTaps)
		c.op("MOVD %s, %s", regSixteens, regLeft)
		eight := func() {
			for r := range rows {
				c.op("FLDPQ.P 32(%s), (F%d, F%d)", rowOfA(r), pair(r), pair(r)+1)
			}
			for k := 0; k < 8; k += 2 {
				loadB(2)
				for u := range 2 {
					for r := range rows {
						products(firstB+2*u, r, pair(r)+(k+u)/4, (k+u)%4)
					}
				}
			}
		}
		c.op("CBZ %s, %s", regLeft, label("eight"))
		if inHalves && rows >= 5 { // fewer products have no room for the loads
			c.sixteenInHalves(rows, label)
		} else {
			c.countDown(label("sixteen"), regLeft, func() {
				eight()
				eight()
			})
		}

		c.label(label("eight"))
		c.op("CBZ %s, %s", regRest, label("taps"))
		c.op("TBZ $3, %s, %s", regRest, label("four"))
		eight()

		c.label(label("four"))
		c.op("TBZ $2, %s, %s", regRest, label("ones"))
		for r := range rows {
			c.op("FMOVQ.P 16(%s), F%d", rowOfA(r), pair(r))
		}
		for k := 0; k < 4; k += 2 {
			loadB(2)
			for u := range 2 {
				for r := range rows {
					products(firstB+2*u, r, pair(r), k+u)
				}
			}
		}

		c.label(label("ones"))
		c.op("ANDS $3, %s, %s", regRest, regLeft)
		c.op("BEQ %s", label("taps"))
		c.label(label("one"))
		loadB(1)
		for r := range rows {
			c.op("FMOVS.P 4(%s), F%d", rowOfA(r), pair(r))
		}
		for r := range rows {
			products(firstB, r, pair(r), 0)
		}
		c.op("SUBS $1, %s, %s", regLeft, regLeft)
		c.op("BNE %s", label("one"))
		c.op("B %s", label("taps"))

		c.label(label("summed"))
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "scale"), regBlock, regTemp)
		c.op("CBZ %s, %s", regTemp, label("scaled"))
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "shift"), regBlock, regLeft)
		c.op("FLDPQ (%s), (F28, F29)", regTemp)
		c.op("FLDPQ (%s), (F30, F31)", regLeft)
		for v := range 2 * rows { // a fused multiply-add replaces its term
			c.mov(firstA+v%8, 30+v%2)
			c.fmla(firstA+v%8, v, 28+v%2)
			c.mov(v, firstA+v%8)
		}
		c.label(label("scaled"))
		c.op("MOVWU %d(%s), %s", offset(&gemmBlock, "slope"), regBlock, regTemp)
		c.op("MOVD $0x3f800000, %s", regLeft)
		c.op("CMP %s, %s", regLeft, regTemp)
		c.op("BEQ %s", label("store"))
		c.op("VDUP %s, V14.S4", regTemp)
		for v := range 2 * rows {
			t := 16 + v%6*2
			c.word("fmul", t, v, 14)
			c.word("fcmlt0", t+1, v)
			c.bit(v, t, t+1)
		}
		c.label(label("store"))
		c.moveC(&gemmBlock, true, rows, true)
		move := func(field, by string) {
			c.op("MOVD %d(%s), %s", offset(&gemmBlock, field), regBlock, regLeft)
			c.op("ADD %s, %s", by, regLeft)
			c.op("MOVD %s, %d(%s)", regLeft, offset(&gemmBlock, field), regBlock)
		}
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "panels"), regBlock, regTemp)
		c.op("SUBS $1, %s, %s", regTemp, regTemp)
		c.op("BEQ %s", label("done"))
		c.op("MOVD %s, %d(%s)", regTemp, offset(&gemmBlock, "panels"), regBlock)
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "ldb"), regBlock, regTemp)
		c.op("ADD %s, %s", regTemp, regBaseB)
		move("c", fmt.Sprintf("$%d", 4*tileCols))
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "startStep"), regBlock, regTemp)
		move("start", regTemp)
		c.op("MOVD %d(%s), %s", offset(&gemmBlock, "scale"), regBlock, regTemp)
		c.op("CBZ %s, %s", regTemp, label("again"))
		move("scale", fmt.Sprintf("$%d", 4*tileCols))
		move("shift", fmt.Sprintf("$%d", 4*tileCols))
		c.label(label("again"))
		c.load("taps", regTap, "n", regTaps)
		c.op("B rows%d", rows)
		c.label(label("done"))
	})
}

// sixteenInHalves is the loop over sixteen k for the Cortex-A53. A round loads what the next one
// begins with, four k of A and one of B: the last round loads its own again.
func (c *code) sixteenInHalves(rows int, label func(string) string) {
	a := func(r, k int) int { return firstA + 2*r + k/4%2 }
	b := func(k, j int) int { return firstB + 2*(k%2) + j }
	each := 2 * rows // products of a k, first those of the first vector of B
	var begin, loads []halves
	for k := 4; k <= 16; k += 4 {
		for r := range rows {
			l := c.inHalves(rowOfA(r), a(r, k))
			l.from, l.until = (k-4)*each, k*each+r
			if k == 16 {
				l.before = func() { c.op("SUB %s, %s", regBack, rowOfA(r)) }
				begin = append(begin, l)
			}
			loads = append(loads, l)
		}
	}
	for k := 1; k <= 16; k++ {
		for j := range 2 {
			l := c.inHalves(regB, b(k, j))
			l.from, l.until = max(0, (k-2)*each+(j+1)*rows), k*each+j*rows
			if k == 16 {
				if j == 0 {
					l.before = func() { c.op("SUB %s<<3, %s", regBack, regB) }
				}
				begin = append(begin, l)
			}
			loads = append(loads, l)
		}
	}
	c.loadNow(begin)
	c.op("MOVD $64, %s", regTemp)
	c.label(label("sixteen"))
	c.interleave(16*each, productsApart, func(i int) {
		k, j, r := i/each, i/rows%2, i%rows
		c.word("fmlaE", acc(r, j), b(k, j), a(r, k), k%4)
	}, loads,
		func() { c.op("SUBS $1, %s, %s", regLeft, regLeft) },
		func() { c.op("CSEL EQ, %s, ZR, %s", regTemp, regBack) })
	c.op("BNE %s", label("sixteen"))
	c.op("CBZ %s, %s", regRest, label("taps"))
	for r := range rows {
		c.op("ADD $48, %s", rowOfA(r))
	}
	c.op("ADD $%d, %s", 15*4*tileCols, regB)
}
