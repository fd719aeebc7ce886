package main

// elementwise writes what works on slices, element by element.
func elementwise(to *file) {
	flat{name: "add", doc: "dst[i] += x[i].", slices: []string{"dst", "x"}, unroll: 4, body: func(l *lanes) {
		d, x := l.load(0), l.load(1)
		l.word("fadd", d, d, x)
		l.store(d, 0)
	}}.write(to)
	flat{name: "scale", doc: "dst[i] *= a.", slices: []string{"dst"}, scalars: []string{"a"}, unroll: 4, body: func(l *lanes) {
		d := l.load(0)
		l.word("fmul", d, d, l.scalars["a"])
		l.store(d, 0)
	}}.write(to)
	flat{name: "axpy", doc: "dst[i] = fma(a, x[i], dst[i]).", slices: []string{"dst", "x"}, scalars: []string{"a"}, unroll: 4, body: func(l *lanes) {
		d, x := l.load(0), l.load(1)
		l.fmla(d, x, l.scalars["a"])
		l.store(d, 0)
	}}.write(to)
	flat{name: "tanhGrad", doc: "dx[i] = dy[i] * fma(-y[i], y[i], 1).", slices: []string{"dx", "dy", "y"}, unroll: 2, before: func(l *lanes) {
		l.op("FMOVS $1.0, F16")
		l.op("VDUP V16.S[0], V16.S4")
	}, body: func(l *lanes) {
		dy, y, t := l.load(1), l.load(2), l.tmp()
		l.mov(t, 16)
		l.op("VFMLS V%d.S4, V%d.S4, V%d.S4", y, y, t)
		l.word("fmul", dy, dy, t)
		l.store(dy, 0)
	}}.write(to)
	flat{name: "leakyGrad", doc: "dx[i] = y[i] > 0 ? dy[i] : slope*dy[i].", slices: []string{"dx", "dy", "y"}, scalars: []string{"slope"}, unroll: 4, body: func(l *lanes) {
		dy, y := l.load(1), l.load(2)
		l.store(l.leakyGrad(dy, y, l.scalars["slope"]), 0)
	}}.write(to)
	flat{
		name:   "adam",
		doc:    "m[i] = fma(b1, m[i], c1*dw[i]); v[i] = fma(b2, v[i], (c2*dw[i])*dw[i]); w[i] -= (lr*m[i]) / (sqrt(v[i])+eps).",
		slices: []string{"w", "m", "v", "dw"}, scalars: []string{"lr", "b1", "c1", "b2", "c2", "eps"}, unroll: 2,
		body: func(l *lanes) {
			s := l.scalars
			w, m, v, g := l.load(0), l.load(1), l.load(2), l.load(3)
			mi, vi := l.tmp(), l.tmp()
			l.word("fmul", mi, g, s["c1"])
			l.fmla(mi, m, s["b1"])
			l.store(mi, 1)
			l.word("fmul", vi, g, s["c2"])
			l.word("fmul", vi, vi, g)
			l.fmla(vi, v, s["b2"])
			l.store(vi, 2)
			l.word("fsqrt", vi, vi)
			l.word("fadd", vi, vi, s["eps"])
			l.word("fmul", mi, mi, s["lr"])
			l.word("fdiv", mi, mi, vi)
			l.word("fsub", w, w, mi)
			l.store(w, 0)
		}}.write(to)

	// The sums lie in V16-V19, one for each vector of a round; the lanes come together at the end.
	clear := func(l *lanes) {
		for v := 16; v < 20; v++ {
			l.zero(v)
		}
	}
	total := func(l *lanes) {
		l.word("fadd", 16, 16, 17)
		l.word("fadd", 18, 18, 19)
		l.word("fadd", 16, 16, 18)
		l.word("faddp", 16, 16, 16)
		l.word("faddp", 16, 16, 16)
		l.op("FMOVS F16, %s", l.at("ret"))
	}
	flat{name: "sum", doc: "it returns Σ x[i].", slices: []string{"x"}, result: "float32", unroll: 4, before: clear, after: total, body: func(l *lanes) {
		v := 16 + l.disp/16
		l.word("fadd", v, v, l.load(0))
	}}.write(to)
	flat{name: "dot", doc: "it returns Σ x[i]*y[i].", slices: []string{"x", "y"}, result: "float32", unroll: 4, before: clear, after: total, body: func(l *lanes) {
		x, y := l.load(0), l.load(1)
		l.fmla(16+l.disp/16, x, y)
	}}.write(to)
}

// peak writes independent multiply-adds on registers.
func peak(to *file) {
	to.rounds("fmaLoop_neon", "12 vector multiply-adds that do not wait for each other", func(c *code) {
		for v := range 12 {
			c.word("fmlaE", v, 12, 13, 0)
		}
	})
}

// rounds writes name, which does a round n times on V0-V13, zeros at first.
func (f *file) rounds(name, doc string, round func(c *code)) {
	c := f.function(name, "", []param{ints("n")}, name+" does n times "+doc+".")
	c.load("n", "R0")
	for v := range 14 {
		c.zero(v)
	}
	c.op("CBZ R0, done")
	c.countDown("loop", "R0", func() { round(c) })
	c.label("done")
	c.op("RET")
}
