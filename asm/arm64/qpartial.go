package main

// partial writes what moves tiles of fewer than eight columns between their place and the
// arguments' own buffer, element by element: R7 rows of Cols.
func (s *qset) partial(c *code) {
	b := &qgemmBlock
	// copies: R8 columns; R9 here, R10 there; R11: here at the second run; R12: rows of the first
	// run left; each row is 4 or 1 bytes.
	rows := func(label, load, store string, size int, in bool) {
		c.op("ADD $1, %s, R12", qLeft)
		c.op("LSR $1, R12")
		c.op("ADD %s, R9, R11", qCRun)
		c.label(label)
		c.op("CBNZ R12, %sRun", label)
		c.op("MOVD R11, R9")
		c.label(label + "Run")
		c.op("SUB $1, R12")
		c.op("MOVD $0, R13")
		from, to := "(R9)(R13)", "(R10)(R13)"
		if size == 4 {
			from, to = "(R9)(R13<<2)", "(R10)(R13<<2)"
		}
		if !in {
			from, to = to, from
		}
		c.op("CBZ R8, %sDone", label)
		c.label(label + "Column")
		c.op("%s %s, R14", load, from)
		c.op("%s R14, %s", store, to)
		c.op("ADD $1, R13")
		c.op("CMP R8, R13")
		c.op("BLT %sColumn", label)
		c.label(label + "Done")
		c.op("ADD %s, R9", qLDC)
		c.op("ADD $%d, R10", 8*size)
		c.op("SUB $1, R15")
		c.op("CBNZ R15, %s", label)
	}
	// strides gets R23 and R24 back.
	strides := func(label string) {
		c.fields("LDC", qLDC, qCRun)
		c.field("Rows", qTemp)
		c.op("CBNZ %s, %s", qTemp, label)
		c.op("ADD $1, %s, %s", qLeft, qTemp)
		c.op("LSR $1, %s", qTemp)
		c.op("MUL %s, %s, %s", qTemp, qLDC, qCRun)
		c.label(label)
		c.op("LSL $2, %s", qLDC)
		c.op("LSL $2, %s", qCRun)
	}
	tile := func(to string) { c.op("ADD $%d, %s, %s", offset(b, "tile"), qArgs, to) }

	c.label("partialStart")
	c.op("MOVD %s, R9", qPlace)
	tile(qPlace)
	c.op("MOVD %s, R10", qPlace)
	c.op("MOVD %s, R15", qLeft)
	rows("load", "MOVW", "MOVW", 4, true)
	c.op("ADD $1, %s, %s", qLeft, qTemp2)
	c.op("LSR $1, %s", qTemp2)
	c.op("LSL $5, %s", qTemp2)
	c.op("MOVD $32, %s", qTemp)
	c.op("B start")

	c.label("partialC")
	strides("stridesC")
	c.field("Cols", qB)
	c.field("C", "R9")
	c.get(b, qArgs, "c", qTemp)
	c.op("ADD R9<<2, %s, R9", qTemp)
	tile("R10")
	c.op("MOVD %s, R15", qLeft)
	rows("spill", "MOVW", "MOVW", 4, false)
	c.op("B next")

	c.label("partialQ")
	c.field("LDQ", qLDC)
	c.op("ADD $1, %s, %s", qLeft, qTemp)
	c.op("LSR $1, %s", qTemp)
	c.op("MUL %s, %s, %s", qTemp, qLDC, qCRun)
	c.field("Cols", qB)
	c.field("Q", "R9")
	c.get(b, qArgs, "q", qTemp)
	c.op("ADD %s, R9", qTemp)
	tile("R10")
	c.op("MOVD %s, R15", qLeft)
	rows("bytes", "MOVB", "MOVB", 1, false)
	c.op("B next")
}
