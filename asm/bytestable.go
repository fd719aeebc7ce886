package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// table writes the lookup in 256 bytes.
func (b *bytesGen) table() {
	if b.wide {
		b.tableVBMI()
	} else {
		b.tableShuffle()
	}
}

// tableVBMI has the table in four registers: one instruction looks up in two of them by the low
// seven bits, and the sign chooses between two such lookups.
func (b *bytesGen) tableVBMI() {
	b.open("table", "dst, x *int8, n int, table *int8", "dst[i] = table[x[i]+128]. It needs AVX-512 VBMI.")
	b.Comment("DI: dst; SI: x; R8: elements left; BX: table")
	b.params("dst", reg.RDI, "x", reg.RSI, "n", reg.R8, "table", reg.RBX)
	var parts []reg.VecPhysical
	for i := range 4 {
		v := b.named("table, 64 entries")
		b.VMOVDQU32(at(reg.RBX, 64*i), v)
		parts = append(parts, v)
	}
	x, low, high := b.tmp(), b.tmp(), b.tmp()
	look := func() {
		b.VPMOVB2M(x, reg.K1)
		b.VMOVDQA32(x, low)
		b.VMOVDQA32(x, high)
		b.VPERMI2B(parts[1], parts[0], low)
		b.VPERMI2B(parts[3], parts[2], high)
		b.VMOVDQU8(low, reg.K1, high)
	}
	b.SUBQ(operand.I32(64), reg.R8)
	b.JL(operand.LabelRef("done"))
	b.Label("loop")
	b.VMOVDQU32(at(reg.RSI, 0), x)
	look()
	b.VMOVDQU32(high, at(reg.RDI, 0))
	b.ADDQ(operand.I32(64), reg.RSI)
	b.ADDQ(operand.I32(64), reg.RDI)
	b.SUBQ(operand.I32(64), reg.R8)
	b.JGE(operand.LabelRef("loop"))
	b.Label("done")
	b.ADDQ(operand.I32(64), reg.R8)
	b.JZ(operand.LabelRef("end"))
	b.byteMasks(reg.R8)
	b.VMOVDQU8_Z(at(reg.RSI, 0), reg.K5, x)
	look()
	b.VMOVDQU8(high, reg.K5, at(reg.RDI, 0))
	b.Label("end")
	b.end()
}

// tableShuffle adds up, bit by bit, what a table's steps of 16 entries give: a shuffle gives zero
// where the index is negative, as it is in the steps behind the entry, and in those of the other
// sign.
func (b *bytesGen) tableShuffle() {
	b.open("table", "dst, x *int8, n int, table *int8", "dst[i] = the entry of x[i], of which table has the steps, see ByteTable.")
	b.Comment("DI: dst; SI: x; R8: elements left; BX: table")
	b.params("dst", reg.RDI, "x", reg.RSI, "n", reg.R8, "table", reg.RBX)
	sixteen, flip := b.named("16"), b.named("sign bits")
	b.VPBROADCASTD(b.literal(operand.U32(0x10101010)), sixteen)
	b.VPBROADCASTD(b.literal(operand.U32(0x80808080)), flip)
	base := b.used
	for _, vectors := range []int{4, 1} {
		b.used = base
		var index, sum []reg.VecPhysical
		for range vectors {
			index, sum = append(index, b.tmp()), append(sum, b.tmp())
		}
		table, t := b.tmp(), b.tmp()
		step := 32 * vectors
		loop, done := b.label("loop"), b.label("done")
		b.SUBQ(operand.I32(step), reg.R8)
		b.JL(operand.LabelRef(done))
		b.Label(loop)
		for h := range 2 {
			for k := range 8 {
				b.VBROADCASTI128(at(reg.RBX, 128*h+16*k), table)
				for i, x := range index {
					switch {
					case h == 0 && k == 0:
						b.VMOVDQU(at(reg.RSI, 32*i), x)
						b.VPXOR(flip, x, x)
						b.VPSHUFB(x, table, sum[i])
						continue
					case k == 0:
						b.VMOVDQU(at(reg.RSI, 32*i), x)
					default:
						b.VPSUBSB(sixteen, x, x)
					}
					b.VPSHUFB(x, table, t)
					b.VPXOR(t, sum[i], sum[i])
				}
			}
		}
		for i := range sum {
			b.VMOVDQU(sum[i], at(reg.RDI, 32*i))
		}
		b.ADDQ(operand.I32(step), reg.RSI)
		b.ADDQ(operand.I32(step), reg.RDI)
		b.SUBQ(operand.I32(step), reg.R8)
		b.JGE(operand.LabelRef(loop))
		b.Label(done)
		b.ADDQ(operand.I32(step), reg.R8)
	}
	b.end()
}
