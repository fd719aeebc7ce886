package main

// qpeak writes independent int8 multiply-adds on registers, as the tiles mix them.
func qpeak(f *file) {
	const name = "qpeakLoop_neon"
	c := f.function(name, 0, []param{{"n", "int"}}, name+" does n times 12 VMULL and VMLAL and the 6 VPADAL that they need.")
	c.load("n", "R0")
	for v := range 13 {
		c.zero(v)
	}
	c.op("CMP $0, R0")
	c.op("BEQ done")
	c.label("loop")
	for v := range 6 {
		c.word("vmull.s8", 6+v, 24, 25)
	}
	for v := range 6 {
		c.word("vmlal.s8", 6+v, 24, 25)
	}
	for v := range 6 {
		c.word("vpadal.s16", v, 6+v)
	}
	c.op("SUB.S $1, R0")
	c.op("BNE loop")
	c.label("done")
	c.op("RET")
}
