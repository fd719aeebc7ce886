package main

// peak writes independent multiply-adds on registers.
func peak(f *file) {
	const name = "mlaLoop_neon"
	c := f.function(name, 0, []param{{"n", "int"}}, name+" does n times 12 VMLA that do not wait for each other.")
	c.load("n", "R0")
	for v := range 14 {
		c.zero(v)
	}
	c.op("CMP $0, R0")
	c.op("BEQ done")
	c.label("loop")
	for v := range 12 {
		c.word("vmla.f32", v, 12, 13)
	}
	c.op("SUB.S $1, R0")
	c.op("BNE loop")
	c.label("done")
	c.op("RET")
}
