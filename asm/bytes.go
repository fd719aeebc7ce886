package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bytesKernels writes the kernels of simd.Bytes: bytes are widened to 32 bits, a vector of them at a time
// or four.
func bytesKernels(g *gen) {
	b := &bytesGen{gen: g}
	b.table()
	b.add()
	b.mul()
	b.affine()
	b.moments()
	b.mean()
}

// bytesGen writes one of these kernels. Where vectors are masked, masks[i] is of vector i of four
// and wholeMask of the bytes of all.
type bytesGen struct {
	*gen
	used  int
	order reg.VecPhysical // of the dwords of four packed vectors
}

var masks = []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}

const (
	wholeMask = 5 // K5: bytes of four vectors
	oddMask   = 6 // K6: every other dword
)

// open begins a kernel, whose name is what and the instruction set's.
func (b *bytesGen) open(what, signature string, docs ...string) {
	name := what + "Bytes_" + b.name
	b.used, b.order = 0, nil
	b.kernel(name, signature, append([]string{fmt.Sprintf("%s works like %sBytesScalar, see byteKernels:", name, what)}, docs...)...)
}

// tmp is a register that nothing else uses.
func (b *bytesGen) tmp() reg.VecPhysical {
	b.used++
	return b.v(b.used - 1)
}

// named is tmp, with a comment.
func (b *bytesGen) named(what string) reg.VecPhysical {
	v := b.tmp()
	b.Comment(v.Asm() + ": " + what)
	return v
}

// every fills a register with a parameter of 32 bits.
func (b *bytesGen) every(name string) reg.VecPhysical {
	v := b.named(name)
	b.VBROADCASTSS(b.paramAddr(name), v)
	return v
}

// every64 fills a register with a parameter of 64 bits.
func (b *bytesGen) every64(name string) reg.VecPhysical {
	v := b.named(name)
	b.VPBROADCASTQ(b.paramAddr(name), v)
	return v
}

// count loads a parameter as the count of a shift.
func (b *bytesGen) count(name string, bits int) reg.VecPhysical {
	v := b.named(name)
	if bits == 64 {
		b.VMOVQ(b.paramAddr(name), v.AsX())
	} else {
		b.VMOVSS(b.paramAddr(name), v.AsX())
	}
	return v
}

// ones fills a register with -1.
func (b *bytesGen) ones() reg.VecPhysical {
	v := b.named("-1")
	if b.wide {
		b.VPTERNLOGD(operand.U8(0xff), v, v, v)
	} else {
		b.VPCMPEQD(v, v, v)
	}
	return v
}

// packs loads the order of pack4, and odds the mask of odd dwords.
func (b *bytesGen) packs() {
	b.order = b.named("order of packed dwords")
	if b.wide {
		b.VMOVDQU32(b.pattern("quarters", func(lane int) uint32 { return uint32(4*(lane%4) + lane/4) }), b.order)
	} else {
		b.VMOVDQU(b.pattern("halves", func(lane int) uint32 { return uint32(4*(lane%2) + lane/2%4) }), b.order)
	}
}

func (b *bytesGen) odds() {
	if b.wide {
		b.MOVL(operand.U32(0xaaaa), reg.EAX)
		b.KMOVW(reg.EAX, reg.K6)
	}
}

// widen loads a vector's bytes; mask is one of masks, or nil for all.
func (b *bytesGen) widen(m operand.Mem, mask reg.Register, v reg.VecPhysical) {
	if mask != nil {
		b.VPMOVSXBD_Z(m, mask, v)
	} else {
		b.VPMOVSXBD(m, v)
	}
}

// half: v = round(v / 2^(count+1)), less the sign of count's register.
func (b *bytesGen) half(v, ones reg.VecPhysical) {
	b.VPSUBD(ones, v, v)
	b.VPSRAD(operand.U8(1), v, v)
}

// blendOdd: even's odd dwords are those of odd.
func (b *bytesGen) blendOdd(odd, even reg.VecPhysical) {
	if b.wide {
		b.VMOVDQA32(odd, reg.K6, even)
	} else {
		b.VPBLENDD(operand.U8(0xaa), odd, even, even)
	}
}

// store4 writes four vectors as bytes and spends them.
func (b *bytesGen) store4(v []reg.VecPhysical, m operand.Mem, masked bool) {
	b.VPACKSSDW(v[1], v[0], v[0])
	b.VPACKSSDW(v[3], v[2], v[2])
	b.VPACKSSWB(v[2], v[0], v[0])
	b.VPERMD(v[0], b.order, v[0])
	switch {
	case masked:
		b.VMOVDQU8(v[0], reg.K5, m)
	case b.wide:
		b.VMOVDQU32(v[0], m)
	default:
		b.VMOVDQU(v[0], m)
	}
}

// store1 writes one vector as bytes and spends it and t.
func (b *bytesGen) store1(v, t reg.VecPhysical, m operand.Mem, mask reg.Register) {
	switch {
	case mask != nil:
		b.VPMOVSDB(v, mask, m)
	case b.wide:
		b.VPMOVSDB(v, m)
	default:
		b.VEXTRACTI128(operand.U8(1), v, t.AsX())
		b.VPACKSSDW(t.AsX(), v.AsX(), v.AsX())
		b.VPACKSSWB(v.AsX(), v.AsX(), v.AsX())
		b.VMOVQ(v.AsX(), m)
	}
}

// byteMasks makes the masks of the first n bytes, n below 4 vectors'. It spends n and RAX.
func (b *bytesGen) byteMasks(n reg.GPPhysical) {
	b.MOVQ(operand.I32(-1), reg.RAX)
	b.BZHIQ(n, reg.RAX, reg.RAX)
	b.KMOVQ(reg.RAX, reg.K5)
	for i, k := range masks {
		b.KMOVW(reg.EAX, k)
		if i < 3 {
			b.SHRQ(operand.U8(16), reg.RAX)
		}
	}
}

// blocks goes through n elements: four vectors at a time, and then the rest as four masked vectors
// or, without masks, one by one. body handles vectors count vectors; moves lists what to move on.
func (b *bytesGen) blocks(n reg.GPPhysical, moves []reg.GPPhysical, body func(vectors int, masked bool)) {
	base := b.used
	for _, vectors := range []int{4, 1} {
		b.used = base
		if vectors == 1 && b.wide {
			end := b.label("end")
			b.ADDQ(operand.I32(4*b.lanes), n)
			b.JZ(operand.LabelRef(end))
			b.byteMasks(n)
			body(4, true)
			b.Label(end)
			return
		}
		step := vectors * b.lanes
		loop, done := b.label("loop"), b.label("done")
		if vectors == 4 {
			b.SUBQ(operand.I32(step), n)
		} else {
			b.ADDQ(operand.I32(4*b.lanes-step), n)
		}
		b.JL(operand.LabelRef(done))
		b.Label(loop)
		body(vectors, false)
		for _, p := range moves {
			b.ADDQ(operand.I32(step), p)
		}
		b.SUBQ(operand.I32(step), n)
		b.JGE(operand.LabelRef(loop))
		b.Label(done)
	}
}

// maskOf is vector i's mask, nil for none.
func maskOf(masked bool, i int) reg.Register {
	if masked {
		return masks[i]
	}
	return nil
}

// flat writes a loop over DI, SI and perhaps DX, whose elements compute turns from x and y to the
// result in x.
func (b *bytesGen) flat(two bool, compute func(x, y reg.VecPhysical)) {
	moves := []reg.GPPhysical{reg.RDI, reg.RSI}
	if two {
		moves = append(moves, reg.RDX)
	}
	b.packs()
	b.blocks(reg.R8, moves, func(vectors int, masked bool) {
		var list []reg.VecPhysical
		for range vectors {
			list = append(list, b.tmp())
		}
		y := b.tmp()
		base := b.used
		for i, x := range list {
			b.used = base
			b.widen(at(reg.RSI, i*b.lanes), maskOf(masked, i), x)
			if two {
				b.widen(at(reg.RDX, i*b.lanes), maskOf(masked, i), y)
			}
			compute(x, y)
		}
		if vectors == 4 {
			b.store4(list, at(reg.RDI, 0), masked)
		} else {
			b.store1(list[0], y, at(reg.RDI, 0), nil)
		}
	})
	b.end()
}

// params loads integer parameters into DI, SI, DX, CX, R8 ... as listed.
func (b *bytesGen) params(pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		b.Load(b.Param(pairs[i].(string)), pairs[i+1].(reg.Register))
	}
}

func (b *bytesGen) add() {
	b.open("add", "dst, x, y *int8, n int, a, b, c, half, zero int32",
		"dst[i] = byte(((a*x[i] + b*y[i] + c) >> half + 1) >> 1, zero).")
	b.Comment("DI: dst; SI: x; DX: y; R8: elements left")
	b.params("dst", reg.RDI, "x", reg.RSI, "y", reg.RDX, "n", reg.R8)
	a, bb, c, zero := b.every("a"), b.every("b"), b.every("c"), b.every("zero")
	half, ones := b.count("half", 32), b.ones()
	b.flat(true, func(x, y reg.VecPhysical) {
		b.VPMULLD(a, x, x)
		b.VPMULLD(bb, y, y)
		b.VPADDD(c, x, x)
		b.VPADDD(y, x, x)
		b.VPSRAD(half.AsX(), x, x)
		b.half(x, ones)
		b.VPADDD(zero, x, x)
	})
}

// scaleArgs are the numbers of simd.scale.
type scaleArgs struct{ m, shift, base, end reg.VecPhysical }

const scaleParams = "m, shift int, base uint64, end int32"

func (b *bytesGen) scaleArgs() scaleArgs {
	b.odds()
	return scaleArgs{b.every64("m"), b.count("shift", 64), b.every64("base"), b.every("end")}
}

// scaled: x = (x*m + base) >> shift + end, by products of 64 bits of the even and the odd elements.
func (b *bytesGen) scaled(s scaleArgs, x, odd reg.VecPhysical) {
	b.VPSRLQ(operand.U8(32), x, odd)
	b.VPMULDQ(s.m, x, x)
	b.VPMULDQ(s.m, odd, odd)
	for _, v := range []reg.VecPhysical{x, odd} {
		b.VPADDQ(s.base, v, v)
		b.VPSRLQ(s.shift.AsX(), v, v)
	}
	b.VPSLLQ(operand.U8(32), odd, odd)
	b.blendOdd(odd, x)
	b.VPADDD(s.end, x, x)
}

func (b *bytesGen) mul() {
	b.open("mul", "dst, x, y *int8, n int, "+scaleParams+", zero0, zero1 int32",
		"dst[i] = byte(((x[i]-zero0)*(y[i]-zero1)*m + base) >> shift, end).")
	b.Comment("DI: dst; SI: x; DX: y; R8: elements left")
	b.params("dst", reg.RDI, "x", reg.RSI, "y", reg.RDX, "n", reg.R8)
	s, zero0, zero1 := b.scaleArgs(), b.every("zero0"), b.every("zero1")
	b.flat(true, func(x, y reg.VecPhysical) {
		b.VPSUBD(zero0, x, x)
		b.VPSUBD(zero1, y, y)
		b.VPMULLD(y, x, x)
		b.scaled(s, x, y)
	})
}
