package main

// qpeak writes independent int8 multiply-adds on registers, as each instruction set's tiles mix
// them.
func qpeak(f *file) {
	f.rounds("qpeakLoop_neon", "12 SMULL and SMLAL and the 6 SADALP that they need", func(c *code) {
		for v := range 6 {
			c.word("smull", 6+v, 12, 13)
		}
		for v := range 6 {
			c.word("smlal", 6+v, 12, 13)
		}
		for v := range 6 {
			c.word("sadalp", v, 6+v)
		}
	})
	f.rounds("qpeakLoop_dotprod", "12 SDOT that do not wait for each other", func(c *code) {
		for v := range 12 {
			c.word("sdotE", v, 12, 13, 0)
		}
	})
	f.rounds("qpeakLoop_i8mm", "12 SMMLA that do not wait for each other", func(c *code) {
		for v := range 12 {
			c.word("smmla", v, 12, 13)
		}
	})
}
