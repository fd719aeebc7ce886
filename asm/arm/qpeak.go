package main

// qpeak writes independent int8 multiply-adds on registers, as the tiles mix them.
func qpeak(f *file) {
	f.rounds("qpeakLoop_neon", "12 VMULL and VMLAL and the 6 VPADAL that they need", func(c *code) {
		for v := range 6 {
			c.word("vmull.s8", 6+v, 24, 25)
		}
		for v := range 6 {
			c.word("vmlal.s8", 6+v, 24, 25)
		}
		for v := range 6 {
			c.word("vpadal.s16", v, 6+v)
		}
	})
}
