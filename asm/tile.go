package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tile is a C tile held in the first rows*nv vector registers; the registers above the largest tile
// are free.
type tile struct {
	*gen
	rows int
}

// acc is the accumulator of row r, vector j.
func (t tile) acc(r, j int) reg.VecPhysical { return t.v(r*t.nv + j) }

// free is the i-th register above the largest tile.
func (t tile) free(i int) reg.VecPhysical { return t.v(t.mr*t.nv + i) }

// frees is how many registers lie above the largest tile.
func (t tile) frees() int { return t.regs - t.mr*t.nv }

// tileComment says what vector registers hold: the largest tile, behind it a row of B, and the
// rest; and then what else there is.
func (g *gen) tileComment(b, rest string, more ...string) {
	used := g.mr * g.nv
	span := func(from, to int) string { return g.v(from).Asm() + "-" + g.v(to-1).Asm() }
	g.Comment(append([]string{
		fmt.Sprintf("%s: the C tile, %d a row", span(0, used), g.nv),
		fmt.Sprintf("%s: %s; %s: %s", span(used, used+g.nv), b, span(used+g.nv, g.regs), rest),
	}, more...)...)
}

// byRows writes a compare tree on rows and one body for each count from 1 to the tile's height. A
// body ends in a jump or a return.
func (g *gen) byRows(rows reg.Register, body func(t tile)) {
	name := func(r int) string { return fmt.Sprintf("rows%d", r) }
	var tree func(lo, hi int)
	tree = func(lo, hi int) {
		if lo == hi {
			g.JMP(operand.LabelRef(name(lo)))
			return
		}
		mid := (lo + hi) / 2
		right := g.label("above")
		g.CMPQ(rows, operand.U8(mid))
		g.JG(operand.LabelRef(right))
		tree(lo, mid)
		g.Label(right)
		tree(mid+1, hi)
	}
	tree(1, g.mr)
	for r := 1; r <= g.mr; r++ {
		g.Label(name(r))
		body(tile{g, r})
	}
}

// openTile fetches what the kernels of GEMM and Outer read of a block: AX, BX: A, B; SI, R8: next
// tap, taps left; R9, R10: 1 and 3 row strides of A.
func (g *gen) openTile(f func(string) operand.Mem) {
	g.Load(g.Param("t"), reg.RDI)
	g.MOVQ(f("a"), reg.RAX)
	g.MOVQ(f("b"), reg.RBX)
	g.Load(g.Param("taps"), reg.RSI)
	g.Load(g.Param("ntaps"), reg.R8)
	g.MOVQ(f("lda"), reg.R9)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.R10)
}

// labelOf is a label of this body, ref a reference to it.
func (t tile) labelOf(s string) string       { return fmt.Sprintf("%s_%d", s, t.rows) }
func (t tile) ref(s string) operand.LabelRef { return operand.LabelRef(t.labelOf(s)) }

// taps runs body for each tap, with A and B at CX and R12; values of B have size bytes.
func (t tile) taps(size int, body func()) {
	t.TESTQ(reg.R8, reg.R8)
	t.JZ(t.ref("summed"))

	t.Label(t.labelOf("tap"))
	t.MOVQ(at(reg.RSI, 0), reg.RCX)
	t.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RCX, Scale: 4}, reg.RCX)
	t.MOVQ(at(reg.RSI, 8), reg.R12)
	t.LEAQ(operand.Mem{Base: reg.RBX, Index: reg.R12, Scale: uint8(size)}, reg.R12)
	body()
	t.ADDQ(operand.U8(16), reg.RSI)
	t.DECQ(reg.R8)
	t.JNZ(t.ref("tap"))
	t.Label(t.labelOf("summed"))
}

// step is one k of the contraction: a row of B (b loads its vector j into v) times one broadcast
// value of A a row (a gives its place).
func (t tile) step(a func(r int) operand.Mem, b func(j int, v reg.VecPhysical)) {
	for j := range t.nv {
		b(j, t.free(j))
	}
	spare := t.frees() - t.nv
	for r := range t.rows {
		x := t.free(t.nv + r%spare)
		t.VBROADCASTSS(a(r), x)
		for j := range t.nv {
			t.VFMADD231PS(t.free(j), x, t.acc(r, j))
		}
	}
}

func tileMask(j int) reg.OpmaskPhysical { return []reg.OpmaskPhysical{reg.K3, reg.K4}[j] }

// eachRow emits f for each row of a tile in memory: run(i) gives the pointer of the rows from i on,
// or nil to go on below the last one.
func (t tile) eachRow(stride reg.GPPhysical, run func(r int) reg.GPPhysical, f func(r int, p reg.GPPhysical)) {
	var p reg.GPPhysical
	for r := range t.rows {
		if q := run(r); q != nil {
			p = q
		} else {
			t.ADDQ(stride, p)
		}
		f(r, p)
	}
}

// fetchC fetches a tile that will be written: its lines arrive while the contraction runs, and the
// stores at the end need not wait for memory. It spends R12.
func (t tile) fetchC(stride operand.Mem, run func(r int) reg.GPPhysical) {
	t.MOVQ(stride, reg.R12)
	t.eachRow(reg.R12, run, func(_ int, p reg.GPPhysical) {
		for line := 0; line < 4*t.nr(); line += 64 {
			t.PREFETCHT0(at(p, line))
		}
	})
}

// fetchAhead fetches the lines that R15 points to, as many as four k of A take, and moves on by
// step.
func (t tile) fetchAhead(step operand.Mem) {
	for line := 0; line < 16*t.rows; line += 64 {
		t.PREFETCHT1(at(reg.R15, line))
	}
	t.ADDQ(step, reg.R15)
}

// moveC moves the tile from or to memory, with run as in eachRow. Partial tiles are masked; 256-bit
// code chooses once between plain and masked moves, for masked stores are slow on some machines.
func (t tile) moveC(store bool, stride reg.GPPhysical, full, mask operand.Mem, run func(r int) reg.GPPhysical) {
	walk := func(move func(r, j int, m operand.Mem)) {
		t.eachRow(stride, run, func(r int, p reg.GPPhysical) {
			for j := range t.nv {
				move(r, j, at(p, j*t.size()))
			}
		})
	}
	if t.wide {
		for j := range t.nv {
			t.KMOVW(at(mask.Base, mask.Disp+2*j), tileMask(j))
		}
		walk(func(r, j int, m operand.Mem) {
			if store {
				t.VMOVUPS(t.acc(r, j), tileMask(j), m)
			} else {
				t.VMOVUPS_Z(m, tileMask(j), t.acc(r, j))
			}
		})
		return
	}
	partial, done := t.label("partial"), t.label("moved")
	t.CMPQ(full, operand.U8(0))
	t.JE(operand.LabelRef(partial))
	walk(func(r, j int, m operand.Mem) {
		if store {
			t.VMOVUPS(t.acc(r, j), m)
		} else {
			t.VMOVUPS(m, t.acc(r, j))
		}
	})
	t.JMP(operand.LabelRef(done))
	t.Label(partial)
	t.MOVQ(mask, reg.R13)
	for j := range t.nv {
		t.VMOVUPS(at(reg.R13, j*t.size()), t.free(j))
	}
	walk(func(r, j int, m operand.Mem) {
		if store {
			t.VMASKMOVPS(t.acc(r, j), t.free(j), m)
		} else {
			t.VMASKMOVPS(m, t.free(j), t.acc(r, j))
		}
	})
	t.Label(done)
}
