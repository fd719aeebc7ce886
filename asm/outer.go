package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var outerBlock = block{
	"outerBlock", "is what the Outer kernels read; strides are in bytes.",
	[]field{
		{"c, a, b", "unsafe.Pointer", "operands"},
		{"columns", "", "the tile's columns"},
		{"rows", "uintptr", ""},
		{"lda, ldb, ldc", "uintptr", "row strides"},
		{"accumulate", "uintptr", "not 0: start from C"},
		{"ahead", "uintptr", "address of what to fetch into the second-level cache"},
		{"aheadStep", "uintptr", "from what four k fetch to what the next four do"},
		{"next", "unsafe.Pointer", "nil, or C of a call to come: fetched into the cache"},
	},
}

// outer writes the weight gradient's tile: a sum of outer products, both operands read one row a k.
func outer(g *gen) {
	f := func(name string) operand.Mem { return outerBlock.of(reg.RDI, name) }
	name := fmt.Sprintf("souter_%s_%dx%d", g.name, g.mr, g.nr())
	g.kernel(name, "t *outerBlock, taps *Tap, ntaps, k int",
		fmt.Sprintf("%s works like outerScalar on one tile of at most %d x %d:", name, g.mr, g.nr()),
		"for t in taps, k < K: C[r,j] = fma(A[t.A + k*LDA + r], B[t.B + k*LDB + j], C[r,j]).")
	g.tileComment("B's row", "values of A, broadcast",
		"DI: arguments; AX, BX: A, B; SI, R8: next tap, taps left",
		"CX, R9, R10: A and 1, 3 of its row strides; R12, R11, DX: the same of B; R13: k left; R15: what to fetch")
	g.openTile(f)
	g.MOVQ(f("ldb"), reg.R11)
	g.LEAQ(operand.Mem{Base: reg.R11, Index: reg.R11, Scale: 2}, reg.RDX)
	g.MOVQ(f("ahead"), reg.R15)
	g.MOVQ(f("rows"), reg.RCX)
	g.byRows(reg.RCX, func(t tile) { t.outer(f) })
}

// outer writes the body for one count of rows.
func (t tile) outer(f func(string) operand.Mem) {
	rowsFrom := func(name string) func(r int) reg.GPPhysical {
		return func(r int) reg.GPPhysical {
			if r > 0 {
				return nil
			}
			t.MOVQ(f(name), reg.RCX)
			return reg.RCX
		}
	}
	c := func(store bool) {
		t.MOVQ(f("ldc"), reg.R12)
		t.moveC(store, reg.R12, f("full"), t.columns(outerBlock), rowsFrom("c"))
	}
	t.CMPQ(f("accumulate"), operand.U8(0))
	t.JE(t.ref("zero"))
	c(false)
	t.JMP(t.ref("ready"))
	t.Label(t.labelOf("zero"))
	for i := range t.rows * t.nv {
		t.zero(t.v(i))
	}
	t.fetchC(f("ldc"), rowsFrom("c"))
	t.Label(t.labelOf("ready"))
	t.CMPQ(f("next"), operand.U8(0))
	t.JE(t.ref("fetched"))
	t.fetchC(f("ldc"), rowsFrom("next"))
	t.Label(t.labelOf("fetched"))
	row := func(base, one, three reg.GPPhysical, u, disp int) operand.Mem {
		m := at(base, disp)
		switch u {
		case 1, 2:
			m.Index, m.Scale = one, uint8(u)
		case 3:
			m.Index, m.Scale = three, 1
		}
		return m
	}
	t.taps(4, func() {
		t.contract(t.rows, reg.R13, func(u int) {
			t.step(
				func(r int) operand.Mem { return row(reg.RCX, reg.R9, reg.R10, u, 4*r) },
				func(j int, v reg.VecPhysical) { t.VMOVUPS(row(reg.R12, reg.R11, reg.RDX, u, j*t.size()), v) })
		}, func(n int) {
			if n == 4 {
				t.fetchAhead(f("aheadStep"))
			}
			t.LEAQ(operand.Mem{Base: reg.RCX, Index: reg.R9, Scale: uint8(n)}, reg.RCX)
			t.LEAQ(operand.Mem{Base: reg.R12, Index: reg.R11, Scale: uint8(n)}, reg.R12)
		})
	})
	c(true)
	t.end()
}
