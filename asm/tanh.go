package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var tanhBlock = block{
	"tanhBlock", "holds the constants of Tanh and Sigmoid, see tanh.go.",
	[]field{
		{"sign, abs, one, cut", vectorKind, ""},
		{"t0, t1, t2, t3", vectorKind, ""},
		{"log2e, magic, ln2Hi, ln2Lo, expMax", vectorKind, ""},
		{"e0, e1, e2, e3, e4", vectorKind, ""},
	},
}

// tanh writes Tanh and Sigmoid.
func tanh(g *gen) {
	flat{name: "tanh", doc: "dst[i] = tanh(x[i]).", slices: []string{"dst", "x"}, table: &tanhBlock, unroll: 1, body: func(b *lanes) {
		x := b.load(1)
		z, u, small := b.tmp(), b.tmp(), b.tmp()
		b.VANDPS(b.constant("abs"), x, z)
		b.VMULPS(z, z, u)
		b.VMOVUPS(b.constant("t3"), small)
		for _, c := range []string{"t2", "t1", "t0"} {
			b.VFMADD213PS(b.constant(c), u, small)
		}
		b.VMULPS(z, u, u)
		b.VFMADD213PS(z, u, small)

		y, e, d := b.tmp(), b.tmp(), b.tmp()
		b.VADDPS(z, z, y)
		b.expNeg(y, e)
		b.VADDPS(b.constant("one"), e, d)
		b.VADDPS(e, e, e)
		b.VDIVPS(d, e, e)
		b.VMOVUPS(b.constant("one"), y)
		b.VSUBPS(e, y, y)

		b.blendWhere(lessThan, b.constant("cut"), z, small, y)
		b.VANDPS(b.constant("sign"), x, x)
		b.VORPS(x, y, y)
		b.store(y, 0)
	}}.write(g)

	flat{name: "sigmoid", doc: "dst[i] = 1/(1+exp(-x[i])).", slices: []string{"dst", "x"}, consts: []float32{0}, table: &tanhBlock, unroll: 1, body: func(b *lanes) {
		x := b.load(1)
		z, e, d := b.tmp(), b.tmp(), b.tmp()
		b.VANDPS(b.constant("abs"), x, z)
		b.expNeg(z, e)
		b.VADDPS(b.constant("one"), e, d)
		b.VMOVUPS(b.constant("one"), z)
		b.blendWhere(lessThan, b.consts[0], x, e, z)
		b.VDIVPS(d, z, z)
		b.store(z, 0)
	}}.write(g)
}

// expNeg: e = exp(-y) for y >= 0. It spends y.
func (b *lanes) expNeg(y, e reg.VecPhysical) {
	k, _ := b.expParts(y, e, "one", "one")
	if b.wide {
		b.VCMPPS(notGreater, b.constant("expMax"), y, reg.K2)
		b.VMULPS_Z(k, e, reg.K2, e)
		return
	}
	b.VMULPS(k, e, e)
	b.VCMPPS(notGreater, b.constant("expMax"), y, k)
	b.VANDPS(k, e, e)
}

// expParts: e = the polynomial of exp(r) with the last coefficients given, power = 2^-k, for y =
// k*ln 2 - r.
func (b *lanes) expParts(y, e reg.VecPhysical, last ...string) (power, r reg.VecPhysical) {
	t, k, r := b.tmp(), b.tmp(), b.tmp()
	b.VMOVUPS(b.constant("magic"), t)
	b.VFMADD231PS(b.constant("log2e"), y, t)
	b.VSUBPS(b.constant("magic"), t, k)
	b.VMOVAPS(y, r)
	b.VFMSUB231PS(b.constant("ln2Hi"), k, r)
	b.VFMADD231PS(b.constant("ln2Lo"), k, r)
	b.VMOVUPS(b.constant("e4"), e)
	for _, c := range append([]string{"e3", "e2", "e1", "e0"}, last...) {
		b.VFMADD213PS(b.constant(c), r, e)
	}
	b.VPSLLD(operand.U8(23), t, t)
	b.VMOVUPS(b.constant("one"), k)
	b.VPSUBD(t, k, k)
	return k, r
}
