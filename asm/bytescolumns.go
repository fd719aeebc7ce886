package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns writes a loop over vectors of columns, and in it one over the rows of R10 bytes at SI
// and, with DI, of R9 bytes there. R11 is the number of rows, R8 of columns; each vector of
// parameters moves the registers of params on.
func (b *bytesGen) columns(params []reg.GPPhysical, before, row, after func(mask reg.Register)) {
	base := b.used
	body := func(mask reg.Register) {
		b.used = base
		before(mask)
		loop := b.label("row")
		b.MOVQ(reg.RSI, reg.R14)
		b.MOVQ(reg.RDI, reg.R15)
		b.MOVQ(reg.R11, reg.R13)
		b.Label(loop)
		row(mask)
		b.ADDQ(reg.R10, reg.R14)
		b.ADDQ(reg.R9, reg.R15)
		b.DECQ(reg.R13)
		b.JNZ(operand.LabelRef(loop))
		after(mask)
	}
	column, done := b.label("column"), b.label("done")
	b.SUBQ(operand.I32(b.lanes), reg.R8)
	b.JL(operand.LabelRef(done))
	b.Label(column)
	body(nil)
	b.ADDQ(operand.I32(b.lanes), reg.RSI)
	b.ADDQ(operand.I32(b.lanes), reg.RDI)
	for _, p := range params {
		b.ADDQ(operand.I32(b.size()), p)
	}
	b.SUBQ(operand.I32(b.lanes), reg.R8)
	b.JGE(operand.LabelRef(column))
	b.Label(done)
	if b.wide {
		end := b.label("end")
		b.ADDQ(operand.I32(b.lanes), reg.R8)
		b.JZ(operand.LabelRef(end))
		b.byteMasks(reg.R8)
		body(masks[0])
		b.Label(end)
	}
}

// ints loads a vector of 32-bit numbers.
func (b *bytesGen) ints(m operand.Mem, mask reg.Register, v reg.VecPhysical) {
	switch {
	case mask != nil:
		b.VMOVDQU32_Z(m, mask, v)
	case b.wide:
		b.VMOVDQU32(m, v)
	default:
		b.VMOVDQU(m, v)
	}
}

func (b *bytesGen) storeInts(v reg.VecPhysical, m operand.Mem, mask reg.Register) {
	switch {
	case mask != nil:
		b.VMOVDQU32(v, mask, m)
	case b.wide:
		b.VMOVDQU32(v, m)
	default:
		b.VMOVDQU(v, m)
	}
}

func (b *bytesGen) affine() {
	b.open("affine", "dst *int8, ds int, x *int8, xs, rows, n int, weight, bias, slope, shift *int32, zero int32",
		"v = x[r*xs+c]*weight[c] + bias[c], v*slope[c] >> 16 if v < 0; dst[r*ds+c] = byte((v >> (shift[c]-1) + 1) >> 1, zero).")
	b.Comment("DI, R15: dst, this row's; R9: ds; SI, R14: x, this row's; R10: xs; R11, R13: rows, rows left; R8: columns left",
		"BX, DX, CX, R12: weight, bias, slope, shift")
	b.params("dst", reg.RDI, "ds", reg.R9, "x", reg.RSI, "xs", reg.R10, "rows", reg.R11, "n", reg.R8,
		"weight", reg.RBX, "bias", reg.RDX, "slope", reg.RCX, "shift", reg.R12)
	zero, ones, none := b.every("zero"), b.ones(), b.named("0")
	b.gen.zero(none)
	weight, bias, shift, slope, odd := b.named("weight"), b.named("bias"), b.named("shift-1"), b.named("slope"), b.named("slope of odd columns")
	b.odds()
	v, t, u := b.tmp(), b.tmp(), b.tmp()
	write := func(leaky bool) {
		params := []reg.GPPhysical{reg.RBX, reg.RDX, reg.R12}
		if leaky {
			params = append(params, reg.RCX)
		}
		b.columns(params, func(mask reg.Register) {
			b.ints(at(reg.RBX, 0), mask, weight)
			b.ints(at(reg.RDX, 0), mask, bias)
			b.ints(at(reg.R12, 0), mask, shift)
			b.VPADDD(ones, shift, shift)
			if leaky {
				b.ints(at(reg.RCX, 0), mask, slope)
				b.VPSRLQ(operand.U8(32), slope, odd)
			}
		}, func(mask reg.Register) {
			b.widen(at(reg.R14, 0), mask, v)
			b.VPMULLD(weight, v, v)
			b.VPADDD(bias, v, v)
			if leaky {
				b.VPMINSD(none, v, t)
				b.VPMAXSD(none, v, v)
				b.VPSRLQ(operand.U8(32), t, u)
				b.VPMULDQ(slope, t, t)
				b.VPMULDQ(odd, u, u)
				b.VPSRLQ(operand.U8(16), t, t)
				b.VPSLLQ(operand.U8(16), u, u)
				b.blendOdd(u, t)
				b.VPADDD(t, v, v)
			}
			b.VPSRAVD(shift, v, v)
			b.half(v, ones)
			b.VPADDD(zero, v, v)
			b.store1(v, t, at(reg.R15, 0), mask)
		}, func(reg.Register) {})
		b.end()
	}
	b.TESTQ(reg.RCX, reg.RCX)
	b.JZ(operand.LabelRef("linear"))
	write(true)
	b.Label("linear")
	write(false)
}

func (b *bytesGen) moments() {
	b.open("moments", "sum, squares *int32, x *int8, xs, rows, n int",
		"sum[c] += x[r*xs+c], squares[c] += x[r*xs+c]^2.")
	b.Comment("SI, R14: x, this row's; R10: xs; R11, R13: rows, rows left; R8: columns left; BX, DX: sum, squares")
	b.params("x", reg.RSI, "xs", reg.R10, "rows", reg.R11, "n", reg.R8, "sum", reg.RBX, "squares", reg.RDX)
	b.XORQ(reg.R9, reg.R9)
	b.XORQ(reg.RDI, reg.RDI)
	sum, squares, v := b.named("sum"), b.named("squares"), b.tmp()
	b.columns([]reg.GPPhysical{reg.RBX, reg.RDX}, func(mask reg.Register) {
		b.ints(at(reg.RBX, 0), mask, sum)
		b.ints(at(reg.RDX, 0), mask, squares)
	}, func(mask reg.Register) {
		b.widen(at(reg.R14, 0), mask, v)
		b.VPADDD(v, sum, sum)
		b.VPMULLD(v, v, v)
		b.VPADDD(v, squares, squares)
	}, func(mask reg.Register) {
		b.storeInts(sum, at(reg.RBX, 0), mask)
		b.storeInts(squares, at(reg.RDX, 0), mask)
	})
	b.end()
}

func (b *bytesGen) mean() {
	b.open("mean", "dst, src *int8, n, stride int, terms *ByteTerm, count, "+scaleParams+", first int32",
		"v = first + weight*src[from*stride+i] over the terms; dst[i] = byte((v*m + base) >> shift, end).",
		"Weights are int16.")
	b.Comment("DI: dst; SI: src; R8: elements left; R9: stride; R10, R11: terms, their number; CX, R12: term, terms left; R13: row of src")
	b.params("dst", reg.RDI, "src", reg.RSI, "n", reg.R8, "stride", reg.R9, "terms", reg.R10, "count", reg.R11)
	s, first, weight := b.scaleArgs(), b.every("first"), b.named("weight")
	b.packs()
	b.blocks(reg.R8, []reg.GPPhysical{reg.RDI, reg.RSI}, func(vectors int, masked bool) {
		var sums []reg.VecPhysical
		for range vectors {
			v := b.tmp()
			b.move(first, v)
			sums = append(sums, v)
		}
		x := b.tmp()
		term := b.label("term")
		b.MOVQ(reg.R10, reg.RCX)
		b.MOVQ(reg.R11, reg.R12)
		b.Label(term)
		b.MOVLQSX(at(reg.RCX, 0), reg.R13)
		b.IMULQ(reg.R9, reg.R13)
		b.MOVWLZX(at(reg.RCX, 4), reg.RAX.As32()) // signs in the upper halves meet 0
		b.VMOVD(reg.RAX.As32(), weight.AsX())
		b.VPBROADCASTD(weight.AsX(), weight)
		for i, v := range sums {
			b.widen(operand.Mem{Base: reg.RSI, Index: reg.R13, Scale: 1, Disp: i * b.lanes}, maskOf(masked, i), x)
			b.VPMADDWD(weight, x, x)
			b.VPADDD(x, v, v)
		}
		b.ADDQ(operand.U8(8), reg.RCX)
		b.DECQ(reg.R12)
		b.JNZ(operand.LabelRef(term))
		for _, v := range sums {
			b.scaled(s, v, x)
		}
		if vectors == 4 {
			b.store4(sums, at(reg.RDI, 0), masked)
		} else {
			b.store1(sums[0], x, at(reg.RDI, 0), nil)
		}
	})
	b.end()
}

// move: d = v.
func (b *bytesGen) move(v, d reg.VecPhysical) {
	if b.wide {
		b.VMOVDQA32(v, d)
	} else {
		b.VMOVDQA(v, d)
	}
}
