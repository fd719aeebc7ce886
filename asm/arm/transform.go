package main

import "fmt"

const transformSide = 8 // the largest matrix

// transform writes the small transforms of Winograd. Four elements of all columns stay in registers
// while the rows go by in pairs.
func transform(f *file) {
	c := f.function("transform_neon", 0, []param{{"dst", "*float32"}, {"ds", "int"}, {"src", "*float32"}, {"ss, n", "int"}, {"m", "*float32"}, {"rows, cols", "int"}},
		"transform_neon works like transformScalar for i < n, j < rows:", "dst[j*ds+i] = Σ_c m[j*cols+c] * src[c*ss+i], each product rounded.")
	c.comment("d0-d7: two rows of m; q4-q11: columns; q12, q13: sums",
		"R0: dst; R1: src; R2: m; R4, R5: strides; R6: rows; R8: elements left; R3, R7, R9: this row of dst, column of src, row of m; R12: rows left")
	c.load("dst", "R0", "ds", "R4", "src", "R1", "ss", "R5", "n", "R8", "m", "R2", "rows", "R6", "cols", "R12")
	c.op("MOVW R4<<2, R4")
	c.op("MOVW R5<<2, R5")
	for cols := 1; cols < transformSide; cols++ {
		c.op("CMP $%d, R12", cols)
		c.op("BEQ cols%d", cols)
	}
	for cols := transformSide; cols > 0; cols-- {
		c.label(fmt.Sprintf("cols%d", cols))
		c.transformWidth(cols, 4)
		c.transformWidth(cols, 1)
		c.op("RET")
	}
}

// transformWidth writes the loop that takes width elements at a time, 4 or 1.
func (c *code) transformWidth(cols, width int) {
	label := func(s string) string { return fmt.Sprintf("%s_%dx%d", s, cols, width) }
	lanes := map[int]string{4: " x2", 1: " 0"}[width]
	const columns, sums = 4, 12
	// some writes rows rows of the matrix.
	some := func(rows int) {
		left := rows * cols
		for at := 0; left > 1; { // pairs of elements
			n := min(4, left/2)
			c.move([]string{"", "vld1.32", "vld1.32 x2", "vld1.32 x3", "vld1.32 x4"}[n], at, "R9", "!")
			at, left = at+n, left-2*n
		}
		if left == 1 {
			c.move("vld1.32 0", rows*cols/2, "R9", "!")
		}
		for col := range cols {
			for r := range rows {
				name, e := "vmla.f32", r*cols+col
				if col == 0 {
					name = "vmul.f32"
				}
				c.word(fmt.Sprintf("%s %d", name, e%2), sums+r, columns+col, e/2)
			}
		}
		for r := range rows {
			c.move("vst1.32"+lanes, 2*(sums+r), "R3", "R4")
		}
	}
	c.label(label("some"))
	c.op("SUB.S $%d, R8", width)
	c.op("BLT %s", label("fewer"))
	c.op("MOVW R1, R7")
	for col := range cols {
		c.move("vld1.32"+lanes, 2*(columns+col), "R7", "R5")
	}
	c.op("MOVW R0, R3")
	c.op("MOVW R2, R9")
	c.op("SUB.S $2, R6, R12")
	c.op("BLT %s", label("last"))
	c.label(label("pair"))
	some(2)
	c.op("SUB.S $2, R12")
	c.op("BGE %s", label("pair"))
	c.label(label("last"))
	c.op("ADD.S $1, R12")
	c.op("BNE %s", label("done"))
	some(1)
	c.label(label("done"))
	c.op("ADD $%d, R0", 4*width)
	c.op("ADD $%d, R1", 4*width)
	c.op("B %s", label("some"))
	c.label(label("fewer"))
	c.op("ADD $%d, R8", width)
}
