package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dropout writes the masks and their application.
func dropout(g *gen) {
	dropoutMask(g)
	dropoutApply(g)
}

func dropoutMask(g *gen) {
	name := "dropoutMask_" + g.name
	g.kernel(name, "bits *uint32, words int, k0, k1, first, keep uint32",
		fmt.Sprintf("%s works like dropoutMaskScalar, with the key prepared by hashKey:", name),
		"bit j of bits[i] = hash(k0, k1, first+32*i+j) < keep.")
	b := &lanes{gen: g}
	mul0, mul1, k1, keep, index, step := b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp()
	g.Comment("DI: bits; R8: words left",
		fmt.Sprintf("%s, %s: multipliers; %s: k1; %s: keep; %s: k0 plus the indices of the next vector; %s: its lanes",
			mul0.Asm(), mul1.Asm(), k1.Asm(), keep.Asm(), index.Asm(), step.Asm()))
	g.Load(g.Param("bits"), reg.RDI)
	g.Load(g.Param("words"), reg.R8)
	constant := func(v uint32, to reg.VecPhysical) { g.VPBROADCASTD(g.literal(operand.U32(v)), to) }
	constant(0x7feb352d, mul0)
	constant(0x846ca68b, mul1)
	g.VBROADCASTSS(g.paramAddr("k1"), k1)
	g.VBROADCASTSS(g.paramAddr("keep"), keep)
	g.MOVL(g.paramAddr("first"), reg.R9L)
	g.ADDL(g.paramAddr("k0"), reg.R9L)
	g.VMOVD(reg.R9L, index.AsX())
	g.VPBROADCASTD(index.AsX(), index)
	g.VPADDD(g.pattern("lane", func(j int) uint32 { return uint32(j) }), index, index)
	constant(uint32(g.lanes), step)
	var signs reg.VecPhysical
	if !g.wide { // compares of 256-bit vectors are signed: flip the top bit of both sides
		signs = b.tmp()
		g.Comment(signs.Asm() + ": top bits")
		constant(1<<31, signs)
		g.VPXOR(signs, keep, keep)
	}
	g.Label("loop")
	for part := range 32 / g.lanes {
		used := b.used
		h, t := b.tmp(), b.tmp()
		b.shiftXor(16, index, t, h)
		g.VPADDD(step, index, index)
		g.VPMULLD(mul0, h, h)
		b.xor(k1, h, h)
		b.shiftXor(15, h, t, h)
		g.VPMULLD(mul1, h, h)
		b.shiftXor(16, h, t, h)
		m := at(reg.RDI, part*g.lanes/8)
		if g.wide {
			g.VPCMPUD(operand.U8(1), keep, h, reg.K1) // less than
			g.KMOVW(reg.K1, m)
		} else {
			g.VPXOR(signs, h, h)
			g.VPCMPGTD(h, keep, h)
			g.VMOVMSKPS(h, reg.R9L)
			g.MOVB(reg.R9B, m)
		}
		b.used = used
	}
	g.ADDQ(operand.U8(4), reg.RDI)
	g.DECQ(reg.R8)
	g.JNZ(operand.LabelRef("loop"))
	g.end()
}

// shiftXor: d = x ^ x>>n, by way of t.
func (b *lanes) shiftXor(n int, x, t, d reg.VecPhysical) {
	b.VPSRLD(operand.U8(n), x, t)
	b.xor(t, x, d)
}

// dropoutApply goes word by word of the mask; what is left after the last whole word goes vector by vector.
func dropoutApply(g *gen) {
	name := "dropout_" + g.name
	g.kernel(name, "dst, x *float32, n int, bits *uint32, scale float32",
		fmt.Sprintf("%s works like dropoutScalar for i < n:", name),
		"dst[i] = bit i%32 of bits[i/32] is set ? x[i]*scale : 0.")
	b := &lanes{gen: g, streams: streamRegs[:2]}
	g.Comment("DI: dst; SI: x; R8: elements left; DX: bits; R9: the word in use")
	g.Load(g.Param("dst"), reg.RDI)
	g.Load(g.Param("x"), reg.RSI)
	g.Load(g.Param("n"), reg.R8)
	g.Load(g.Param("bits"), reg.RDX)
	b.broadcast([]string{"scale"}, nil)
	var bits reg.VecPhysical
	if !g.wide {
		bits = b.tmp()
		g.Comment(bits.Asm() + ": lane j holds 1<<j")
		g.VMOVDQU(g.pattern("bit", func(j int) uint32 { return 1 << j }), bits)
	}
	base := b.used
	vector := func(masked bool) { // the mask is the low bits of R9
		b.used, b.masked = base, masked
		x := b.load(1)
		if g.wide {
			g.KMOVW(reg.R9L, reg.K2)
			g.VMULPS_Z(b.scalars[0], x, reg.K2, x)
		} else {
			keep := b.tmp()
			g.VMOVD(reg.R9L, keep.AsX())
			g.VPBROADCASTD(keep.AsX(), keep)
			g.VPAND(bits, keep, keep)
			g.VPCMPEQD(bits, keep, keep)
			g.VMULPS(b.scalars[0], x, x)
			g.VANDPS(keep, x, x)
		}
		b.store(x, 0)
	}
	g.Label("words")
	g.SUBQ(operand.U8(32), reg.R8)
	g.JL(operand.LabelRef("last"))
	g.MOVL(at(reg.RDX, 0), reg.R9L)
	for part := range 32 / g.lanes {
		b.disp = part * g.size()
		if part > 0 {
			g.SHRL(operand.U8(g.lanes), reg.R9L)
		}
		vector(false)
	}
	g.ADDQ(operand.U8(4), reg.RDX)
	g.ADDQ(operand.U32(128), reg.RDI)
	g.ADDQ(operand.U32(128), reg.RSI)
	g.JMP(operand.LabelRef("words"))

	b.disp = 0
	g.Label("last")
	g.ADDQ(operand.U8(32), reg.R8)
	g.JZ(operand.LabelRef("done"))
	g.MOVL(at(reg.RDX, 0), reg.R9L)
	g.Label("vectors")
	g.SUBQ(operand.U8(g.lanes), reg.R8)
	g.JL(operand.LabelRef("rest"))
	vector(false)
	g.SHRL(operand.U8(g.lanes), reg.R9L)
	g.ADDQ(operand.U8(g.size()), reg.RDI)
	g.ADDQ(operand.U8(g.size()), reg.RSI)
	g.JMP(operand.LabelRef("vectors"))
	g.Label("rest")
	g.ADDQ(operand.U8(g.lanes), reg.R8)
	g.JZ(operand.LabelRef("done"))
	g.tailMask(reg.R8)
	vector(true)
	g.Label("done")
	g.end()
}
