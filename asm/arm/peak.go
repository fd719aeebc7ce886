package main

// peak writes independent multiply-adds on registers.
func peak(f *file) {
	f.rounds("mlaLoop_neon", "12 VMLA that do not wait for each other", func(c *code) {
		for v := range 12 {
			c.word("vmla.f32", v, 12, 13)
		}
	})
}

// rounds writes name, which does a round n times on Q0-Q13, zeros at first.
func (f *file) rounds(name, doc string, round func(c *code)) {
	c := f.function(name, 0, []param{{"n", "int"}}, name+" does n times "+doc+".")
	c.load("n", "R0")
	for v := range 14 {
		c.zero(v)
	}
	c.op("CMP $0, R0")
	c.op("BEQ done")
	c.label("loop")
	round(c)
	c.op("SUB.S $1, R0")
	c.op("BNE loop")
	c.label("done")
	c.op("RET")
}
