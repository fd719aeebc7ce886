package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// stage writes the conversion of activations to the form that qgemm reads.
func stage(g *gen) {
	var doc string
	name := "stage_" + g.name
	step := 16
	if g.wide {
		name, step = "stage_avx512vnni", 64
		doc = "dst[i] = src[i] ^ 0x80."
	} else {
		doc = "dst[i] = src[i] as int16; n is a multiple of 16."
	}
	g.kernel(name, "dst, src *int8, n int", name+" does, for i < n:", doc)
	g.Comment("DI: dst; SI: src; R8: bytes left")
	g.Load(g.Param("dst"), reg.RDI)
	g.Load(g.Param("src"), reg.RSI)
	g.Load(g.Param("n"), reg.R8)
	x, flip := g.v(0), g.v(1)
	if g.wide {
		g.VPBROADCASTD(g.literal(operand.U32(0x80808080)), flip)
	}
	loop, done := "loop", "done"
	g.SUBQ(operand.U32(step), reg.R8)
	g.JL(operand.LabelRef(done))
	g.Label(loop)
	if g.wide {
		g.VPXORD(at(reg.RSI, 0), flip, x)
		g.VMOVDQU32(x, at(reg.RDI, 0))
		g.ADDQ(operand.U8(step), reg.RDI)
	} else {
		g.VPMOVSXBW(at(reg.RSI, 0), x)
		g.VMOVDQU(x, at(reg.RDI, 0))
		g.ADDQ(operand.U8(2*step), reg.RDI)
	}
	g.ADDQ(operand.U8(step), reg.RSI)
	g.SUBQ(operand.U32(step), reg.R8)
	g.JGE(operand.LabelRef(loop))
	g.Label(done)
	if g.wide {
		g.ADDQ(operand.U32(step), reg.R8)
		g.JZ(operand.LabelRef("end"))
		g.MOVQ(operand.I32(-1), reg.RAX)
		g.BZHIQ(reg.R8, reg.RAX, reg.RAX)
		g.KMOVQ(reg.RAX, reg.K1)
		g.VMOVDQU8_Z(at(reg.RSI, 0), reg.K1, x)
		g.VPXORD(flip, x, x)
		g.VMOVDQU8(x, reg.K1, at(reg.RDI, 0))
		g.Label("end")
	}
	g.end()
}
