package main

import (
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/asm/internal/goasm"
)

// file is one simd/*_arm64.s.
type file struct{ *goasm.File }

// code writes one function.
type code struct {
	*file
	params map[string]string // where they stand: name+offset(FP)
	labels int
}

// param is one or more parameters of one type, or a result.
type param struct{ names, kind string }

func pointers(names ...string) param { return param{strings.Join(names, ", "), "*float32"} }
func ints(names ...string) param     { return param{strings.Join(names, ", "), "int"} }
func floats(names ...string) param   { return param{strings.Join(names, ", "), "float32"} }

// function opens name(params) result, a leaf without a frame; result may be empty.
func (f *file) function(name, result string, params []param, doc ...string) *code {
	c := &code{file: f, params: map[string]string{}}
	offset := 0
	place := func(name, kind string) {
		size := 8
		if kind == "float32" || kind == "uint32" || kind == "int32" {
			size = 4
		}
		offset = (offset + size - 1) &^ (size - 1)
		c.params[name] = fmt.Sprintf("%s+%d(FP)", name, offset)
		offset += size
	}
	var list []string
	for _, p := range params {
		for _, n := range strings.Split(p.names, ", ") {
			if n != "" {
				place(n, p.kind)
			}
		}
		if p.names != "" {
			list = append(list, p.names+" "+p.kind)
		}
	}
	if result != "" {
		offset = (offset + 7) &^ 7 // results start at a whole word
		place("ret", result)
	}
	f.Function(name, list, result, 0, offset, doc)
	return c
}

// op writes an instruction.
func (c *code) op(format string, args ...any) { fmt.Fprintf(&c.Text, "\t"+format+"\n", args...) }

// word writes an instruction that Go's assembler lacks.
func (c *code) word(name string, regs ...int) { c.op("%s", word(name, regs...)) }

func (c *code) comment(lines ...string) {
	for _, l := range lines {
		fmt.Fprintf(&c.Text, "\t// %s\n", l)
	}
}

// label opens a place to branch to.
func (c *code) label(name string) { fmt.Fprintf(&c.Text, "\n%s:\n", name) }

// unique makes a label's name.
func (c *code) unique(what string) string {
	c.labels++
	return fmt.Sprintf("%s%d", what, c.labels)
}

// step is what a loop takes at once: vectors of width elements each.
type step struct{ vectors, width int }

func (s step) elements() int { return s.vectors * s.width }

// inSteps goes through the elements that left counts, by each step in turn for as long as there are
// enough.
func (c *code) inSteps(left string, steps []step, body func(s step)) {
	for _, s := range steps {
		more, next := c.unique("more"), c.unique("next")
		c.op("CMP $%d, %s", s.elements(), left)
		c.op("BLT %s", next)
		c.label(more)
		body(s)
		c.op("SUB $%d, %s", s.elements(), left)
		c.op("CMP $%d, %s", s.elements(), left)
		c.op("BGE %s", more)
		c.label(next)
	}
}

// countDown writes the body of a loop that runs until left is 0, once at least.
func (c *code) countDown(label, left string, body func()) {
	c.label(label)
	body()
	c.op("SUB $1, %s", left)
	c.op("CBNZ %s, %s", left, label)
}

// load fetches integer or pointer parameters into general registers: name, register, name, register
// ...
func (c *code) load(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVD %s, %s", c.at(pairs[i]), pairs[i+1])
	}
}

// load32 fetches a 32-bit parameter into a general register.
func (c *code) load32(name, to string) { c.op("MOVWU %s, %s", c.at(name), to) }

func (c *code) at(name string) string {
	p, ok := c.params[name]
	if !ok {
		panic("no parameter " + name)
	}
	return p
}

// everyLane puts a float32 parameter into all lanes of v.
func (c *code) everyLane(name string, v int) {
	c.op("FMOVS %s, F%d", c.at(name), v)
	c.op("VDUP V%d.S[0], V%d.S4", v, v)
}

// Vector instructions that the assembler knows, destination first as in the mnemonics of words.go.

func (c *code) fmla(d, n, m int)  { c.op("VFMLA V%d.S4, V%d.S4, V%d.S4", m, n, d) } // d += n*m, fused
func (c *code) fmls(d, n, m int)  { c.op("VFMLS V%d.S4, V%d.S4, V%d.S4", m, n, d) } // d -= n*m, fused
func (c *code) add(d, n, m int)   { c.op("VADD V%d.S4, V%d.S4, V%d.S4", m, n, d) }  // integers
func (c *code) sub(d, n, m int)   { c.op("VSUB V%d.S4, V%d.S4, V%d.S4", m, n, d) }  // integers: n-m
func (c *code) eor(d, n, m int)   { c.op("VEOR V%d.B16, V%d.B16, V%d.B16", m, n, d) }
func (c *code) and(d, n, m int)   { c.op("VAND V%d.B16, V%d.B16, V%d.B16", m, n, d) }
func (c *code) orr(d, n, m int)   { c.op("VORR V%d.B16, V%d.B16, V%d.B16", m, n, d) }
func (c *code) bit(d, n, m int)   { c.op("VBIT V%d.B16, V%d.B16, V%d.B16", m, n, d) } // n's bits go to d where m's are set
func (c *code) shl(d, n, by int)  { c.op("VSHL $%d, V%d.S4, V%d.S4", by, n, d) }
func (c *code) ushr(d, n, by int) { c.op("VUSHR $%d, V%d.S4, V%d.S4", by, n, d) }
func (c *code) mov(d, n int)      { c.op("VMOV V%d.B16, V%d.B16", n, d) }
func (c *code) zero(d int)        { c.eor(d, d, d) }

// loadN loads n floats, n from 1 to 8, from disp(base); elements come to lie where spread(n) says.
// Nothing beyond them is touched.
func (c *code) loadN(n int, base string, disp, v int) {
	switch {
	case n > 4:
		c.op("FMOVQ %d(%s), F%d", disp, base, v)
		c.op("FMOVQ %d(%s), F%d", disp+4*(n-4), base, v+1)
	case n == 4:
		c.op("FMOVQ %d(%s), F%d", disp, base, v)
	case n == 3:
		c.op("FMOVD %d(%s), F%d", disp, base, v)
		c.op("FMOVS %d(%s), F%d", disp+8, base, v+1)
	case n == 2:
		c.op("FMOVD %d(%s), F%d", disp, base, v)
	default:
		c.op("FMOVS %d(%s), F%d", disp, base, v)
	}
}

// spread is where loadN(n, ..., v) puts element i. With more than four the second vector ends with
// the last element.
func spread(n, v, i int) (reg, lane int) {
	switch {
	case i < 4 && n != 3 || i < 2:
		return v, i
	case n == 3:
		return v + 1, 0
	}
	return v + 1, i - (n - 4)
}
