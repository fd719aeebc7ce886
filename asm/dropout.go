package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// greater is a predicate of VCMPPS: false for NaN.
const greater = operand.U8(0x1e)

// dropout writes the masks and what is done with them.
func dropout(g *gen) {
	dropoutForward(g)
	dropoutGrad(g, false)
	dropoutGrad(g, true)
}

// dropoutForward goes word by word of the masks, then vector by vector.
func dropoutForward(g *gen) {
	name := "dropout_" + g.name
	g.kernel(name, "dst, x *float32, n int, kept, above *uint32, k0, k1, first, keep uint32, scale float32",
		fmt.Sprintf("%s works like dropoutScalar for i < n, with the key prepared by hashKey, but leaves the bits of whole vectors past x as they are:", name),
		"bit i%32 of kept[i/32] = hash(k0, k1, first+i) < keep, of above[i/32] = x[i] > 0; dst[i] = kept ? x[i]*scale : 0.")
	b := &lanes{gen: g, streams: streamRegs[:2]}
	mul0, mul1, k1, keep, index, step, zero, scale := b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp(), b.tmp()
	g.Comment("DI: dst; SI: x; R8: elements left; DX, CX: kept and above; R9: bits of a vector",
		fmt.Sprintf("%s, %s: multipliers; %s: k1; %s: keep; %s: k0 plus the indices of the next vector; %s: its lanes; %s: 0; %s: scale",
			mul0.Asm(), mul1.Asm(), k1.Asm(), keep.Asm(), index.Asm(), step.Asm(), zero.Asm(), scale.Asm()))
	g.Load(g.Param("dst"), reg.RDI)
	g.Load(g.Param("x"), reg.RSI)
	g.Load(g.Param("n"), reg.R8)
	g.Load(g.Param("kept"), reg.RDX)
	g.Load(g.Param("above"), reg.RCX)
	constant := func(v uint32, to reg.VecPhysical) { g.VPBROADCASTD(g.literal(operand.U32(v)), to) }
	constant(0x7feb352d, mul0)
	constant(0x846ca68b, mul1)
	g.VBROADCASTSS(g.paramAddr("k1"), k1)
	g.VBROADCASTSS(g.paramAddr("keep"), keep)
	g.VBROADCASTSS(g.paramAddr("scale"), scale)
	g.MOVL(g.paramAddr("first"), reg.R9L)
	g.ADDL(g.paramAddr("k0"), reg.R9L)
	g.VMOVD(reg.R9L, index.AsX())
	g.VPBROADCASTD(index.AsX(), index)
	g.VPADDD(g.pattern("lane", func(j int) uint32 { return uint32(j) }), index, index)
	constant(uint32(g.lanes), step)
	g.zero(zero)
	var signs reg.VecPhysical
	if !g.wide { // compares of 256-bit vectors are signed: flip the top bit of both sides
		signs = b.tmp()
		g.Comment(signs.Asm() + ": top bits")
		constant(1<<31, signs)
		g.VPXOR(signs, keep, keep)
	}
	base := b.used
	vector := func(part int, masked bool) {
		b.used, b.disp, b.masked = base, part*g.size(), masked
		h, t := b.tmp(), b.tmp()
		b.shiftXor(16, index, t, h)
		g.VPADDD(step, index, index)
		g.VPMULLD(mul0, h, h)
		b.xor(k1, h, h)
		b.shiftXor(15, h, t, h)
		g.VPMULLD(mul1, h, h)
		b.shiftXor(16, h, t, h)
		x := b.load(1)
		kept, above := at(reg.RDX, part*g.lanes/8), at(reg.RCX, part*g.lanes/8)
		if g.wide {
			g.VPCMPUD(operand.U8(1), keep, h, reg.K2) // less than
			if masked {
				g.KANDW(reg.K1, reg.K2, reg.K2)
			}
			g.VCMPPS(greater, zero, x, reg.K3)
			g.KMOVW(reg.K2, kept)
			g.KMOVW(reg.K3, above)
			g.VMULPS_Z(scale, x, reg.K2, x)
		} else {
			g.VPXOR(signs, h, h)
			g.VPCMPGTD(h, keep, h)
			if masked {
				g.VANDPS(b.tail(), h, h)
			}
			g.VMOVMSKPS(h, reg.R9L)
			g.MOVB(reg.R9B, kept)
			g.VCMPPS(greater, zero, x, t)
			g.VMOVMSKPS(t, reg.R9L)
			g.MOVB(reg.R9B, above)
			g.VMULPS(scale, x, x)
			g.VANDPS(h, x, x)
		}
		b.full()
		b.store(x, 0)
	}
	for _, n := range []int{32 / g.lanes, 1} {
		loop, done := g.label("loop"), g.label("done")
		g.SUBQ(operand.U8(n*g.lanes), reg.R8)
		g.JL(operand.LabelRef(done))
		g.Label(loop)
		for part := range n {
			vector(part, false)
		}
		g.ADDQ(operand.U8(n*g.lanes/8), reg.RDX)
		g.ADDQ(operand.U8(n*g.lanes/8), reg.RCX)
		g.ADDQ(operand.U32(n*g.size()), reg.RDI)
		g.ADDQ(operand.U32(n*g.size()), reg.RSI)
		g.SUBQ(operand.U8(n*g.lanes), reg.R8)
		g.JGE(operand.LabelRef(loop))
		g.Label(done)
		g.ADDQ(operand.U8(n*g.lanes), reg.R8)
	}
	g.JZ(operand.LabelRef("end"))
	g.tailMask(reg.R8)
	vector(0, true)
	g.Label("end")
	g.end()
}

// shiftXor: d = x ^ x>>n, by way of t.
func (b *lanes) shiftXor(n int, x, t, d reg.VecPhysical) {
	b.VPSRLD(operand.U8(n), x, t)
	b.xor(t, x, d)
}

// dropoutGrad goes word by word of the mask; what is left after the last whole word goes vector by
// vector. With leaky, a second mask says where the gradient of a leaky activation is not scaled.
func dropoutGrad(g *gen, leaky bool) {
	name, of := "dropoutGrad_"+g.name, "dropoutGradScalar"
	signature := "dst, x *float32, n int, bits *uint32, scale float32"
	doc := "dst[i] = bit i%32 of bits[i/32] is set ? x[i]*scale : 0."
	scalars := []string{"scale"}
	if leaky {
		name, of = "dropoutLeakyGrad_"+g.name, "dropoutLeakyGradScalar"
		signature = "dst, x *float32, n int, bits, above *uint32, scale, slope float32"
		doc = "g = bit i%32 of bits[i/32] is set ? x[i]*scale : 0, dst[i] = bit i%32 of above[i/32] is set ? g : slope*g."
		scalars = append(scalars, "slope")
	}
	g.kernel(name, signature, fmt.Sprintf("%s works like %s for i < n:", name, of), doc)
	b := &lanes{gen: g, streams: streamRegs[:2]}
	if leaky {
		g.Comment("DI: dst; SI: x; R8: elements left; DX, CX: bits and above; R9, R10: their words in use")
	} else {
		g.Comment("DI: dst; SI: x; R8: elements left; DX: bits; R9: the word in use")
	}
	g.Load(g.Param("dst"), reg.RDI)
	g.Load(g.Param("x"), reg.RSI)
	g.Load(g.Param("n"), reg.R8)
	g.Load(g.Param("bits"), reg.RDX)
	if leaky {
		g.Load(g.Param("above"), reg.RCX)
	}
	b.broadcast(scalars, nil)
	var bits reg.VecPhysical
	if !g.wide {
		bits = b.tmp()
		g.Comment(bits.Asm() + ": lane j holds 1<<j")
		g.VMOVDQU(g.pattern("bit", func(j int) uint32 { return 1 << j }), bits)
	}
	base := b.used
	set := func(word reg.GPPhysical) reg.VecPhysical { // lanes whose bits are set in 256-bit code
		v := b.tmp()
		g.VMOVD(word.As32(), v.AsX())
		g.VPBROADCASTD(v.AsX(), v)
		g.VPAND(bits, v, v)
		g.VPCMPEQD(bits, v, v)
		return v
	}
	vector := func(masked bool) { // the masks are the low bits of R9 and R10
		b.used, b.masked = base, masked
		x := b.load(1)
		if g.wide {
			g.KMOVW(reg.R9L, reg.K2)
			g.VMULPS_Z(b.scalars[0], x, reg.K2, x)
			if leaky {
				g.KMOVW(reg.R10L, reg.K3)
				g.KNOTW(reg.K3, reg.K3)
				g.VMULPS(b.scalars[1], x, reg.K3, x)
			}
		} else {
			keep := set(reg.R9)
			g.VMULPS(b.scalars[0], x, x)
			g.VANDPS(keep, x, x)
			if leaky {
				above, scaled := set(reg.R10), b.tmp()
				g.VMULPS(b.scalars[1], x, scaled)
				g.VBLENDVPS(above, x, scaled, x)
			}
		}
		b.store(x, 0)
	}
	load := func() {
		g.MOVL(at(reg.RDX, 0), reg.R9L)
		if leaky {
			g.MOVL(at(reg.RCX, 0), reg.R10L)
		}
	}
	shift := func() {
		g.SHRL(operand.U8(g.lanes), reg.R9L)
		if leaky {
			g.SHRL(operand.U8(g.lanes), reg.R10L)
		}
	}
	g.Label("words")
	g.SUBQ(operand.U8(32), reg.R8)
	g.JL(operand.LabelRef("last"))
	load()
	for part := range 32 / g.lanes {
		b.disp = part * g.size()
		if part > 0 {
			shift()
		}
		vector(false)
	}
	g.ADDQ(operand.U8(4), reg.RDX)
	if leaky {
		g.ADDQ(operand.U8(4), reg.RCX)
	}
	g.ADDQ(operand.U32(128), reg.RDI)
	g.ADDQ(operand.U32(128), reg.RSI)
	g.JMP(operand.LabelRef("words"))

	b.disp = 0
	g.Label("last")
	g.ADDQ(operand.U8(32), reg.R8)
	g.JZ(operand.LabelRef("done"))
	load()
	g.Label("vectors")
	g.SUBQ(operand.U8(g.lanes), reg.R8)
	g.JL(operand.LabelRef("rest"))
	vector(false)
	shift()
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
