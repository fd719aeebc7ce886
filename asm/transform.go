package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transformSide is the largest matrix.
const transformSide = 8

// transform writes the small transforms of Winograd.
func transform(g *gen) {
	transforms(g, false)
	transforms(g, true)
}

// transforms writes one form of them: with stream, results go past the caches, and there is no
// adding. Vectors of all columns stay in registers while the rows go by.
func transforms(g *gen, stream bool) {
	if stream {
		name := "transformStream_" + g.name
		g.kernel(name, "dst *float32, ds, dstep int, src *float32, ss, sstep, n, count int, m *float32, rows, cols int",
			fmt.Sprintf("%s works like Transforms for q < count, j < rows, i < n, where all rows of dst start on whole vectors:", name),
			"dst[q*dstep+j*ds+i] = Σ_c m[j*cols+c] * src[q*sstep+c*ss+i].")
	} else {
		name := "transform_" + g.name
		g.kernel(name, "dst *float32, ds, dstep int, src *float32, ss, sstep, n, count int, m *float32, rows, cols, add int",
			fmt.Sprintf("%s works like Transforms for q < count, j < rows, i < n:", name),
			"dst[q*dstep+j*ds+i] = Σ_c m[j*cols+c] * src[q*sstep+c*ss+i], added to what is there if add is not 0.")
	}
	b := &lanes{gen: g}
	// Two vectors at once where the registers hold them.
	width := 1
	if g.wide {
		width = 2
	}
	g.Comment(
		fmt.Sprintf("%s-%s: columns; above them sums and a factor", g.v(0).Asm(), g.v(transformSide*width-1).Asm()),
		"AX, R15: dst and src of this q, count in its place on the stack; DI, SI: dst and src; CX: m; R8: elements left; R9, R10: strides",
		"R12: rows left; DX, R13, BX: this row of dst, column of src, row of m")
	g.Load(g.Param("ds"), reg.R9)
	g.Load(g.Param("src"), reg.R15)
	g.Load(g.Param("ss"), reg.R10)
	g.Load(g.Param("m"), reg.RCX)
	g.SHLQ(operand.U8(2), reg.R9)
	g.SHLQ(operand.U8(2), reg.R10)
	g.Load(g.Param("cols"), reg.RAX)
	for cols := 1; cols < transformSide; cols++ {
		g.CMPQ(reg.RAX, operand.U8(cols))
		g.JE(operand.LabelRef(fmt.Sprintf("cols%d", cols)))
	}
	for cols := transformSide; cols > 0; cols-- {
		g.Label(fmt.Sprintf("cols%d", cols))
		g.Load(g.Param("dst"), reg.RAX)
		again := g.label("again")
		g.Label(again)
		g.MOVQ(reg.RAX, reg.RDI)
		g.MOVQ(reg.R15, reg.RSI)
		g.Load(g.Param("n"), reg.R8)
		pass := func(vectors int, masked bool) {
			b.masked, b.used = masked, 0
			g.MOVQ(reg.RSI, reg.R13)
			var x [transformSide][2]reg.VecPhysical
			for c := range cols {
				for j := range vectors {
					x[c][j] = b.tmp()
					b.loadFrom(at(reg.R13, j*g.size()), x[c][j])
				}
				if c+1 < cols {
					g.ADDQ(reg.R10, reg.R13)
				}
			}
			g.MOVQ(reg.RDI, reg.RDX)
			g.MOVQ(reg.RCX, reg.RBX)
			g.Load(g.Param("rows"), reg.R12)
			row := g.label("row")
			g.Label(row)
			var s [2]reg.VecPhysical
			for j := range vectors {
				s[j] = b.tmp()
			}
			f := b.tmp()
			for c := range cols {
				g.VBROADCASTSS(at(reg.RBX, 4*c), f)
				for j := range vectors {
					if c == 0 {
						g.VMULPS(f, x[c][j], s[j])
					} else {
						g.VFMADD231PS(f, x[c][j], s[j])
					}
				}
			}
			b.full()
			if !stream {
				fresh := g.label("fresh")
				g.CMPQ(g.paramAddr("add"), operand.U8(0))
				g.JE(operand.LabelRef(fresh))
				for j := range vectors {
					b.loadFrom(at(reg.RDX, j*g.size()), f)
					g.VADDPS(f, s[j], s[j])
				}
				g.Label(fresh)
			}
			for j := range vectors {
				if m := at(reg.RDX, j*g.size()); stream && !masked {
					g.VMOVNTPS(s[j], m)
				} else {
					b.storeTo(s[j], m)
				}
			}
			g.ADDQ(reg.R9, reg.RDX)
			g.ADDQ(operand.U8(4*cols), reg.RBX)
			g.DECQ(reg.R12)
			g.JNZ(operand.LabelRef(row))
		}
		for vectors := width; vectors > 0; vectors-- {
			more, next := g.label("more"), g.label("next")
			g.Label(more)
			g.CMPQ(reg.R8, operand.U8(vectors*g.lanes))
			g.JL(operand.LabelRef(next))
			pass(vectors, false)
			g.ADDQ(operand.U32(vectors*g.size()), reg.RDI)
			g.ADDQ(operand.U32(vectors*g.size()), reg.RSI)
			g.SUBQ(operand.U8(vectors*g.lanes), reg.R8)
			g.JMP(operand.LabelRef(more))
			g.Label(next)
		}
		end := g.label("end")
		g.TESTQ(reg.R8, reg.R8)
		g.JZ(operand.LabelRef(end))
		g.tailMask(reg.R8)
		pass(1, true)
		g.Label(end)
		g.Load(g.Param("dstep"), reg.RDX)
		g.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RDX, Scale: 4}, reg.RAX)
		g.Load(g.Param("sstep"), reg.RDX)
		g.LEAQ(operand.Mem{Base: reg.R15, Index: reg.RDX, Scale: 4}, reg.R15)
		g.DECQ(g.paramAddr("count"))
		g.JNZ(operand.LabelRef(again))
		if stream {
			g.SFENCE()
		}
		g.end()
	}
}
