package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// peakChains is how many independent multiply-adds one turn of the loop holds: enough to hide their
// latency.
const peakChains = 12

// peak writes a loop of nothing but multiply-adds: what the machine can do at most.
func peak(g *gen) {
	peakLoop(g, "fmaLoop_"+g.name, "vector multiply-adds", func(factors, sum reg.VecPhysical) { g.VFMADD231PS(factors, factors, sum) })
}

// qpeak is peak for int8: VPDPBUSD, or what takes its place.
func qpeak(g *gen) {
	if g.wide {
		peakLoop(g, "qpeakLoop_avx512vnni", "times VPDPBUSD", func(factors, sum reg.VecPhysical) { g.VPDPBUSD(factors, factors, sum) })
		return
	}
	peakLoop(g, "qpeakLoop_"+g.name, "times VPMADDWD and VPADDD", func(factors, sum reg.VecPhysical) {
		products := g.v(peakChains + 1)
		g.VPMADDWD(factors, factors, products)
		g.VPADDD(products, sum, sum)
	})
	peakLoop(g, "qpeakLoop_"+g.name+"w7", "times VPMADDUBSW, VPMADDWD and VPADDD", func(factors, sum reg.VecPhysical) {
		products := g.v(peakChains + 1)
		g.VPMADDUBSW(factors, factors, products)
		g.VPMADDWD(factors, products, products)
		g.VPADDD(products, sum, sum)
	})
	peakLoop(g, "qpeakLoop_avxvnni", "times VPDPBUSD", func(factors, sum reg.VecPhysical) { g.dot(factors, factors, sum) })
}

// peakLoop writes the loop that does n times peakChains times what multiply writes. What it does is
// for the doc comment.
func peakLoop(g *gen, name, does string, multiply func(factors, sum reg.VecPhysical)) {
	g.kernel(name, "n int", fmt.Sprintf("%s does n times %d %s that do not wait for each other.", name, peakChains, does))
	g.Comment(fmt.Sprintf("%s-%s: sums; %s: factors, 0; %s: products where they are not added at once", g.v(0).Asm(), g.v(peakChains-1).Asm(),
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
