package main

import "fmt"

const transformSide = 8 // the largest matrix

// transform writes the small transforms of Winograd. Vectors of all columns stay in registers while
// the rows go by.
func transform(to *file) {
	c := to.function("transform_neon", "", []param{pointers("dst"), ints("ds"), pointers("src"), ints("ss", "n"), pointers("m"), ints("rows", "cols")},
		"transform_neon works like transformScalar for i < n, j < rows:", "dst[j*ds+i] = Σ_c m[j*cols+c] * src[c*ss+i].")
	c.comment("V0-V15: columns; V16-V19: sums; V20, V21: a row of m",
		"R0: dst; R1: src; R2: m; R8: elements left; R4, R5: strides; R7: rows left; R9, R10, R11: this row of dst, column of src, row of m")
	c.load("dst", "R0", "ds", "R4", "src", "R1", "ss", "R5", "n", "R8", "m", "R2", "cols", "R12")
	c.op("LSL $2, R4")
	c.op("LSL $2, R5")
	for cols := 1; cols < transformSide; cols++ {
		c.op("CMP $%d, R12", cols)
		c.op("BEQ cols%d", cols)
	}
	for cols := transformSide; cols > 0; cols-- {
		c.label(fmt.Sprintf("cols%d", cols))
		steps := []step{{4, 4}, {1, 4}, {1, 1}}
		if cols > 4 {
			steps[0].vectors = 2
		}
		l := &lanes{code: c}
		c.inSteps("R8", steps, func(s step) {
			l.width = s.width
			x := func(col, j int) int { return col*s.vectors + j }
			c.op("MOVD R1, R10")
			for col := range cols {
				for j := range s.vectors {
					c.op("%s %d(R10), F%d", l.kind(), 16*j, x(col, j))
				}
				if col+1 < cols {
					c.op("ADD R5, R10")
				}
			}
			c.op("MOVD R0, R9")
			c.op("MOVD R2, R11")
			c.load("rows", "R7")
			c.countDown(c.unique("row"), "R7", func() {
				c.loadN(cols, "R11", 0, 20)
				for col := range cols {
					reg, lane := spread(cols, 20, col)
					for j := range s.vectors {
						if col == 0 {
							c.word("fmulE", 16+j, x(col, j), reg, lane)
						} else {
							c.word("fmlaE", 16+j, x(col, j), reg, lane)
						}
					}
				}
				for j := range s.vectors {
					c.op("%s F%d, %d(R9)", l.kind(), 16+j, 16*j)
				}
				c.op("ADD R4, R9")
				c.op("ADD $%d, R11", 4*cols)
			})
			c.op("ADD $%d, R0", 4*s.elements())
			c.op("ADD $%d, R1", 4*s.elements())
		})
		c.op("RET")
	}
}
