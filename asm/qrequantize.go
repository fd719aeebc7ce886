package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// requantize works like Requantize and writes the tile to Q. Saturating packs do the clamp below
// and, after zero, both clamps.
func (q *qgen) requantize(t tile, f func(string) operand.Mem) {
	t.Comment("BX: scales; R12, R13: Q and its row stride")
	q.load("Scale", 4, reg.RBX)
	t.ADDQ(f("scale"), reg.RBX)
	q.load("Q", 1, reg.R12)
	t.ADDQ(f("q"), reg.R12)
	q.load("LDQ", 1, reg.R13)
	if t.wide {
		q.requantizeWide(t, f)
	} else {
		q.requantizeNarrow(t, f)
	}
}

func (q *qgen) requantizeWide(t tile, f func(string) operand.Mem) {
	zero, order, w := t.free(0), t.free(1), t.free(2)
	t.VPBROADCASTW(f("zero"), zero)
	t.VMOVDQU32(t.pattern("quarters", func(lane int) uint32 { return uint32(4*(lane%4) + lane/4) }), order)
	pack := func(r int) reg.VecPhysical {
		for j := range t.nv {
			x := t.acc(r, j)
			t.VCVTDQ2PS(x, x)
			t.VMULPS(at(reg.RBX, j*t.size()), x, x)
			t.VMULPS_BCST(f("slope"), x, w)
			t.VMAXPS(x, w, x)
			t.VMINPS_BCST(f("hi"), x, x)
			t.VCVTPS2DQ(x, x)
		}
		x := t.acc(r, 0)
		t.VPACKSSDW(t.acc(r, 1), x, x)
		t.VPADDSW(zero, x, x)
		return x
	}
	for r := 0; r < t.rows; r += 2 {
		x := pack(r)
		y := x
		if r+1 < t.rows {
			y = pack(r + 1)
		}
		t.VPACKSSWB(y, x, x)
		t.VPERMD(x, order, x)
		t.VMOVDQU8(x.AsY(), reg.K5, at(reg.R12, 0))
		t.ADDQ(reg.R13, reg.R12)
		if r+1 < t.rows {
			t.VEXTRACTI64X4(operand.U8(1), x, w.AsY())
			t.VMOVDQU8(w.AsY(), reg.K5, at(reg.R12, 0))
			t.ADDQ(reg.R13, reg.R12)
		}
	}
}

func (q *qgen) requantizeNarrow(t tile, f func(string) operand.Mem) {
	w, y := t.free(0), t.free(1)
	for _, c := range []struct{ from, to operand.Mem }{{f("slope"), q.slope}, {f("hi"), q.hi}} {
		t.VBROADCASTSS(c.from, w)
		t.VMOVUPS(w, c.to)
	}
	t.VPBROADCASTW(f("zero"), w)
	t.VMOVDQU(w, q.zero)
	q.load("Cols", 1, reg.R8)
	for r := 0; r < t.rows; r += 2 {
		last := min(r+1, t.rows-1) // the other row of the pair, or none
		for i := r; i <= last; i++ {
			x := t.acc(i, 0)
			t.VCVTDQ2PS(x, x)
			t.VMULPS(at(reg.RBX, 0), x, x)
			t.VMULPS(q.slope, x, w)
			t.VMAXPS(x, w, x)
			t.VMINPS(q.hi, x, x)
			t.VCVTPS2DQ(x, x)
		}
		x := t.acc(r, 0)
		t.VPACKSSDW(t.acc(last, 0), x, x)
		t.VPADDSW(q.zero, x, x)
		t.VPERMQ(operand.U8(0xd8), x, x)
		t.VEXTRACTI128(operand.U8(1), x, y.AsX())
		t.VPACKSSWB(y.AsX(), x.AsX(), x.AsX())
		partial, done := t.label("partial"), t.label("written")
		t.CMPQ(reg.R8, operand.U8(t.nr()))
		t.JNE(operand.LabelRef(partial))
		t.VMOVQ(x.AsX(), at(reg.R12, 0))
		t.ADDQ(reg.R13, reg.R12)
		if last > r {
			t.VPEXTRQ(operand.U8(1), x.AsX(), at(reg.R12, 0))
			t.ADDQ(reg.R13, reg.R12)
		}
		t.JMP(operand.LabelRef(done))
		t.Label(partial)
		t.VMOVDQU(x.AsX(), q.bytes)
		for i := r; i <= last; i++ {
			loop := t.label("byte")
			t.MOVQ(reg.R8, reg.RCX)
			t.JMP(operand.LabelRef(loop + "_next"))
			t.Label(loop)
			t.MOVBLZX(q.bytes.Offset(8*(i-r)).Idx(reg.RCX, 1), reg.EDX)
			t.MOVB(reg.DL, operand.Mem{Base: reg.R12, Index: reg.RCX, Scale: 1})
			t.Label(loop + "_next")
			t.DECQ(reg.RCX)
			t.JGE(operand.LabelRef(loop))
			t.ADDQ(reg.R13, reg.R12)
		}
		t.Label(done)
	}
}
