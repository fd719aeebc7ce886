package main

// qpeak writes independent int8 multiply-adds on registers, as each instruction set's tiles mix them.
func qpeak(f *file) {
	for _, p := range []struct {
		set, doc string
		round    func(c *code)
	}{
		{"neon", "12 SMULL and SMLAL and the 6 SADALP that they need", func(c *code) {
			for v := range 6 {
				c.word("smull", 6+v, 12, 13)
			}
			for v := range 6 {
				c.word("smlal", 6+v, 12, 13)
			}
			for v := range 6 {
				c.word("sadalp", v, 6+v)
			}
		}},
		{"dotprod", "12 SDOT that do not wait for each other", func(c *code) {
			for v := range 12 {
				c.word("sdotE", v, 12, 13, 0)
			}
		}},
		{"i8mm", "12 SMMLA that do not wait for each other", func(c *code) {
			for v := range 12 {
				c.word("smmla", v, 12, 13)
			}
		}},
	} {
		name := "qpeakLoop_" + p.set
		c := f.function(name, "", []param{ints("n")}, name+" does n times "+p.doc+".")
		c.load("n", "R0")
		for v := range 14 {
			c.zero(v)
		}
		c.op("CBZ R0, done")
		c.label("loop")
		p.round(c)
		c.op("SUB $1, R0")
		c.op("CBNZ R0, loop")
		c.label("done")
		c.op("RET")
	}
}
