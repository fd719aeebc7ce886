package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// flat is an operation on slices of one length, element by element.
type flat struct {
	name    string   // of the kernel, less the instruction set
	doc     string   // the loop
	slices  []string // in the order of the signature
	scalars []string // float32 parameters, broadcast once
	consts  []float32
	table   *block // vectors that are passed by pointer; nil for none
	unroll  int
	body    func(b *lanes)
}

// write writes the kernel: blocks of unroll vectors, single vectors, a masked rest.
func (f flat) write(g *gen) {
	name := f.name + "_" + g.name
	sig := strings.Join(f.slices, ", ") + " *float32, n int"
	if f.table != nil {
		sig += ", t *" + f.table.name
	}
	if len(f.scalars) > 0 {
		sig += ", " + strings.Join(f.scalars, ", ") + " float32"
	}
	g.kernel(name, sig, fmt.Sprintf("%s works like %sScalar for i < n:", name, f.name), f.doc)
	b := &lanes{gen: g, streams: streamRegs[:len(f.slices)], table: f.table}
	g.Comment(strings.Join(streamNames(f.slices), "; ") + "; R8: elements left")
	for i, s := range f.slices {
		g.Load(g.Param(s), b.streams[i])
	}
	g.Load(g.Param("n"), reg.R8)
	if f.table != nil {
		g.Comment("BX: constants")
		g.Load(g.Param("t"), reg.RBX)
	}
	b.broadcast(f.scalars, f.consts)
	base := b.used
	body := func(u int, masked bool) {
		b.used, b.disp, b.masked = base, u*g.size(), masked
		f.body(b)
		b.full()
	}
	unrolls := []int{f.unroll, 1}
	if f.unroll == 1 {
		unrolls = unrolls[:1]
	}
	for _, u := range unrolls {
		loop, done := g.label("loop"), g.label("done")
		n := operand.U32(u * g.lanes)
		g.SUBQ(n, reg.R8)
		g.JL(operand.LabelRef(done))
		g.Label(loop)
		for i := range u {
			body(i, false)
		}
		for _, p := range b.streams {
			g.ADDQ(operand.U32(u*g.size()), p)
		}
		g.SUBQ(n, reg.R8)
		g.JGE(operand.LabelRef(loop))
		g.Label(done)
		g.ADDQ(n, reg.R8)
	}
	end := g.label("end")
	g.JZ(operand.LabelRef(end))
	g.tailMask(reg.R8)
	body(0, true)
	g.Label(end)
	g.end()
}
