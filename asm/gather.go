package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gather writes sums of elements picked by index, sixteen sums at a time.
func gather(g *gen) {
	name := "gather_" + g.name
	g.kernel(name, "dst, start, src, index, terms *int32, groups int",
		name+" works like gatherScalar, for i < groups, groups at least 1:",
		"dst[16*i+l] = start[16*i+l] + sum of src[index] over terms[i] rows of 16.")
	vectors := 16 / g.lanes
	g.Comment("DI: dst; SI: start; BX: src; DX: index; CX: terms; R8: groups left; R9: terms left")
	for i, p := range []string{"dst", "start", "src", "index", "terms", "groups"} {
		g.Load(g.Param(p), []reg.GPPhysical{reg.RDI, reg.RSI, reg.RBX, reg.RDX, reg.RCX, reg.R8}[i])
	}
	g.Label("group")
	for j := range vectors {
		g.VMOVUPS(at(reg.RSI, j*g.size()), g.v(j))
	}
	g.MOVLQSX(at(reg.RCX, 0), reg.R9)
	g.TESTQ(reg.R9, reg.R9)
	g.JZ(operand.LabelRef("store"))
	g.Label("term")
	for j := range vectors {
		index, x := g.v(vectors+j), g.v(2*vectors+j)
		g.VMOVUPS(at(reg.RDX, j*g.size()), index)
		g.zero(x) // else it would wait for the one before
		from := operand.Mem{Base: reg.RBX, Index: index, Scale: 4}
		if g.wide {
			g.KXNORW(reg.K1, reg.K1, reg.K1)
			g.VPGATHERDD(from, reg.K1, x)
		} else {
			all := g.v(3*vectors + j)
			g.VPCMPEQD(all, all, all)
			g.VPGATHERDD(all, from, x)
		}
		g.VPADDD(x, g.v(j), g.v(j))
	}
	g.ADDQ(operand.U8(64), reg.RDX)
	g.DECQ(reg.R9)
	g.JNZ(operand.LabelRef("term"))
	g.Label("store")
	for j := range vectors {
		g.VMOVUPS(g.v(j), at(reg.RDI, j*g.size()))
	}
	g.ADDQ(operand.U8(64), reg.RSI)
	g.ADDQ(operand.U8(64), reg.RDI)
	g.ADDQ(operand.U8(4), reg.RCX)
	g.DECQ(reg.R8)
	g.JNZ(operand.LabelRef("group"))
	g.end()
}
