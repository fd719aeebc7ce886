package main

// gather writes sums of elements picked by index, sixteen sums at a time in two halves: there is no
// vector load of scattered elements.
func gather(f *file) {
	c := f.function("gather_neon", "", []param{{"dst, start, src, index, terms", "*int32"}, ints("groups")},
		"gather_neon works like gatherScalar, for i < groups, groups at least 1:",
		"dst[16*i+l] = start[16*i+l] + sum of src[index] over terms[i] rows of 16.")
	c.comment("R0: dst; R1: start; R2: src; R3: index; R4: terms; R5: groups left; R6: terms of this group; R7: terms left",
		"R8-R15: sums; R16: index; R17, R19-R25: elements")
	c.load("dst", "R0", "start", "R1", "src", "R2", "index", "R3", "terms", "R4", "groups", "R5")
	sums := []string{"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
	values := []string{"R17", "R19", "R20", "R21", "R22", "R23", "R24", "R25"}
	c.label("group")
	c.op("MOVW.P 4(R4), R6")
	for half := range 2 {
		term, done := c.unique("term"), c.unique("done")
		for i := 0; i < 8; i += 2 {
			c.op("LDPSW %d(R1), (%s, %s)", 32*half+4*i, sums[i], sums[i+1])
		}
		c.op("CBZ R6, %s", done)
		c.op("MOVD R6, R7")
		c.op("ADD $%d, R3, R16", 32*half)
		c.label(term)
		for i := 0; i < 8; i += 2 {
			c.op("LDPSW %d(R16), (%s, %s)", 4*i, values[i], values[i+1])
		}
		for _, v := range values {
			c.op("MOVW (R2)(%s<<2), %s", v, v)
		}
		for i, v := range values {
			c.op("ADDW %s, %s", v, sums[i])
		}
		c.op("ADD $64, R16")
		c.op("SUB $1, R7")
		c.op("CBNZ R7, %s", term)
		c.label(done)
		for i := 0; i < 8; i += 2 {
			c.op("STPW (%s, %s), %d(R0)", sums[i], sums[i+1], 32*half+4*i)
		}
	}
	c.op("ADD R6<<6, R3")
	c.op("ADD $64, R0")
	c.op("ADD $64, R1")
	c.op("SUB $1, R5")
	c.op("CBNZ R5, group")
	c.op("RET")
}
