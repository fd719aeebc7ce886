package main

import (
	"fmt"

	"github.com/gantiny/gantiny/asm/internal/qtile"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var qgemmBlock = block{
	"qgemmBlock", "is what all tiles of a QGEMM call share.",
	[]field{
		{"a, b, s, c, q, scale", "unsafe.Pointer", "operands"},
		{"taps", "unsafe.Pointer", "of the whole list"},
		{"groups", "uintptr", "of channels in a contraction"},
		{"rows", "uintptr", "of tiles that do not say"},
		{"slope, hi", "uint64", "float32 in the low half: the slope and 127-zero"},
		{"zero", "uint64", "int16 in the low bits"},
	},
}

// qtileAt is the place of a field of the tile that R15 points to.
func qtileAt(name string) operand.Mem { return at(reg.R15, qtile.Offset(name)) }

// qgen writes the int8 kernels of one instruction set.
type qgen struct {
	*gen
	width int // bytes of a staged activation
	by    products
	// Places on the stack: the byte distance of the second run of rows in A and C; 16 bytes of
	// output; vectors.
	runA, runC, bytes, slope, hi, zero operand.Mem
}

// products are how a group of channels, which fills the four bytes of a lane, is multiplied.
type products int

const (
	// pairs: VPMADDWD, two int16 by two int16 that are int8 in memory.
	pairs products = iota
	// quads: VPMADDUBSW, four uint8 by four int8, which adds two products in 16 bits and saturates;
	// then VPMADDWD by ones. With weights from -64 to 63 nothing saturates: a sum is at most
	// 2*255*63 = 32130 and at least -2*255*64 = -32640, and int16 holds -32768 to 32767.
	quads
	// dots: VPDPBUSD, four uint8 by four int8.
	dots
)

// qgemm writes the int8 matrix product over a list of tiles. Each C tile stays in registers over
// all its taps.
func qgemm(g *gen) {
	if g.wide {
		(&qgen{gen: g, width: 1, by: dots}).kernel("avx512vnni")
		return
	}
	narrow := *g
	narrow.mr, narrow.nv = 14, 1 // widening a vector of B takes a port that the sums need: few vectors, many rows
	(&qgen{gen: &narrow, width: 2, by: pairs}).kernel(g.name)
	(&qgen{gen: &narrow, width: 1, by: quads}).kernel(g.name + "w7")
	(&qgen{gen: &narrow, width: 1, by: dots}).kernel("avxvnni")
}

// kernel writes the kernel for one instruction set.
func (q *qgen) kernel(set string) {
	g := q.gen
	f := func(name string) operand.Mem { return qgemmBlock.of(reg.RDI, name) }
	name := fmt.Sprintf("qgemm_%s_%dx%d", set, g.mr, g.nr())
	g.kernel(name, "t *qgemmBlock, tiles *QTile, n int",
		fmt.Sprintf("%s works like qgemmScalar on n tiles of at most %d x %d, n at least 1:", name, g.mr, g.nr()),
		"for t in taps, k < K: s[r,j] += A[t.A + rowA(r) + k] * w(t.B; k, j), from and to where the tile says.")
	g.tileComment("B's group", "a group of A, broadcast, and its products",
		"DI: arguments; R15, R14: tile, tiles left; AX, BX: the tile's A, B; SI, R8: next tap, taps left",
		"CX, DX: A in the first and second run of rows; R9, R10, R11: 1, 3, 5 row strides of A",
		"R12: B; R13: groups left")
	local := g.AllocLocal(128)
	q.runA, q.runC, q.bytes = local, local.Offset(8), local.Offset(16)
	q.slope, q.hi, q.zero = local.Offset(32), local.Offset(64), local.Offset(96)
	g.Load(g.Param("t"), reg.RDI)
	g.Load(g.Param("tiles"), reg.R15)
	g.Load(g.Param("n"), reg.R14)

	g.Label("tile")
	q.load("A", q.width, reg.RAX)
	g.ADDQ(f("a"), reg.RAX)
	q.load("B", 1, reg.RBX)
	g.ADDQ(f("b"), reg.RBX)
	q.load("LDA", q.width, reg.R9)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 2}, reg.R10)
	g.LEAQ(operand.Mem{Base: reg.R9, Index: reg.R9, Scale: 4}, reg.R11)
	q.load("LDC", 4, reg.R12)
	q.load("Rows", 1, reg.RDX)
	g.TESTQ(reg.RDX, reg.RDX)
	g.JNZ(operand.LabelRef("own"))
	g.MOVQ(f("rows"), reg.RDX)
	g.LEAQ(at(reg.RDX, 1), reg.RCX)
	g.SHRQ(operand.U8(1), reg.RCX)
	g.MOVQ(reg.RCX, reg.R13)
	g.IMULQ(reg.R9, reg.RCX)
	g.IMULQ(reg.R12, reg.R13)
	g.JMP(operand.LabelRef("runs"))
	g.Label("own")
	q.load("ARun", q.width, reg.RCX)
	q.load("CRun", 4, reg.R13)
	g.Label("runs")
	g.MOVQ(reg.RCX, q.runA)
	g.MOVQ(reg.R13, q.runC)
	q.load("Tap", 16, reg.RSI)
	g.ADDQ(f("taps"), reg.RSI)
	q.load("Taps", 1, reg.R8)
	if g.wide {
		g.Comment("K5: columns as bytes; K3, K4: as lanes of either vector")
		q.load("Cols", 1, reg.RCX)
		g.MOVL(operand.I32(-1), reg.R13L)
		g.BZHIL(reg.ECX, reg.R13L, reg.R13L)
		g.KMOVD(reg.R13L, reg.K5)
		g.KMOVW(reg.R13L, reg.K3)
		g.SHRL(operand.U8(16), reg.R13L)
		g.KMOVW(reg.R13L, reg.K4)
	}
	g.byRows(reg.RDX, func(t tile) {
		q.tile(t, f)
		g.JMP(operand.LabelRef("next"))
	})

	g.Label("next")
	g.ADDQ(operand.U8(qtile.Size), reg.R15)
	g.DECQ(reg.R14)
	g.JNZ(operand.LabelRef("tile"))
	g.end()
}

// load reads a field of the tile and multiplies it by a power of two.
func (q *qgen) load(name string, times int, to reg.GPPhysical) {
	q.MOVLQSX(qtileAt(name), to)
	for shift := range 5 {
		if times == 1<<shift && shift > 0 {
			q.SHLQ(operand.U8(shift), to)
		}
	}
}

// tile writes the body for a tile of t.rows.
func (q *qgen) tile(t tile, f func(string) operand.Mem) {
	label := func(s string) string { return fmt.Sprintf("%s_%d", s, t.rows) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	q.start(t, f, label, ref)

	t.Label(label("taps"))
	t.TESTQ(reg.R8, reg.R8)
	t.JZ(ref("summed"))
	n := t.rows * t.nv // registers of a chain
	for i := n; i < q.chains(t)*n; i++ {
		t.zero(t.v(i))
	}
	if q.by == quads && t.rows < t.mr {
		ones := t.lastSum()
		t.VPCMPEQW(ones, ones, ones) // -1
		t.VPABSW(ones, ones)
	}
	t.Label(label("tap"))
	t.MOVQ(at(reg.RSI, 0), reg.RCX)
	t.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RCX, Scale: uint8(q.width)}, reg.RCX)
	t.MOVQ(at(reg.RSI, 8), reg.R12)
	t.ADDQ(reg.RBX, reg.R12)
	if t.rows > 1 {
		t.MOVQ(q.runA, reg.RDX)
		t.ADDQ(reg.RCX, reg.RDX)
	}
	q.contract(t, f("groups"))
	t.ADDQ(operand.U8(16), reg.RSI)
	t.DECQ(reg.R8)
	t.JNZ(ref("tap"))
	for c := q.chains(t); c > 1; c /= 2 {
		for i := range c / 2 * n {
			t.VPADDD(t.v(c/2*n+i), t.v(i), t.v(i))
		}
	}

	t.Label(label("summed"))
	t.CMPB(qtileAt("Requantize"), operand.U8(0))
	t.JNE(ref("requantize"))
	q.load("LDC", 4, reg.R12)
	q.addressOfC(f("c"), "C")
	q.moveSums(t, true, label("stored"))
	t.JMP(operand.LabelRef("next"))
	t.Label(label("requantize"))
	q.requantize(t, f)
}

// chains is how many sums a tile with few rows keeps for each element, for one would wait for its
// own latency.
func (q *qgen) chains(t tile) int {
	for c := 4; c > 1; c /= 2 {
		if c*t.rows <= t.mr && (c/2)*t.rows*t.nv < 6 {
			return c
		}
	}
	return 1
}

// sum is the register that group u of a row's vector j is added to.
func (q *qgen) sum(t tile, r, j, u int) reg.VecPhysical {
	return t.v((u%q.chains(t)*t.rows+r)*t.nv + j)
}

// contract runs step for every group of one tap: four at a time, then one by one.
func (q *qgen) contract(t tile, groups operand.Mem) {
	label := func(s string) string { return fmt.Sprintf("%s_%d", s, t.rows) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	a := func(r, u int) operand.Mem {
		m := at(reg.RCX, 4*u)
		if first := (t.rows + 1) / 2; r >= first {
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
	steps := func(n int) {
		for u := range n {
			q.step(t, func(r int) operand.Mem { return a(r, u) }, u)
		}
		t.ADDQ(operand.U8(4*n), reg.RCX)
		if t.rows > 1 {
			t.ADDQ(operand.U8(4*n), reg.RDX)
		}
		t.ADDQ(operand.U32(n*q.group()), reg.R12)
	}
	t.MOVQ(groups, reg.R13)
	t.SUBQ(operand.U8(4), reg.R13)
	t.JL(ref("few"))
	t.Label(label("four"))
	steps(4)
	t.SUBQ(operand.U8(4), reg.R13)
	t.JGE(ref("four"))
	t.Label(label("few"))
	t.ADDQ(operand.U8(4), reg.R13)
	t.JZ(ref("done"))
	t.Label(label("one"))
	steps(1)
	t.DECQ(reg.R13)
	t.JNZ(ref("one"))
	t.Label(label("done"))
}

// group is the bytes of a group of B.
func (q *qgen) group() int {
	if q.by == pairs {
		return q.nv * q.size() / 2 // int8, widened when loaded
	}
	return q.nv * q.size()
}

// dot is VPDPBUSD as AVX-VNNI encodes it, on 256-bit registers: sum += signed * unsigned. Go's
// assembler knows that of AVX-512 alone.
func (g *gen) dot(signed, unsigned, sum reg.VecPhysical) {
	n := func(v reg.VecPhysical) uint32 { return uint32(v.PhysicalIndex()) }
	prefix := 0xe2 ^ n(sum)>>3<<7 ^ n(signed)>>3<<5 // inverted top bits of sum and signed; the map 0F38
	source := 0x05 | ^n(unsigned)&15<<3             // W0, inverted unsigned, 256 bits, 66
	g.word("LONG", operand.U32(0xc4|prefix<<8|source<<16|0x50<<24))
	g.word("BYTE", operand.U8(0xc0|n(sum)&7<<3|n(signed)&7))
}

// word writes bytes of code.
func (g *gen) word(directive string, value operand.Op) {
	g.Instruction(&ir.Instruction{Opcode: directive, Operands: []operand.Op{value}})
}

// step is one group of channels: B's vectors times a group of A, broadcast, for each row.
func (q *qgen) step(t tile, a func(r int) operand.Mem, u int) {
	b := func(j int) operand.Mem { return at(reg.R12, u*q.group()+j*q.group()/q.nv) }
	if q.wide {
		for j := range t.nv {
			t.VMOVDQU32(b(j), t.free(j))
		}
		spare := t.frees() - t.nv
		for r := range t.rows {
			x := t.free(t.nv + r%spare)
			t.VPBROADCASTD(a(r), x)
			for j := range t.nv {
				t.VPDPBUSD(t.free(j), x, q.sum(t, r, j, u))
			}
		}
		return
	}
	x := t.free(1)
	if q.by == pairs {
		t.VPMOVSXBW(b(0), t.free(0))
	} else {
		t.VMOVDQU(b(0), t.free(0))
	}
	for r := range t.rows {
		t.VPBROADCASTD(a(r), x)
		sum := q.sum(t, r, 0, u)
		switch q.by {
		case pairs:
			t.VPMADDWD(t.free(0), x, x)
			t.VPADDD(x, sum, sum)
		case quads:
			t.VPMADDUBSW(t.free(0), x, x)
			t.VPMADDWD(q.ones(t), x, x)
			t.VPADDD(x, sum, sum)
		case dots:
			t.dot(t.free(0), x, sum)
		}
	}
}

// lastSum is the last register of the largest tile, which others do not need.
func (t tile) lastSum() reg.VecPhysical { return t.acc(t.mr-1, t.nv-1) }

// ones are int16 ones: in a register that the tile leaves, else in memory.
func (q *qgen) ones(t tile) operand.Op {
	if t.rows < t.mr {
		return t.lastSum()
	}
	return t.pattern("ones", func(int) uint32 { return 1<<16 | 1 })
}

// start sets the sums to what the tile starts from. R12 is the row stride of C.
func (q *qgen) start(t tile, f func(string) operand.Mem, label func(string) string, ref func(string) operand.LabelRef) {
	t.MOVBQZX(qtileAt("Start"), reg.RCX)
	t.CMPQ(reg.RCX, operand.U8(1))
	t.JL(ref("zero"))
	t.JE(ref("bias"))
	t.CMPQ(reg.RCX, operand.U8(2))
	t.JE(ref("sums"))
	q.addressOfC(f("s"), "S")
	t.JMP(ref("load"))
	t.Label(label("sums"))
	q.addressOfC(f("c"), "C")
	t.Label(label("load"))
	q.moveSums(t, false, label("loaded"))
	t.JMP(ref("taps"))
	t.Label(label("bias"))
	q.load("S", 4, reg.RCX)
	t.ADDQ(f("s"), reg.RCX)
	for j := range t.nv {
		t.VMOVUPS(at(reg.RCX, j*t.size()), t.acc(0, j))
	}
	for r := 1; r < t.rows; r++ {
		for j := range t.nv {
			t.VMOVAPS(t.acc(0, j), t.acc(r, j))
		}
	}
	t.JMP(ref("taps"))
	t.Label(label("zero"))
	for i := range t.rows * t.nv {
		t.zero(t.v(i))
	}
}

// addressOfC points CX and DX to the two runs of rows of sums.
func (q *qgen) addressOfC(base operand.Mem, field string) {
	q.load(field, 4, reg.RCX)
	q.ADDQ(base, reg.RCX)
	q.MOVQ(q.runC, reg.RDX)
	q.ADDQ(reg.RCX, reg.RDX)
}

// moveSums moves the sums from or to where CX and DX point; R12 is the row stride.
func (q *qgen) moveSums(t tile, store bool, done string) {
	walk := func(move func(r, j int, m operand.Mem)) {
		for r := range t.rows {
			switch r {
			case 0:
			case (t.rows + 1) / 2:
				t.MOVQ(reg.RDX, reg.RCX)
			default:
				t.ADDQ(reg.R12, reg.RCX)
			}
			for j := range t.nv {
				move(r, j, at(reg.RCX, j*t.size()))
			}
		}
	}
	if t.wide {
		walk(func(r, j int, m operand.Mem) {
			if store {
				t.VMOVDQU32(t.acc(r, j), tileMask(j), m)
			} else {
				t.VMOVDQU32_Z(m, tileMask(j), t.acc(r, j))
			}
		})
		return
	}
	partial := done + "_partial"
	q.load("Cols", 1, reg.R13)
	t.CMPQ(reg.R13, operand.U8(t.nr()))
	t.JNE(operand.LabelRef(partial))
	walk(func(r, j int, m operand.Mem) {
		if store {
			t.VMOVUPS(t.acc(r, j), m)
		} else {
			t.VMOVUPS(m, t.acc(r, j))
		}
	})
	t.JMP(operand.LabelRef(done))
	t.Label(partial)
	lanes := t.pattern("lanes", func(lane int) uint32 { return uint32(lane) })
	t.VMOVD(reg.R13L, t.free(0).AsX())
	t.VPBROADCASTD(t.free(0).AsX(), t.free(0))
	for j := t.nv - 1; j >= 0; j-- {
		t.VPCMPGTD(lanes.Offset(j*t.size()), t.free(0), t.free(j))
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
