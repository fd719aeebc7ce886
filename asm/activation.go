package main

import "github.com/mmcloughlin/avo/reg"

var activationBlock = block{
	"activationBlock", "holds the constants of GELU, Gate, Softplus, Mish and ELU, see activation.go.",
	[]field{
		{"sign, abs, half, one, two, zMax", vectorKind, ""},
		{"log2e, magic, ln2Hi, ln2Lo, expMax", vectorKind, ""},
		{"e0, e1, e2, e3, e4", vectorKind, ""},
		{"p0, p1, p2, p3, p4", vectorKind, ""},
		{"q1, q2, q3, q4, q5", vectorKind, ""},
		{"l0, l1, l2, l3", vectorKind, ""},
	},
}

// activation is flat for a function of one element: y holds relu(x), and term says what comes to
// it.
func activation(g *gen, name, doc string, scalars []string, term func(b *lanes, x, y reg.VecPhysical)) {
	flat{name: name, doc: doc, slices: []string{"dst", "x"}, scalars: scalars, consts: []float32{0}, table: &activationBlock, unroll: 1, body: func(b *lanes) {
		x, y := b.load(1), b.tmp()
		b.VMAXPS(x, b.consts[0], y) // of a NaN and 0, and of two zeros, x
		term(b, x, y)
		b.store(y, 0)
	}}.write(g)
}

// activations writes the smooth activations.
func activations(g *gen) {
	activation(g, "gelu", "dst[i] = x[i]*F(x[i]).", nil, func(b *lanes, x, y reg.VecPhysical) {
		z, w, e, p, q := b.magnitude(x), b.tmp(), b.tmp(), b.tmp(), b.tmp()
		b.VMULPS(z, z, w)
		b.VMULPS(b.constant("half"), w, w)
		b.expNeg(w, e)
		b.horner(p, z, "p4", "p3", "p2", "p1", "p0")
		b.horner(q, z, "q5", "q4", "q3", "q2", "q1", "one")
		b.VMULPS(p, e, e)
		b.VDIVPS(q, e, e)
		b.VFNMADD231PS(e, z, y)
	})
	activation(g, "gate", "dst[i] = x[i]*sigmoid(x[i]*(a+b*x[i]*x[i])).", []string{"a", "b"}, func(b *lanes, x, y reg.VecPhysical) {
		z, u, w, e := b.magnitude(x), b.tmp(), b.tmp(), b.tmp()
		b.VMULPS(z, z, u)
		b.VMOVAPS(b.scalars[0], w)
		b.VFMADD231PS(u, b.scalars[1], w)
		b.VMULPS(z, w, w)
		b.expNeg(w, e)
		b.VADDPS(b.constant("one"), e, u)
		b.VDIVPS(u, e, e)
		b.VFNMADD231PS(e, z, y)
	})
	activation(g, "softplus", "dst[i] = ln(1+exp(x[i])).", nil, func(b *lanes, x, y reg.VecPhysical) {
		e, d, p := b.tmp(), b.tmp(), b.tmp()
		b.VANDPS(b.constant("abs"), x, x)
		b.expNeg(x, e)
		b.VADDPS(b.constant("two"), e, d)
		b.VDIVPS(d, e, e)
		b.VMULPS(e, e, d)
		b.horner(p, d, "l3", "l2", "l1", "l0", "two")
		b.VFMADD231PS(p, e, y)
	})
	activation(g, "mish", "dst[i] = x[i]*tanh(ln(1+exp(x[i]))).", nil, func(b *lanes, x, y reg.VecPhysical) {
		z, w, e, q, n, d := b.magnitude(x), b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp()
		b.VMOVAPS(z, w)
		b.expNeg(w, e)
		b.VADDPS(e, e, q)
		b.VMULPS(q, e, n)
		b.VADDPS(b.constant("one"), q, d)
		b.VFMADD213PS(q, e, e) // n where x < 0
		b.blendWhere(lessThan, b.consts[0], x, e, n)
		b.VMOVUPS(b.constant("two"), w)
		b.blendWhere(lessThan, b.consts[0], x, w, d)
		b.VADDPS(n, d, d)
		b.VDIVPS(d, n, n)
		b.VFNMADD231PS(n, z, y)
	})
	activation(g, "elu", "dst[i] = x[i] > 0 ? s*x[i] : a*(exp(x[i])-1).", []string{"a", "s"}, func(b *lanes, x, y reg.VecPhysical) {
		e, d := b.tmp(), b.tmp()
		b.xor(b.constant("sign"), x, x)
		b.VMAXPS(b.consts[0], x, x)
		b.VMINPS(b.constant("expMax"), x, x)
		power, r := b.expParts(x, e, "one")
		b.VMULPS(r, e, e)
		b.VSUBPS(b.constant("one"), power, d)
		b.VFMADD231PS(e, power, d)
		b.VMULPS(b.scalars[1], y, y)
		b.VFMADD231PS(d, b.scalars[0], y)
	})
}

// magnitude is min(|x|, zMax).
func (b *lanes) magnitude(x reg.VecPhysical) reg.VecPhysical {
	z := b.tmp()
	b.VANDPS(b.constant("abs"), x, z)
	b.VMINPS(b.constant("zMax"), z, z)
	return z
}

// horner: s = the polynomial in x with the coefficients from the highest down.
func (b *lanes) horner(s, x reg.VecPhysical, coefficients ...string) {
	b.VMOVUPS(b.constant(coefficients[0]), s)
	for _, c := range coefficients[1:] {
		b.VFMADD213PS(b.constant(c), x, s)
	}
}
