package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// peakChains is how many independent multiply-adds one turn of the loop holds: enough to hide their latency.
const peakChains = 12

// peak writes a loop of nothing but multiply-adds: what the machine can do at most.
func peak(g *gen) {
	name := "fmaLoop_" + g.name
	g.kernel(name, "n int", fmt.Sprintf("%s does n times %d vector multiply-adds that do not wait for each other.", name, peakChains))
	v := g.v(0).Asm()
	g.Comment(fmt.Sprintf("%s-%s: sums; %s, %s: factors, 0", v, g.v(peakChains-1).Asm(), g.v(peakChains).Asm(), g.v(peakChains+1).Asm()), "AX: turns left")
	for i := range peakChains + 2 {
		g.zero(g.v(i))
	}
	g.Load(g.Param("n"), reg.RAX)
	g.TESTQ(reg.RAX, reg.RAX)
	g.JLE(operand.LabelRef("done"))
	g.Label("loop")
	for i := range peakChains {
		g.VFMADD231PS(g.v(peakChains), g.v(peakChains+1), g.v(i))
	}
	g.DECQ(reg.RAX)
	g.JNZ(operand.LabelRef("loop"))
	g.Label("done")
	g.end()
}

// qpeak is peak for int8: VPDPBUSD, or VPMADDWD and the addition that it needs.
func qpeak(g *gen) {
	if g.wide {
		qpeakOf(g, "avx512vnni", "VPDPBUSD", func(factors, sum reg.VecPhysical) { g.VPDPBUSD(factors, factors, sum) })
		return
	}
	qpeakOf(g, g.name, "VPMADDWD and VPADDD", func(factors, sum reg.VecPhysical) {
		products := g.v(peakChains + 1)
		g.VPMADDWD(factors, factors, products)
		g.VPADDD(products, sum, sum)
	})
	qpeakOf(g, "avxvnni", "VPDPBUSD", func(factors, sum reg.VecPhysical) { g.dot(factors, factors, sum) })
}

func qpeakOf(g *gen, set, doc string, multiply func(factors, sum reg.VecPhysical)) {
	name := "qpeakLoop_" + set
	g.kernel(name, "n int", fmt.Sprintf("%s does n times %d times %s that do not wait for each other.", name, peakChains, doc))
	v := g.v(0).Asm()
	g.Comment(fmt.Sprintf("%s-%s: sums; %s: factors, 0; %s: products", v, g.v(peakChains-1).Asm(),
		g.v(peakChains).Asm(), g.v(peakChains+1).Asm()), "AX: turns left")
	for i := range peakChains + 1 {
		g.zero(g.v(i))
	}
	g.Load(g.Param("n"), reg.RAX)
	g.TESTQ(reg.RAX, reg.RAX)
	g.JLE(operand.LabelRef("done"))
	g.Label("loop")
	for i := range peakChains {
		multiply(g.v(peakChains), g.v(i))
	}
	g.DECQ(reg.RAX)
	g.JNZ(operand.LabelRef("loop"))
	g.Label("done")
	g.end()
}
