package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of simd.Int16: what exact Winograd plans of int8 layers are made of.

var gemm16Block = block{
	"gemm16Block", "is what a GEMM16 kernel reads; strides are in bytes.",
	[]field{
		{"c, a, b", "unsafe.Pointer", "operands"},
		{"rows, panels", "uintptr", ""},
		{"panel", "uintptr", "bytes of a panel of B"},
		{"lda, ldc", "uintptr", "row strides"},
	},
}

var evaluateBlock = block{
	"evaluateBlock", "is what an evaluation kernel reads; strides are in bytes.",
	[]field{
		{"dst, src, m", "unsafe.Pointer", "operands"},
		{"rows, cols", "uintptr", "of the matrix"},
		{"vectors", "uintptr", "of 16 elements of a row"},
		{"ds, ss", "uintptr", "row strides"},
		{"count, dstep, sstep", "uintptr", "blocks and their strides"},
	},
}

var interpolateBlock = block{
	"interpolateBlock", "is what an interpolation kernel reads; ss and last are in bytes.",
	[]field{
		{"dst, src", "unsafe.Pointer", "operands"},
		{"even, odd", "unsafe.Pointer", "coefficients"},
		{"evens, odds", "uintptr", "their numbers"},
		{"points, ss, last", "uintptr", ""},
		{"vectors", "uintptr", "of 8 elements of a row"},
	},
}

var requantizeBlock = block{
	"requantizeBlock", "is what a requantization kernel reads; strides are in bytes.",
	[]field{
		{"q, s, start, scale", "unsafe.Pointer", "operands"},
		{"rows", "uintptr", ""},
		{"vectors", "uintptr", "of 16 elements of a row"},
		{"ldq, lds", "uintptr", "row strides"},
		{"shift", "uintptr", ""},
		{"slope, hi", "uint64", "float32 in the low half: the slope and 127-zero"},
		{"zero", "uint64", "int16 in the low bits"},
	},
}

// int16s writes the kernels of one instruction set. AVX-512 has none: its int8 dot products leave
// nothing to gain.
func int16s(g *gen) {
	if g.wide {
		return
	}
	gemm16(g)
	evaluate(g, 1)
	evaluate(g, 2)
	interpolate(g)
	requantize16(g)
}

// gemm16 writes the product of int16 matrices: pairs of channels fill a lane for VPMADDWD.
func gemm16(g *gen) {
	f := func(name string) operand.Mem { return gemm16Block.of(reg.RDI, name) }
	name := fmt.Sprintf("gemm16_%s_%dx%d", g.name, g.mr, g.nr())
	g.kernel(name, "t *gemm16Block", name+" works like gemm16Scalar, panels and rows at least 1.")
	g.tileComment("a pair of rows of B", "a pair of A, broadcast, and its products",
		"DI: arguments; R14, BX, SI: panels left, the end of a panel of B, its C; R15, AX, DX: rows left, their A and C",
		"R9, R10, R11: 1, 3, 5 row strides of A; R8: row stride of C; CX: A; R13: B from its end; R12: what to fetch, alike")
	g.Load(g.Param("t"), reg.RDI)
	g.MOVQ(f("panels"), reg.R14)
	g.MOVQ(f("b"), reg.RBX)
	g.MOVQ(f("lda"), reg.R9)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.R10)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 4}, reg.R11)
	g.MOVQ(f("ldc"), reg.R8)
	g.MOVQ(f("c"), reg.RSI)
	g.ADDQ(f("panel"), reg.RBX)
	g.Label("panel")
	g.MOVQ(f("panel"), reg.R12)
	g.ADDQ(reg.RBX, reg.R12)
	g.MOVQ(f("a"), reg.RAX)
	g.MOVQ(reg.RSI, reg.RDX)
	g.MOVQ(f("rows"), reg.R15)
	g.Label("tile")
	g.MOVQ(reg.RAX, reg.RCX)
	g.XORQ(reg.R13, reg.R13)
	g.SUBQ(f("panel"), reg.R13)
	g.CMPQ(reg.R15, operand.U8(g.mr))
	g.JGE(operand.LabelRef(fmt.Sprintf("rows%d", g.mr)))
	g.byRows(reg.R15, func(t tile) {
		t.gemm16()
		t.JMP(operand.LabelRef("next"))
	})
	g.Label("next")
	g.Comment("DX is at the tile's last row")
	g.ADDQ(reg.R8, reg.RDX)
	g.TESTQ(reg.R15, reg.R15)
	g.JNZ(operand.LabelRef("tile"))
	g.ADDQ(f("panel"), reg.RBX)
	g.ADDQ(operand.U32(4*g.nr()), reg.RSI)
	g.DECQ(reg.R14)
	g.JNZ(operand.LabelRef("panel"))
	g.end()
}

// gemm16 writes the body for one count of rows.
func (t tile) gemm16() {
	for i := range t.rows * t.nv {
		t.zero(t.v(i))
	}
	t.TESTQ(reg.R13, reg.R13)
	t.JZ(t.ref("summed"))
	t.Label(t.labelOf("four"))
	x, y := t.free(t.nv), t.free(t.nv+1)
	for u := range 4 {
		for j := range t.nv {
			t.VMOVDQU(operand.Mem{Base: reg.RBX, Index: reg.R13, Scale: 1, Disp: (u*t.nv + j) * t.size()}, t.free(j))
		}
		// The next panel comes from far away: each of many tiles fetches one line in four, a tile
		// that may be alone all of them.
		if u == 0 || t.rows < t.mr {
			t.PREFETCHT0(operand.Mem{Base: reg.R12, Index: reg.R13, Scale: 1, Disp: u * t.nv * t.size()})
		}
		for r := range t.rows {
			m := at(reg.RCX, 4*u)
			switch r {
			case 1, 2, 4:
				m.Index, m.Scale = reg.R9, uint8(r)
			case 3:
				m.Index, m.Scale = reg.R10, 1
			case 5:
				m.Index, m.Scale = reg.R11, 1
			}
			t.VPBROADCASTD(m, x)
			t.VPMADDWD(t.free(0), x, y)
			t.VPADDD(y, t.acc(r, 0), t.acc(r, 0))
			t.VPMADDWD(t.free(1), x, x)
			t.VPADDD(x, t.acc(r, 1), t.acc(r, 1))
		}
	}
	t.ADDQ(operand.U8(16), reg.RCX)
	t.ADDQ(operand.U32(4*t.nv*t.size()), reg.R13)
	t.JNZ(t.ref("four"))
	t.Label(t.labelOf("summed"))
	for r := range t.rows {
		if r > 0 {
			t.ADDQ(reg.R8, reg.RDX)
		}
		for j := range t.nv {
			t.VMOVDQU(t.acc(r, j), at(reg.RDX, j*t.size()))
		}
		t.ADDQ(reg.R9, reg.RAX)
	}
	t.ADDQ(operand.U8(64), reg.R12)
	t.SUBQ(operand.U8(t.rows), reg.R15)
}

// evaluate writes the product of a small matrix and rows of elements of size bytes.
func evaluate(g *gen, size int) {
	f := func(name string) operand.Mem { return evaluateBlock.of(reg.RDI, name) }
	name := fmt.Sprintf("evaluate%d_%s", 8*size, g.name)
	g.kernel(name, "t *evaluateBlock", name+" works like evaluateScalar, all counts at least 1.")
	const factors, sum, x, most = 0, 5, 6, 5
	g.Comment(fmt.Sprintf("%s-%s: a row of the matrix; %s: sums; %s: products", g.v(factors).Asm(), g.v(factors+most-1).Asm(), g.v(sum).Asm(), g.v(x).Asm()),
		"DI: arguments; AX, BX: dst and src of this block, whose count is left in the arguments; R14: row of the matrix",
		"R8: rows left; DX: row of dst; CX, R12, R13, R15: dst and src of this vector, vectors left, column of src",
		"R9, R10, R11: 1, 2, 3 row strides of src")
	g.Load(g.Param("t"), reg.RDI)
	g.MOVQ(f("dst"), reg.RAX)
	g.MOVQ(f("src"), reg.RBX)
	g.MOVQ(f("ss"), reg.R9)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 1}, reg.R10)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.R11)
	for cols := 1; cols < most; cols++ {
		g.CMPQ(f("cols"), operand.U8(cols))
		g.JE(operand.LabelRef(fmt.Sprintf("block_%d", cols)))
	}
	for cols := most; cols > 0; cols-- {
		label := func(s string) string { return fmt.Sprintf("%s_%d", s, cols) }
		g.Label(label("block"))
		g.MOVQ(f("m"), reg.R14)
		g.MOVQ(f("rows"), reg.R8)
		g.MOVQ(reg.RAX, reg.RDX)
		g.Label(label("row"))
		for c := range cols {
			g.VPBROADCASTW(at(reg.R14, 2*c), g.v(factors+c))
		}
		g.ADDQ(operand.U8(2*cols), reg.R14)
		g.MOVQ(reg.RDX, reg.RCX)
		g.MOVQ(reg.RBX, reg.R12)
		g.MOVQ(f("vectors"), reg.R13)
		g.Label(label("vector"))
		for c := range cols {
			m := at(reg.R12, 0)
			if c > 0 {
				m.Index, m.Scale = []reg.Register{reg.R9, reg.R10, reg.R11, reg.R9}[c-1], []uint8{1, 1, 1, 4}[c-1]
			}
			to := g.v(x)
			if c == 0 {
				to = g.v(sum)
			}
			if size == 1 {
				g.VPMOVSXBW(m, to)
				g.VPMULLW(g.v(factors+c), to, to)
			} else {
				g.VPMULLW(m, g.v(factors+c), to)
			}
			if c > 0 {
				g.VPADDW(to, g.v(sum), g.v(sum))
			}
		}
		g.VMOVDQU(g.v(sum), at(reg.RCX, 0))
		g.ADDQ(operand.U8(32), reg.RCX)
		g.ADDQ(operand.U8(16*size), reg.R12)
		g.DECQ(reg.R13)
		g.JNZ(operand.LabelRef(label("vector")))
		g.ADDQ(f("ds"), reg.RDX)
		g.DECQ(reg.R8)
		g.JNZ(operand.LabelRef(label("row")))
		g.ADDQ(f("dstep"), reg.RAX)
		g.ADDQ(f("sstep"), reg.RBX)
		g.DECQ(f("count"))
		g.JNZ(operand.LabelRef(label("block")))
		g.end()
	}
}

// interpolate writes the way from values of polynomials to coefficients.
func interpolate(g *gen) {
	f := func(name string) operand.Mem { return interpolateBlock.of(reg.RDI, name) }
	name := "interpolate_" + g.name
	g.kernel(name, "t *interpolateBlock", name+" works like interpolateScalar, vectors at least 1.")
	const zero, sums, differences, infinity, y, x = 0, 1, 4, 7, 8, 9
	g.Comment(fmt.Sprintf("%s: values at 0; %s-%s, %s-%s: sums and differences of pairs; %s: at infinity; %s, %s: a coefficient, a product",
		g.v(zero).Asm(), g.v(sums).Asm(), g.v(sums+2).Asm(), g.v(differences).Asm(), g.v(differences+2).Asm(), g.v(infinity).Asm(), g.v(y).Asm(), g.v(x).Asm()),
		"DI: arguments; SI: src; R8: vectors left; R9, R11: stride of src, the row at infinity; BX: where this vector is in rows of dst",
		"CX, R10: next coefficient, coefficients left; AX: row of src or place in dst")
	g.Load(g.Param("t"), reg.RDI)
	g.MOVQ(f("src"), reg.RSI)
	g.MOVQ(f("dst"), reg.RBX)
	g.MOVQ(f("vectors"), reg.R8)
	g.MOVQ(f("ss"), reg.R9)
	g.MOVQ(f("last"), reg.R11)
	for points := 1; points < 8; points++ {
		g.CMPQ(f("points"), operand.U8(points))
		g.JE(operand.LabelRef(fmt.Sprintf("vector_%d", points)))
	}
	for points := 8; points > 0; points-- {
		label := func(s string) string { return fmt.Sprintf("%s_%d", s, points) }
		pairs := (points - 1) / 2
		g.Label(label("vector"))
		g.MOVQ(reg.RSI, reg.RAX)
		g.VMOVDQU(at(reg.RAX, 0), g.v(zero))
		for k := range pairs {
			g.ADDQ(reg.R9, reg.RAX)
			g.VMOVDQU(at(reg.RAX, 0), g.v(x))
			g.ADDQ(reg.R9, reg.RAX)
			g.VMOVDQU(at(reg.RAX, 0), g.v(y))
			g.VPADDD(g.v(y), g.v(x), g.v(sums+k))
			g.VPSUBD(g.v(y), g.v(x), g.v(differences+k))
		}
		if points%2 == 0 {
			g.VMOVDQU(operand.Mem{Base: reg.RSI, Index: reg.R11, Scale: 1}, g.v(infinity))
		}
		for _, parity := range []string{"even", "odd"} {
			var terms []reg.VecPhysical
			if parity == "even" {
				terms = append(terms, g.v(zero))
			}
			for k := range pairs {
				terms = append(terms, g.v(map[string]int{"even": sums, "odd": differences}[parity]+k))
			}
			if parity == "odd" && points%2 == 0 {
				terms = append(terms, g.v(infinity))
			}
			loop, done, fresh := label(parity), label(parity+"_done"), label(parity+"_fresh")
			g.MOVQ(f(parity+"s"), reg.R10)
			g.TESTQ(reg.R10, reg.R10)
			g.JZ(operand.LabelRef(done))
			g.MOVQ(f(parity), reg.RCX)
			g.Label(loop)
			if len(terms) == 0 {
				g.zero(g.v(y))
			}
			for k, v := range terms {
				to := g.v(x)
				if k == 0 {
					to = g.v(y)
				}
				g.VPBROADCASTD(at(reg.RCX, 16+4*k), to)
				g.VPMULLD(v, to, to)
				if k > 0 {
					g.VPADDD(to, g.v(y), g.v(y))
				}
			}
			g.MOVQ(at(reg.RCX, 0), reg.RAX)
			g.CMPQ(at(reg.RCX, 8), operand.U8(0))
			to := operand.Mem{Base: reg.RBX, Index: reg.RAX, Scale: 4}
			g.JE(operand.LabelRef(fresh))
			g.VPADDD(to, g.v(y), g.v(y))
			g.Label(fresh)
			g.VMOVDQU(g.v(y), to)
			g.ADDQ(operand.U8(32), reg.RCX)
			g.DECQ(reg.R10)
			g.JNZ(operand.LabelRef(loop))
			g.Label(done)
		}
		g.ADDQ(operand.U8(32), reg.RSI)
		g.ADDQ(operand.U8(32), reg.RBX)
		g.DECQ(reg.R8)
		g.JNZ(operand.LabelRef(label("vector")))
		g.end()
	}
}

// requantize16 writes the end of a layer: sums to bytes, 16 at a time, with the steps of
// requantizeNarrow.
func requantize16(g *gen) {
	f := func(name string) operand.Mem { return requantizeBlock.of(reg.RDI, name) }
	name := "requantize_" + g.name
	g.kernel(name, "t *requantizeBlock", name+" works like requantizeScalar, rows and vectors at least 1.")
	x, w := g.v(0), g.v(2)
	slope, hi, zero, shift := g.v(4), g.v(5), g.v(6), g.v(7)
	g.Comment(fmt.Sprintf("%s, %s: values; %s: work; %s-%s: slope, 127-zero, zero, shift", x.Asm(), g.v(1).Asm(), w.Asm(), slope.Asm(), shift.Asm()),
		"DI: arguments; AX, BX: q and s; R8: rows left; R13: vectors left; SI: where they are in a row")
	g.Load(g.Param("t"), reg.RDI)
	g.VBROADCASTSS(f("slope"), slope)
	g.VBROADCASTSS(f("hi"), hi)
	g.VPBROADCASTW(f("zero"), zero)
	g.VMOVQ(f("shift"), shift.AsX())
	for i, p := range []string{"q", "s", "start", "scale", "rows"} {
		g.MOVQ(f(p), []reg.GPPhysical{reg.RAX, reg.RBX, reg.R9, reg.R10, reg.R8}[i])
	}
	g.Label("row")
	g.MOVQ(f("vectors"), reg.R13)
	g.XORQ(reg.RSI, reg.RSI)
	g.Label("vector")
	for j := range 2 {
		part := func(base reg.Register) operand.Mem {
			return operand.Mem{Base: base, Index: reg.RSI, Scale: 4, Disp: 32 * j}
		}
		v := g.v(j)
		g.VMOVDQU(part(reg.RBX), v)
		g.VPSRAD(shift.AsX(), v, v)
		g.VPADDD(part(reg.R9), v, v)
		g.VCVTDQ2PS(v, v)
		g.VMULPS(part(reg.R10), v, v)
		g.VMULPS(slope, v, w)
		g.VMAXPS(v, w, v)
		g.VMINPS(hi, v, v)
		g.VCVTPS2DQ(v, v)
	}
	g.VPACKSSDW(g.v(1), x, x)
	g.VPADDSW(zero, x, x)
	g.VPERMQ(operand.U8(0xd8), x, x)
	g.VEXTRACTI128(operand.U8(1), x, w.AsX())
	g.VPACKSSWB(w.AsX(), x.AsX(), x.AsX())
	g.VMOVDQU(x.AsX(), operand.Mem{Base: reg.RAX, Index: reg.RSI, Scale: 1})
	g.ADDQ(operand.U8(16), reg.RSI)
	g.DECQ(reg.R13)
	g.JNZ(operand.LabelRef("vector"))
	g.ADDQ(f("ldq"), reg.RAX)
	g.ADDQ(f("lds"), reg.RBX)
	g.DECQ(reg.R8)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}
