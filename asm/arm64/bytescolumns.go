package main

// columns writes a loop over eight columns at a time, R8 in all, and in it one over R5 rows, which
// are R3 and R4 bytes apart in dst, R0, and x, R1. params are pointers to numbers of columns.
func (c *code) columns(name string, params []string, before, row, after func()) {
	c.label(name + "Columns")
	before()
	c.op("MOVD R0, R9")
	c.op("MOVD R1, R10")
	c.op("MOVD R5, R11")
	c.label(name + "Row")
	row()
	c.op("ADD R3, R9")
	c.op("ADD R4, R10")
	c.op("SUBS $1, R11")
	c.op("BNE %sRow", name)
	after()
	c.op("ADD $8, R0")
	c.op("ADD $8, R1")
	for _, p := range params {
		c.op("ADD $32, %s", p)
	}
	c.op("SUBS $8, R8")
	c.op("BNE %sColumns", name)
}

func affineBytes(f *file) {
	c := bytesKernel(f, "affine", []param{
		bytePointers("dst"), ints("ds"), bytePointers("x"), ints("xs", "rows", "n"), {"weight, bias, slope, shift", "*int32"}, words("zero"),
	}, "v = x[r*xs+c]*weight[c] + bias[c], v*slope[c] >> 16 if v < 0; dst[r*ds+c] = byte((v >> (shift[c]-1) + 1) >> 1, zero).")
	c.comment("R0, R9: dst, this row's; R3: ds; R1, R10: x, this row's; R4: xs; R5, R11: rows, rows left; R8: columns left",
		"R12, R13, R14, R15: weight, bias, slope, shift", "V16-V23: those, a pair each, shift negative; V24: 0; V25: zero")
	c.load("dst", "R0", "ds", "R3", "x", "R1", "xs", "R4", "rows", "R5", "n", "R8",
		"weight", "R12", "bias", "R13", "slope", "R14", "shift", "R15")
	c.everyShort("zero", 25)
	c.zero(24)
	c.op("CBZ R14, linear")
	write := func(name string, leaky bool) {
		params := []string{"R12", "R13", "R15"}
		if leaky {
			params = append(params, "R14")
		}
		c.columns(name, params, func() {
			c.op("FLDPQ (R12), (F16, F17)")
			c.op("FLDPQ (R13), (F18, F19)")
			c.op("FLDPQ (R15), (F22, F23)")
			c.word("negS", 22, 22)
			c.word("negS", 23, 23)
			if leaky {
				c.op("FLDPQ (R14), (F20, F21)")
			}
		}, func() {
			c.widen("R10", 0)
			c.mov(2, 18)
			c.mov(3, 19)
			c.pairs("mla", 2, 0, 16)
			if leaky {
				for i := range 2 {
					v, slope := 2+i, 20+i
					c.word("smin", 4, v, 24)
					c.word("smullD", 5, 4, slope)
					c.word("smull2D", 6, 4, slope)
					c.word("smax", v, v, 24)
					c.word("shrn16", 4, 5)
					c.word("shrn16to2", 4, 6)
					c.word("addS", v, v, 4)
				}
			}
			c.pairs("srshl", 2, 2, 22)
			c.narrow(2, 25, "R9")
		}, func() {})
		c.op("RET")
	}
	write("leaky", true)
	c.label("linear")
	write("plain", false)
}

func momentsBytes(f *file) {
	c := bytesKernel(f, "moments", []param{{"sum, squares", "*int32"}, bytePointers("x"), ints("xs", "rows", "n")},
		"sum[c] += x[r*xs+c], squares[c] += x[r*xs+c]^2.")
	c.comment("R1, R10: x, this row's; R4: xs; R5, R11: rows, rows left; R8: columns left; R12, R13: sum, squares", "V16-V19: sums and squares")
	c.load("sum", "R12", "squares", "R13", "x", "R1", "xs", "R4", "rows", "R5", "n", "R8")
	c.op("MOVD $0, R0")
	c.op("MOVD $0, R3")
	c.columns("sum", []string{"R12", "R13"}, func() {
		c.op("FLDPQ (R12), (F16, F17)")
		c.op("FLDPQ (R13), (F18, F19)")
	}, func() {
		c.widen("R10", 0)
		c.pairs("addS", 16, 16, 0)
		c.pairs("mla", 18, 0, 0)
	}, func() {
		c.op("FSTPQ (F16, F17), (R12)")
		c.op("FSTPQ (F18, F19), (R13)")
	})
	c.op("RET")
}

func meanBytes(f *file) {
	params := append([]param{bytePointers("dst, src"), ints("n", "stride"), {"terms", "*ByteTerm"}, ints("count")}, scaleParams...)
	params[len(params)-1] = words("end, first")
	c := bytesKernel(f, "mean", params,
		"v = first + weight*src[from*stride+i] over the terms; dst[i] = byte((v*m + base) >> shift, end).", "Weights are int16.")
	c.comment("R0: dst; R1: src; R8: elements left; R3: stride; R4, R5: terms, their number; R9, R10: term, terms left; R11: row of src", "V16: first")
	c.load("dst", "R0", "src", "R1", "n", "R8", "stride", "R3", "terms", "R4", "count", "R5")
	c.scaleArgs()
	c.everyWord("first", 16)
	c.eights("loop", []string{"R0", "R1"}, func() {
		c.mov(2, 16)
		c.mov(3, 16)
		c.op("MOVD R4, R9")
		c.op("MOVD R5, R10")
		c.countDown("term", "R10", func() {
			c.op("MOVW.P 4(R9), R11")
			c.op("MOVW.P 4(R9), R12")
			c.op("MUL R3, R11")
			c.op("ADD R1, R11")
			c.op("VDUP R12, V4.S4")
			c.widen("R11", 0)
			c.both("mla", 2, 0, 4)
		})
		c.scaled(2, 4)
		c.narrow(2, -1, "R0")
	})
	c.op("RET")
}
