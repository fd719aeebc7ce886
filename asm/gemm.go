package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var gemmBlock = block{
	"gemmBlock", "is what the GEMM kernels read; strides are in bytes.",
	[]field{
		{"c, a, b", "unsafe.Pointer", "operands"},
		{"start", "unsafe.Pointer", "nil: from C; else NR floats that every row starts from"},
		{"columns", "", "the tile's columns"},
		{"rows", "uintptr", ""},
		{"lda, arun, ldc, crun", "uintptr", "row and run strides"},
		{"ahead", "uintptr", "address of what to fetch into the second-level cache, or its distance from A"},
		{"aheadTap", "uintptr", "0: go on from tap to tap; all ones: ahead is a distance, taken anew for each tap"},
		{"aheadStep", "uintptr", "from what four k fetch to what the next four do"},
		{"scale, shift", "unsafe.Pointer", "nil, or NR factors and NR terms of the columns"},
		{"slope", "float32", "1: no activation"},
	},
}

// gemm writes the tap-run matrix product: the C tile stays in registers over all taps and all of K.
func gemm(g *gen) {
	gemmOf(g, "", "B[t.B + k*NR + j]", 4)
	gemmOf(g, "_half", "half precision B[t.B + k*NR + j]", 2)
}

// aheadOfB is how far before its use a tile of one row fetches B, which it reads once: eight pages,
// for the cache's own fetching starts anew on each.
const aheadOfB = 8 * 4096

// gemmOf writes the product for values of B of the given size in bytes.
func gemmOf(g *gen, suffix, b string, size int) {
	f := func(name string) operand.Mem { return gemmBlock.of(reg.RDI, name) }
	name := fmt.Sprintf("sgemm_%s_%dx%d%s", g.name, g.mr, g.nr(), suffix)
	g.kernel(name, "t *gemmBlock, taps *Tap, ntaps, k int",
		fmt.Sprintf("%s works like gemmScalar on one tile of at most %d x %d:", name, g.mr, g.nr()),
		"for t in taps, k < K: C[r,j] = fma(A[t.A + rowA(r) + k], "+b+", C[r,j]), then scale and shift and the leaky slope.")
	g.tileComment("B's row", "values of A, broadcast",
		"DI: arguments; AX, BX: A, B; SI, R8: next tap, taps left",
		"CX, DX: A in the first and second run of rows; R9, R10, R11: 1, 3, 5 row strides of A",
		"R12: B; R13: k left; R15: what to fetch")
	g.openTile(f)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 4}, reg.R11)
	g.MOVQ(f("rows"), reg.RDX)
	g.byRows(reg.RDX, func(t tile) { t.gemm(f, size) })
}

// gemm writes the body for one count of rows.
func (t tile) gemm(f func(string) operand.Mem, size int) {
	first := (t.rows + 1) / 2           // rows of the first run
	row := func(r int) reg.GPPhysical { // of C
		switch r {
		case 0:
			t.MOVQ(f("c"), reg.RCX)
		case first:
			t.MOVQ(f("c"), reg.RCX)
			t.ADDQ(f("crun"), reg.RCX)
		default:
			return nil
		}
		return reg.RCX
	}
	c := func(store bool) {
		t.MOVQ(f("ldc"), reg.R12)
		t.moveC(store, reg.R12, f("full"), t.columns(gemmBlock), row)
	}
	t.MOVQ(f("start"), reg.RCX)
	t.TESTQ(reg.RCX, reg.RCX)
	t.JNZ(t.ref("bias"))
	c(false)
	t.JMP(t.ref("ready"))
	t.Label(t.labelOf("bias"))
	for j := range t.nv {
		t.VMOVUPS(at(reg.RCX, j*t.size()), t.acc(0, j))
	}
	for r := 1; r < t.rows; r++ {
		for j := range t.nv {
			t.VMOVAPS(t.acc(0, j), t.acc(r, j))
		}
	}
	t.fetchC(f("ldc"), row)
	t.Label(t.labelOf("ready"))
	t.taps(size, func() { t.gemmTap(f, size, first) })
	t.scaleShift(f)
	t.CMPL(f("slope"), operand.U32(math.Float32bits(1)))
	t.JE(t.ref("store"))
	t.leaky(f("slope"))
	t.Label(t.labelOf("store"))
	c(true)
	t.end()
}

// gemmTap adds one tap. The first run of A has first rows.
func (t tile) gemmTap(f func(string) operand.Mem, size, first int) {
	if t.rows > 1 {
		t.MOVQ(f("arun"), reg.RDX)
		t.ADDQ(reg.RCX, reg.RDX)
	}
	t.MOVQ(f("aheadTap"), reg.R15)
	t.ANDQ(reg.RCX, reg.R15)
	t.ADDQ(f("ahead"), reg.R15)
	a := func(u int) func(int) operand.Mem {
		return func(r int) operand.Mem {
			m := at(reg.RCX, 4*u)
			if r >= first {
				m.Base, r = reg.RDX, r-first
			}
			switch r {
			case 1, 2, 4:
				m.Index, m.Scale = reg.R9, uint8(r)
			case 3, 6:
				m.Index, m.Scale = reg.R10, uint8(r/3)
			case 5:
				m.Index, m.Scale = reg.R11, 1
			}
			return m
		}
	}
	t.contract(t.rows, reg.R13, func(u int) {
		if row := size * t.nr(); t.rows == 1 && u*row%64 == 0 {
			for line := 0; line < row; line += 64 {
				t.PREFETCHT0(at(reg.R12, aheadOfB+u*row+line))
			}
		}
		t.step(a(u), func(j int, v reg.VecPhysical) {
			if from := at(reg.R12, (u*t.nv+j)*t.lanes*size); size == 2 {
				t.VCVTPH2PS(from, v)
			} else {
				t.VMOVUPS(from, v)
			}
		})
	}, func(n int) {
		if n == 4 {
			t.fetchAhead(f("aheadStep"))
		}
		t.ADDQ(operand.U8(4*n), reg.RCX)
		if t.rows > 1 {
			t.ADDQ(operand.U8(4*n), reg.RDX)
		}
		t.ADDQ(operand.U32(size*n*t.nr()), reg.R12)
	})
	t.CMPQ(f("aheadTap"), operand.U8(0))
	t.JNE(t.ref("fetched"))
	t.MOVQ(reg.R15, f("ahead"))
	t.Label(t.labelOf("fetched"))
}

// scaleShift applies scale and shift, where there are any.
func (t tile) scaleShift(f func(string) operand.Mem) {
	t.MOVQ(f("scale"), reg.RCX)
	t.TESTQ(reg.RCX, reg.RCX)
	t.JZ(t.ref("scaled"))
	t.MOVQ(f("shift"), reg.RDX)
	for j := range t.nv {
		t.VMOVUPS(at(reg.RCX, j*t.size()), t.free(0))
		t.VMOVUPS(at(reg.RDX, j*t.size()), t.free(1))
		for r := range t.rows {
			t.VFMADD213PS(t.free(1), t.free(0), t.acc(r, j))
		}
	}
	t.Label(t.labelOf("scaled"))
}

// columns is where a block keeps the mask of the tile's columns.
func (t tile) columns(b block) operand.Mem {
	if t.wide {
		return b.of(reg.RDI, "bits")
	}
	return b.of(reg.RDI, "mask")
}

// contract runs step for every k of one tap: four at a time, then one by one. left counts down from
// k; advance moves on by n.
func (t tile) contract(id int, left reg.GPPhysical, step func(u int), advance func(n int)) {
	label := func(s string) string { return fmt.Sprintf("%s_%d", s, id) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	t.Load(t.Param("k"), left)
	t.SUBQ(operand.U8(4), left)
	t.JL(ref("few"))
	t.Label(label("four"))
	for u := range 4 {
		step(u)
	}
	advance(4)
	t.SUBQ(operand.U8(4), left)
	t.JGE(ref("four"))
	t.Label(label("few"))
	t.ADDQ(operand.U8(4), left)
	t.JZ(ref("next"))
	t.Label(label("one"))
	step(0)
	advance(1)
	t.DECQ(left)
	t.JNZ(ref("one"))
	t.Label(label("next"))
}

// leaky replaces each negative accumulator x by slope*x. NaN stays, so that divergence is seen.
func (t tile) leaky(slope operand.Mem) {
	s, zero := t.free(0), t.free(1)
	t.VBROADCASTSS(slope, s)
	t.zero(zero)
	for i := range t.rows * t.nv {
		t.scaleWhere(lessThan, zero, t.v(i), s, t.v(i), t.free(2), t.free(3))
	}
}
