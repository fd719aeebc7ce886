package main

// dropout writes the masks and their application.
func dropout(to *file) {
	dropoutMask(to)
	above(to)
	dropoutGrad(to, false)
	dropoutGrad(to, true)
}

// pattern sets the four 32-bit lanes of v.
func (c *code) pattern(v int, lane func(i int) uint64) {
	for half := range 2 {
		c.op("MOVD $%#x, R9", lane(2*half)|lane(2*half+1)<<32)
		c.op("VMOV R9, V%d.D[%d]", v, half)
	}
}

func dropoutMask(to *file) {
	c := to.function("dropoutMask_neon", "", []param{{"bits", "*uint32"}, ints("words"), {"k0, k1, first, keep", "uint32"}},
		"dropoutMask_neon makes the mask of dropoutScalar, with the key prepared by hashKey:",
		"bit j of bits[i] = hash(k0, k1, first+32*i+j) < keep.")
	const mul0, mul1, k1, keep, index, four, weights = 16, 17, 18, 19, 20, 21, 22
	c.comment("R0: bits; R8: words left",
		"V16, V17: multipliers; V18: k1; V19: keep; V20: k0 plus the indices of the next vector; V21: fours; V22: lane j holds 1<<j")
	c.load("bits", "R0", "words", "R8")
	every := func(v int, value uint32) {
		c.op("MOVD $%#x, R9", value)
		c.op("VDUP R9, V%d.S4", v)
	}
	every(mul0, 0x7feb352d)
	every(mul1, 0x846ca68b)
	every(four, 4)
	c.load32("k1", "R9")
	c.op("VDUP R9, V%d.S4", k1)
	c.load32("keep", "R9")
	c.op("VDUP R9, V%d.S4", keep)
	c.pattern(index, func(i int) uint64 { return uint64(i) })
	c.pattern(weights, func(i int) uint64 { return 1 << i })
	c.load32("first", "R9")
	c.load32("k0", "R10")
	c.op("ADD R10, R9")
	c.op("VDUP R9, V0.S4")
	c.add(index, index, 0)
	c.label("loop")
	const word, bits = 8, 9
	c.zero(word)
	c.mov(bits, weights)
	for part := range 8 {
		h, t := part%2*2, part%2*2+1
		shiftXor := func(d, x, by int) {
			c.ushr(t, x, by)
			c.eor(d, x, t)
		}
		shiftXor(h, index, 16)
		c.add(index, index, four)
		c.word("mul", h, h, mul0)
		c.eor(h, h, k1)
		shiftXor(h, h, 15)
		c.word("mul", h, h, mul1)
		shiftXor(h, h, 16)
		c.word("cmhi", h, keep, h)
		c.and(h, h, bits)
		c.orr(word, word, h)
		if part < 7 {
			c.shl(bits, bits, 4)
		}
	}
	c.op("VADDV V%d.S4, V%d", word, word)
	c.op("FMOVS.P F%d, 4(R0)", word)
	c.op("SUB $1, R8")
	c.op("CBNZ R8, loop")
	c.op("RET")
}

// above goes word by word of the mask, four bits at a time, then bit by bit.
func above(to *file) {
	c := to.function("above_neon", "", []param{{"bits", "*uint32"}, pointers("x"), ints("n")},
		"above_neon makes the signs of dropoutScalar for i < n:", "bit i%32 of bits[i/32] = x[i] > 0.")
	c.comment("R0: bits; R1: x; R8: elements left; R7: elements of this word left",
		"V17: lane j holds 1<<j; V18: the word in use; V19: V17 moved to the bits in use")
	c.load("bits", "R0", "x", "R1", "n", "R8")
	c.pattern(17, func(i int) uint64 { return 1 << i })
	c.label("word")
	c.zero(18)
	c.mov(19, 17)
	c.word32()
	l := &lanes{code: c, streams: streamRegs[:2], limit: firstScalar}
	c.inSteps("R7", fourThenOne, func(s step) {
		l.used, l.width = 0, s.width
		x := l.load(1)
		c.word("fcmgt0", x, x)
		c.and(x, x, 19)
		c.orr(18, 18, x)
		c.shl(19, 19, s.width)
		c.op("ADD $%d, R1", 4*s.width)
	})
	c.op("VADDV V18.S4, V18")
	c.op("FMOVS.P F18, 4(R0)")
	c.op("CBNZ R8, word")
	c.op("RET")
}

var fourThenOne = []step{{1, 4}, {1, 1}}

// word32 takes the elements of one word of a mask, up to 32 of R8, which go to R7.
func (c *code) word32() {
	c.op("MOVD $32, R7")
	c.op("CMP R7, R8")
	c.op("CSEL LT, R8, R7, R7")
	c.op("SUB R7, R8")
}

// dropoutGrad goes word by word of the mask, four bits at a time, then bit by bit. With leaky, a
// second mask says where the gradient of a leaky activation is not scaled.
func dropoutGrad(to *file, leaky bool) {
	name, of := "dropoutGrad_neon", "dropoutGradScalar"
	params := []param{pointers("dst", "x"), ints("n"), {"bits", "*uint32"}, floats("scale")}
	doc := "dst[i] = bit i%32 of bits[i/32] is set ? x[i]*scale : 0."
	if leaky {
		name, of = "dropoutLeakyGrad_neon", "dropoutLeakyGradScalar"
		params = []param{pointers("dst", "x"), ints("n"), {"bits, above", "*uint32"}, floats("scale", "slope")}
		doc = "g = bit i%32 of bits[i/32] is set ? x[i]*scale : 0, dst[i] = bit i%32 of above[i/32] is set ? g : slope*g."
	}
	c := to.function(name, "", params, name+" works like "+of+" for i < n:", doc)
	c.comment("R0: dst; R1: x; R2: bits; R8: elements left; R7: elements of this word left",
		"V16: scale; V17: lane j holds 1<<j; V18: the word in use; V19: V17 moved to the bits in use")
	c.load("dst", "R0", "x", "R1", "n", "R8", "bits", "R2")
	c.everyLane("scale", 16)
	if leaky {
		c.comment("R3: above; V20: its word in use; V21: slope")
		c.load("above", "R3")
		c.everyLane("slope", 21)
	}
	c.pattern(17, func(i int) uint64 { return 1 << i })
	c.label("word")
	c.op("VLD1R.P 4(R2), [V18.S4]")
	if leaky {
		c.op("VLD1R.P 4(R3), [V20.S4]")
	}
	c.mov(19, 17)
	c.word32()
	l := &lanes{code: c, streams: streamRegs[:2], limit: firstScalar}
	c.inSteps("R7", fourThenOne, func(s step) {
		l.used, l.width = 0, s.width
		x, m := l.load(1), l.tmp()
		c.op("VCMTST V18.S4, V19.S4, V%d.S4", m)
		c.word("fmul", x, x, 16)
		c.and(x, x, m)
		if leaky {
			g := l.tmp()
			c.op("VCMTST V20.S4, V19.S4, V%d.S4", m)
			c.word("fmul", g, x, 21)
			c.bit(g, x, m)
			x = g
		}
		l.store(x, 0)
		c.shl(19, 19, s.width)
		c.op("ADD $%d, R0", 4*s.width)
		c.op("ADD $%d, R1", 4*s.width)
	})
	c.op("CBNZ R8, word")
	c.op("RET")
}
