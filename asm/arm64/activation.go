package main

import "strings"

// activationBlock holds its constants in every lane.
var activationBlock = block{Name: "activationBlock", Doc: "holds the constants of GELU, Gate, Softplus, Mish and ELU, see activation.go.", Fields: fourLanes(
	"sign abs half one two zMax log2e magic ln2Hi ln2Lo expMax e0 e1 e2 e3 e4 p0 p1 p2 p3 p4 q1 q2 q3 q4 q5 l0 l1 l2 l3")}

func fourLanes(names string) (list []field) {
	for _, n := range strings.Fields(names) {
		list = append(list, field{n, "[4]float32"})
	}
	return list
}

// activation is flat for a function of one element: y holds relu(x), and term says what comes to
// it.
func activation(to *file, name, doc string, scalars []string, term func(l *lanes, x, y int)) {
	flat{name: name, doc: doc, slices: []string{"dst", "x"}, scalars: scalars, table: activationBlock.Name, unroll: 1, before: func(l *lanes) {
		l.comment("R9: constants")
		l.code.load("t", "R9")
	}, body: func(l *lanes) {
		x, y := l.load(1), l.tmp()
		l.word("fcmlt0", y, x)
		l.word("bic", y, x, y)
		term(l, x, y)
		l.store(y, 0)
	}}.write(to)
}

// activations writes the smooth activations.
func activations(to *file) {
	activation(to, "gelu", "dst[i] = x[i]*F(x[i]).", nil, func(l *lanes, x, y int) {
		z, w, e, t := l.magnitude(x), l.tmp(), l.tmp(), l.tmp()
		l.word("fmul", w, z, z)
		l.constant(t, "half")
		l.word("fmul", w, w, t)
		l.tableExpNeg(e, w, t)
		l.tableHorner(w, t, z, "p4", "p3", "p2", "p1", "p0")
		l.word("fmul", e, e, w)
		l.tableHorner(w, t, z, "q5", "q4", "q3", "q2", "q1", "one")
		l.word("fdiv", e, e, w)
		l.fmls(y, z, e)
	})
	activation(to, "gate", "dst[i] = x[i]*sigmoid(x[i]*(a+b*x[i]*x[i])).", []string{"a", "b"}, func(l *lanes, x, y int) {
		z, w, e, t := l.magnitude(x), l.tmp(), l.tmp(), l.tmp()
		l.word("fmul", t, z, z)
		l.mov(w, l.scalars["a"])
		l.fmla(w, t, l.scalars["b"])
		l.word("fmul", w, w, z)
		l.tableExpNeg(e, w, t)
		l.constant(t, "one")
		l.word("fadd", t, t, e)
		l.word("fdiv", e, e, t)
		l.fmls(y, z, e)
	})
	activation(to, "softplus", "dst[i] = ln(1+exp(x[i])).", nil, func(l *lanes, x, y int) {
		e, d, t := l.tmp(), l.tmp(), l.tmp()
		l.word("fabs", x, x)
		l.tableExpNeg(e, x, t)
		l.constant(d, "two")
		l.word("fadd", d, d, e)
		l.word("fdiv", e, e, d)
		l.word("fmul", d, e, e)
		l.tableHorner(x, t, d, "l3", "l2", "l1", "l0", "two")
		l.fmla(y, e, x)
	})
	activation(to, "mish", "dst[i] = x[i]*tanh(ln(1+exp(x[i]))).", nil, func(l *lanes, x, y int) {
		z, e, q, n, d, t := l.magnitude(x), l.tmp(), l.tmp(), l.tmp(), l.tmp(), l.tmp()
		l.tableExpNeg(e, z, t)
		l.word("fcmlt0", x, x)
		l.word("fadd", q, e, e)
		l.word("fmul", n, e, q)
		l.constant(d, "one")
		l.word("fadd", d, d, q)
		l.fmla(q, e, e) // n where x < 0
		l.bit(n, q, x)
		l.constant(t, "two")
		l.bit(d, t, x)
		l.word("fadd", d, d, n)
		l.word("fdiv", n, n, d)
		l.fmls(y, z, n)
	})
	activation(to, "elu", "dst[i] = x[i] > 0 ? s*x[i] : a*(exp(x[i])-1).", []string{"a", "s"}, func(l *lanes, x, y int) {
		e, t := l.tmp(), l.tmp()
		l.word("fneg", x, x)
		l.zero(t)
		l.word("fmax", x, x, t)
		l.constant(t, "expMax")
		l.word("fmin", x, x, t)
		power, r := l.tableExpParts(e, x, t, "one")
		l.word("fmul", e, e, r)
		l.constant(t, "one")
		l.word("fsub", t, power, t)
		l.fmla(t, power, e)
		l.word("fmul", y, y, l.scalars["s"])
		l.fmla(y, t, l.scalars["a"])
	})
}

// constant reads a field of the activationBlock.
func (l *lanes) constant(to int, name string) {
	l.op("FMOVQ %d(R9), F%d", offset(&activationBlock, name), to)
}

// magnitude is min(|x|, zMax).
func (l *lanes) magnitude(x int) int {
	z, t := l.tmp(), l.tmp()
	l.word("fabs", z, x)
	l.constant(t, "zMax")
	l.word("fmin", z, z, t)
	return z
}

// tableHorner is horner with coefficients of the activationBlock.
func (l *lanes) tableHorner(s, t, x int, coefficients ...string) {
	// The last one comes to lie in s.
	if len(coefficients)%2 == 0 {
		s, t = t, s
	}
	l.constant(s, coefficients[0])
	for _, c := range coefficients[1:] {
		l.constant(t, c)
		l.fmla(t, s, x)
		s, t = t, s
	}
}

// tableExpNeg: e = exp(-y) for y >= 0, with constants of the activationBlock. It spends t.
func (l *lanes) tableExpNeg(e, y, t int) {
	power, _ := l.tableExpParts(e, y, t, "one", "one")
	l.word("fmul", e, e, power)
	l.constant(t, "expMax")
	l.word("fcmgt", t, y, t)
	l.word("bic", e, e, t)
}

// tableExpParts: e = the polynomial of exp(r) with the last coefficients given, power = 2^-k, for
// y = k*ln 2 - r. It spends t.
func (l *lanes) tableExpParts(e, y, t int, last ...string) (power, r int) {
	k, s, r := l.tmp(), l.tmp(), l.tmp()
	l.constant(t, "log2e")
	l.constant(s, "magic")
	l.mov(k, s)
	l.fmla(k, y, t)
	l.word("fsub", s, k, s)
	l.word("fneg", r, y)
	l.constant(t, "ln2Hi")
	l.fmla(r, s, t)
	l.constant(t, "ln2Lo")
	l.fmla(r, s, t)
	l.tableHorner(e, t, r, append([]string{"e4", "e3", "e2", "e1", "e0"}, last...)...)
	l.shl(k, k, 23)
	l.constant(t, "one")
	l.sub(k, t, k)
	return k, r
}
