package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is what the generators need to know of an instruction set.
type isa struct {
	name  string
	wide  bool // 512-bit vectors and mask registers; else 256-bit vectors and VMASKMOVPS
	lanes int  // float32 lanes of a vector
	regs  int  // vector registers
	mr    int  // rows and vectors of the C tile
	nv    int
}

var sets = []isa{
	{name: "avx2", lanes: 8, regs: 16, mr: 6, nv: 2},
	{name: "avx512", wide: true, lanes: 16, regs: 32, mr: 14, nv: 2},
}

// nr is the tile's width in floats.
func (s isa) nr() int { return s.nv * s.lanes }

// size is a vector's size in bytes.
func (s isa) size() int { return 4 * s.lanes }

// v is vector register i.
func (s isa) v(i int) reg.VecPhysical {
	if i < 0 || i >= s.regs {
		panic(fmt.Sprintf("%s has no vector register %d", s.name, i))
	}
	if s.wide {
		return vectors[i].AsZ().(reg.VecPhysical)
	}
	return vectors[i].AsY().(reg.VecPhysical)
}

var vectors = []reg.VecPhysical{
	reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7,
	reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15,
	reg.X16, reg.X17, reg.X18, reg.X19, reg.X20, reg.X21, reg.X22, reg.X23,
	reg.X24, reg.X25, reg.X26, reg.X27, reg.X28, reg.X29, reg.X30, reg.X31,
}

// attrData is read-only data without pointers.
const attrData = attr.RODATA | attr.NOPTR

// gen writes kernels of one instruction set into one file.
type gen struct {
	*build.Context
	isa
	labels   int
	file     string                 // less the suffix
	literals map[string]operand.Mem // the file's constants
}

// kernel opens function name(signature); docs are printf'd with the instruction set's name left to
// the caller.
func (g *gen) kernel(name, signature string, docs ...string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.Pragma("noescape")
	s, err := gotypes.ParseSignatureInPackage(simd, "func("+signature+")")
	if err != nil {
		panic(name + ": " + err.Error())
	}
	g.Signature(s)
	g.Doc(docs...)
	g.labels = 0
}

// end closes a kernel: the upper halves are cleared, so that SSE code that follows runs at full
// speed.
func (g *gen) end() {
	g.VZEROUPPER()
	g.RET()
}

// paramAddr is the place of a parameter on the stack.
func (g *gen) paramAddr(name string) operand.Mem {
	c, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return c.Addr
}

// label makes a name that is unique within the function.
func (g *gen) label(what string) string {
	g.labels++
	return fmt.Sprintf("%s%d", what, g.labels)
}

// at is the memory operand disp(base).
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// zero clears a vector.
func (g *gen) zero(v reg.VecPhysical) {
	if g.wide {
		g.VPXORD(v, v, v)
		return
	}
	g.VXORPS(v, v, v)
}
