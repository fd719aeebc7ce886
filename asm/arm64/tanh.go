package main

// Registers of the constants, in the order of tanhBlock.
const (
	kOne = 16 + iota
	kCut
	kT0
	kT1
	kT2
	kT3
	kLog2E
	kMagic
	kLn2Hi
	kLn2Lo
	kMax
	kE0
	kE1
	kE2
	kE3
	kE4
)

// tanh writes Tanh and Sigmoid. All constants stay in V16-V31.
func tanh(to *file) {
	constants := func(l *lanes) {
		l.code.load("t", "R9")
		for v := kOne; v <= kE4; v++ {
			l.op("VLD1R.P 4(R9), [V%d.S4]", v)
		}
	}
	flat{name: "tanh", doc: "dst[i] = tanh(x[i]).", slices: []string{"dst", "x"}, table: "tanhBlock", unroll: 1, before: constants, body: func(l *lanes) {
		x := l.load(1)
		z, u, s, next := l.tmp(), l.tmp(), l.tmp(), l.tmp()
		l.word("fabs", z, x)
		l.word("fmul", u, z, z)
		l.horner(s, next, u, kT3, kT2, kT1, kT0)
		l.word("fmul", u, u, z)
		small := l.tmp()
		l.mov(small, z)
		l.fmla(small, u, s)

		y, e, d := l.tmp(), l.tmp(), l.tmp()
		l.word("fadd", y, z, z)
		l.expNeg(e, y)
		l.word("fadd", d, e, kOne)
		l.word("fadd", e, e, e)
		l.word("fdiv", e, e, d)
		l.word("fsub", e, kOne, e)

		l.word("fcmgt", d, kCut, z)
		l.bit(e, small, d)
		l.word("fabs", e, e)
		l.eor(z, z, x) // the sign
		l.orr(e, e, z)
		l.store(e, 0)
	}}.write(to)

	flat{name: "sigmoid", doc: "dst[i] = 1/(1+exp(-x[i])).", slices: []string{"dst", "x"}, table: "tanhBlock", unroll: 1, before: constants, body: func(l *lanes) {
		x := l.load(1)
		z, e, d := l.tmp(), l.tmp(), l.tmp()
		l.word("fabs", z, x)
		l.expNeg(e, z)
		l.word("fadd", d, e, kOne)
		l.mov(z, kOne)
		l.word("fcmlt0", x, x)
		l.bit(z, e, x)
		l.word("fdiv", z, z, d)
		l.store(z, 0)
	}}.write(to)
}

// horner: s = the polynomial in x with the coefficients from the highest down. It spends t.
func (l *lanes) horner(s, t, x int, coefficients ...int) {
	acc := coefficients[0]
	for i, c := range coefficients[1:] {
		to := s
		if (len(coefficients)-i)%2 == 1 { // the last one comes to lie in s
			to = t
		}
		l.mov(to, c)
		l.fmla(to, acc, x)
		acc = to
	}
}

// expNeg: e = exp(-y) for y >= 0.
func (l *lanes) expNeg(e, y int) {
	t, k, r, s := l.tmp(), l.tmp(), l.tmp(), l.tmp()
	l.mov(t, kMagic)
	l.fmla(t, y, kLog2E)
	l.word("fsub", k, t, kMagic)
	l.word("fneg", r, y)
	l.fmla(r, k, kLn2Hi)
	l.fmla(r, k, kLn2Lo)
	l.horner(e, s, r, kE4, kE3, kE2, kE1, kE0, kOne, kOne)
	l.shl(t, t, 23)
	l.sub(k, kOne, t) // 2^-k
	l.word("fmul", e, e, k)
	l.word("fcmgt", k, y, kMax)
	l.word("bic", e, e, k)
}
