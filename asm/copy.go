package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// copies writes what packing is made of: rows that change their distance, and transposes.
func copies(g *gen) {
	copyRows(g)
	transpose(g)
}

// copyRows goes down all rows with as many vectors as fit, then with what is left of their width.
func copyRows(g *gen) {
	name := "copyRows_" + g.name
	g.kernel(name, "dst *float32, ds int, src *float32, ss, rows, width int",
		fmt.Sprintf("%s works like copyRowsScalar for r < rows, i < width:", name), "dst[r*ds+i] = src[r*ss+i].")
	b := &lanes{gen: g, streams: []reg.GPPhysical{reg.RDI, reg.RSI}}
	g.Comment("DI, SI: this row of dst and src; AX: offset of these columns; R8: columns left; R9, R10: strides; DX: rows left")
	g.Load(g.Param("ds"), reg.R9)
	g.Load(g.Param("ss"), reg.R10)
	g.Load(g.Param("width"), reg.R8)
	g.SHLQ(operand.U8(2), reg.R9)
	g.SHLQ(operand.U8(2), reg.R10)
	g.XORQ(reg.RAX, reg.RAX)
	// down emits a loop over all rows that moves some columns.
	down := func(move func()) {
		g.Load(g.Param("dst"), reg.RDI)
		g.Load(g.Param("src"), reg.RSI)
		g.Load(g.Param("rows"), reg.RDX)
		g.ADDQ(reg.RAX, reg.RDI)
		g.ADDQ(reg.RAX, reg.RSI)
		row := g.label("row")
		g.Label(row)
		move()
		g.ADDQ(reg.R9, reg.RDI)
		g.ADDQ(reg.R10, reg.RSI)
		g.DECQ(reg.RDX)
		g.JNZ(operand.LabelRef(row))
	}
	for _, n := range []int{4, 2, 1} {
		more, next := g.label("columns"), g.label("next")
		g.Label(more)
		g.CMPQ(reg.R8, operand.U32(n*g.lanes))
		g.JL(operand.LabelRef(next))
		down(func() {
			b.used = 0
			for j := range n {
				b.disp = j * g.size()
				b.store(b.load(1), 0)
			}
		})
		g.ADDQ(operand.U32(n*g.size()), reg.RAX)
		g.SUBQ(operand.U32(n*g.lanes), reg.R8)
		g.JMP(operand.LabelRef(more))
		g.Label(next)
	}
	b.used, b.disp = 0, 0
	if g.wide {
		g.TESTQ(reg.R8, reg.R8)
		g.JZ(operand.LabelRef("done"))
		g.tailMask(reg.R8)
		b.masked = true
		down(func() { b.store(b.load(1), 0) })
		g.Label("done")
		g.end()
		return
	}
	// Masked stores of 256-bit code are slow on some machines, so the rest goes by its bits.
	x := b.tmp().AsX()
	for _, n := range []int{4, 2, 1} {
		none := g.label("none")
		g.TESTQ(operand.U32(n), reg.R8)
		g.JZ(operand.LabelRef(none))
		down(func() {
			switch n {
			case 4:
				g.VMOVUPS(at(reg.RSI, 0), x)
				g.VMOVUPS(x, at(reg.RDI, 0))
			case 2:
				g.VMOVSD(at(reg.RSI, 0), x)
				g.VMOVSD(x, at(reg.RDI, 0))
			case 1:
				g.VMOVSS(at(reg.RSI, 0), x)
				g.VMOVSS(x, at(reg.RDI, 0))
			}
		})
		g.ADDQ(operand.U8(4*n), reg.RAX)
		g.Label(none)
	}
	g.end()
}

// transpose turns square blocks of one vector's width around in registers.
func transpose(g *gen) {
	name := "transpose_" + g.name
	g.kernel(name, "dst *float32, ds int, src *float32, ss, rows, cols int",
		fmt.Sprintf("%s works like transposeScalar where rows and cols are multiples of %d, not 0:", name, g.lanes),
		"dst[c*ds+r] = src[r*ss+c].")
	g.Comment(
		fmt.Sprintf("%s-%s, %s-%s: the block and what it becomes", g.v(0).Asm(), g.v(g.lanes-1).Asm(), g.v(g.lanes).Asm(), g.v(2*g.lanes-1).Asm()),
		"DI, SI: dst and src of these rows; R9, R10: strides; R8: rows left; DX: columns left; AX, BX: dst and src of this block; R11, R12: one row of it")
	g.Load(g.Param("dst"), reg.RDI)
	g.Load(g.Param("src"), reg.RSI)
	g.Load(g.Param("ds"), reg.R9)
	g.Load(g.Param("ss"), reg.R10)
	g.Load(g.Param("rows"), reg.R8)
	g.SHLQ(operand.U8(2), reg.R9)
	g.SHLQ(operand.U8(2), reg.R10)
	g.Label("rows")
	g.MOVQ(reg.RDI, reg.RAX)
	g.MOVQ(reg.RSI, reg.RBX)
	g.Load(g.Param("cols"), reg.RDX)
	g.Label("block")
	n := g.lanes
	a := func(i int) reg.VecPhysical { return g.v(i) }
	b := func(i int) reg.VecPhysical { return g.v(n + i) }
	g.MOVQ(reg.RBX, reg.R12)
	for i := range n {
		g.VMOVUPS(at(reg.R12, 0), a(i))
		if i+1 < n {
			g.ADDQ(reg.R10, reg.R12)
		}
	}
	for i := 0; i < n; i += 2 { // pairs of rows: elements, then pairs of elements change places
		g.VUNPCKLPS(a(i+1), a(i), b(i))
		g.VUNPCKHPS(a(i+1), a(i), b(i+1))
	}
	for i := 0; i < n; i += 4 {
		g.VUNPCKLPD(b(i+2), b(i), a(i))
		g.VUNPCKHPD(b(i+2), b(i), a(i+1))
		g.VUNPCKLPD(b(i+3), b(i+1), a(i+2))
		g.VUNPCKHPD(b(i+3), b(i+1), a(i+3))
	}
	out := a
	if g.wide { // then quarters
		even, odd := operand.U8(0x88), operand.U8(0xdd)
		for i := range 4 {
			for j := 0; j < 16; j += 8 {
				g.VSHUFF32X4(even, a(i+j+4), a(i+j), b(i+j))
				g.VSHUFF32X4(odd, a(i+j+4), a(i+j), b(i+j+4))
			}
		}
		for i := range 8 {
			g.VSHUFF32X4(even, b(i+8), b(i), a(i))
			g.VSHUFF32X4(odd, b(i+8), b(i), a(i+8))
		}
	} else { // then halves
		for i := range 4 {
			g.VPERM2F128(operand.U8(0x20), a(i+4), a(i), b(i))
			g.VPERM2F128(operand.U8(0x31), a(i+4), a(i), b(i+4))
		}
		out = b
	}
	g.MOVQ(reg.RAX, reg.R11)
	for i := range n {
		g.VMOVUPS(out(i), at(reg.R11, 0))
		if i+1 < n {
			g.ADDQ(reg.R9, reg.R11)
		}
	}
	g.LEAQ(operand.Mem{Base: reg.R11, Index: reg.R9, Scale: 1}, reg.RAX)
	g.ADDQ(operand.U32(g.size()), reg.RBX)
	g.SUBQ(operand.U8(n), reg.RDX)
	g.JNZ(operand.LabelRef("block"))
	g.ADDQ(operand.U32(g.size()), reg.RDI)
	g.IMUL3Q(operand.U8(n), reg.R10, reg.R11)
	g.ADDQ(reg.R11, reg.RSI)
	g.SUBQ(operand.U8(n), reg.R8)
	g.JNZ(operand.LabelRef("rows"))
	g.end()
}
