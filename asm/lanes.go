package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes writes one vector's worth of an operation.
type lanes struct {
	*gen
	streams []reg.GPPhysical // pointers
	disp    int              // offset of this vector from them
	masked  bool             // only the lanes of the tail mask exist
	scalars []reg.VecPhysical
	consts  []reg.VecPhysical
	table   *block
	used    int // vector registers
}

// streamRegs point to the slices of an operation.
var streamRegs = []reg.GPPhysical{reg.RDI, reg.RSI, reg.RDX, reg.RCX}

// streamNames says so in a comment.
func streamNames(slices []string) (list []string) {
	for i, s := range slices {
		list = append(list, streamRegs[i].Asm()+": "+s)
	}
	return list
}

// tmp is a register that nothing else uses.
func (b *lanes) tmp() reg.VecPhysical {
	b.used++
	return b.v(b.used - 1)
}

// full panics if a register has two uses.
func (b *lanes) full() {
	if b.masked && !b.wide && b.used == b.regs {
		panic("out of vector registers")
	}
}

// broadcast fills registers with the parameters and constants that every vector needs.
func (b *lanes) broadcast(scalars []string, consts []float32) {
	for _, s := range scalars {
		v := b.tmp()
		b.Comment(v.Asm() + ": " + s)
		b.VBROADCASTSS(b.paramAddr(s), v)
		b.scalars = append(b.scalars, v)
	}
	for _, c := range consts {
		v := b.tmp()
		b.Comment(fmt.Sprintf("%s: %g", v.Asm(), c))
		if c == 0 {
			b.zero(v)
		} else {
			b.VBROADCASTSS(b.literal(operand.F32(c)), v)
		}
		b.consts = append(b.consts, v)
	}
}

// constant is a vector of the operation's table.
func (b *lanes) constant(name string) operand.Mem { return b.table.of(reg.RBX, name) }

// load reads this vector of slice i into a register.
func (b *lanes) load(i int) reg.VecPhysical {
	v := b.tmp()
	b.loadFrom(at(b.streams[i], b.disp), v)
	return v
}

func (b *lanes) loadFrom(m operand.Mem, v reg.VecPhysical) {
	switch {
	case !b.masked:
		b.VMOVUPS(m, v)
	case b.wide:
		b.VMOVUPS_Z(m, reg.K1, v)
	default:
		b.VMASKMOVPS(m, b.tail(), v)
	}
}

// store writes this vector of slice i.
func (b *lanes) store(v reg.VecPhysical, i int) { b.storeTo(v, at(b.streams[i], b.disp)) }

func (b *lanes) storeTo(v reg.VecPhysical, m operand.Mem) {
	switch {
	case !b.masked:
		b.VMOVUPS(v, m)
	case b.wide:
		b.VMOVUPS(v, reg.K1, m)
	default:
		b.VMASKMOVPS(v, b.tail(), m)
	}
}

// tail is the register that holds the tail's lane mask; code with mask registers uses K1.
func (g *gen) tail() reg.VecPhysical { return g.v(g.regs - 1) }

// tailMask makes the mask of the first n lanes, n < lanes. It spends n and R11.
func (g *gen) tailMask(n reg.GPPhysical) {
	if g.wide {
		g.MOVL(operand.I32(-1), reg.R11L)
		g.BZHIL(n.As32(), reg.R11L, reg.R11L)
		g.KMOVW(reg.R11L, reg.K1)
		return
	}
	g.LEAQ(operand.NewDataAddr(operand.Symbol{Name: "·laneMasks"}, 64), reg.R11)
	g.SHLQ(operand.U8(2), n)
	g.SUBQ(n, reg.R11)
	g.VMOVUPS(at(reg.R11, 0), g.tail())
}

// Predicates of VCMPPS; they compare their second source with the first and raise nothing.
const (
	lessThan   = operand.U8(0x11) // false for NaN
	notGreater = operand.U8(0x1a) // true for NaN
)

// scaleWhere: x = slope*x where y compares with zero as the predicate says. 256-bit code spends the
// scratch registers; the first one may be y.
func (g *gen) scaleWhere(predicate operand.U8, zero, y, slope, x, scratch0, scratch1 reg.VecPhysical) {
	if g.wide {
		g.VCMPPS(predicate, zero, y, reg.K2)
		g.VMULPS(slope, x, reg.K2, x)
		return
	}
	g.VCMPPS(predicate, zero, y, scratch0)
	g.VMULPS(slope, x, scratch1)
	g.VBLENDVPS(scratch0, scratch1, x, x)
}

// leaky: v = slope*v where v < 0. The slope is the first scalar, the first constant is 0.
func (b *lanes) leaky(v reg.VecPhysical) {
	b.scaleWhere(lessThan, b.consts[0], v, b.scalars[0], v, b.tmp(), b.tmp())
}

// leakyGrad: d = slope*d where z is not above 0. It spends z.
func (b *lanes) leakyGrad(z, d reg.VecPhysical) {
	b.scaleWhere(notGreater, b.consts[0], z, b.scalars[0], d, z, b.tmp())
}

// blendWhere: y = x where v compares with c as the predicate says.
func (b *lanes) blendWhere(predicate, c operand.Op, v, x, y reg.VecPhysical) {
	if b.wide {
		b.VCMPPS(predicate, c, v, reg.K2)
		b.VMOVAPS(x, reg.K2, y)
		return
	}
	m := b.tmp()
	b.VCMPPS(predicate, c, v, m)
	b.VBLENDVPS(m, x, y, y)
}

// xor: d = x ^ y.
func (b *lanes) xor(x operand.Op, y, d reg.VecPhysical) {
	if b.wide {
		b.VPXORD(x, y, d)
	} else {
		b.VPXOR(x, y, d)
	}
}

// literal is a four-byte constant in the file's read-only data.
func (g *gen) literal(c operand.Constant) operand.Mem {
	name := fmt.Sprintf("%s_%s", g.file, strings.NewReplacer("$", "", "(", "", ")", "", ".", "_", "+", "", "-", "minus").Replace(c.Asm()))
	if m, ok := g.literals[name]; ok {
		return m
	}
	m := g.ConstData(name, c)
	g.literals[name] = m
	return m
}

// pattern is read-only data: one word a lane, for the longest vector.
func (g *gen) pattern(name string, f func(lane int) uint32) operand.Mem {
	if m, ok := g.literals[name]; ok {
		return m
	}
	m := g.StaticGlobal(name)
	g.DataAttributes(attrData)
	for j := range 16 {
		g.AppendDatum(operand.U32(f(j)))
	}
	g.literals[name] = m
	return m
}
