package main

import (
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/asm/internal/goasm"
)

// file is one simd/*_arm.s.
type file struct{ *goasm.File }

// code writes one function.
type code struct {
	*file
	params map[string]string // where they stand: name+offset(FP)
}

// param is one or more parameters of one type, of four bytes.
type param struct{ names, kind string }

// function opens name(params), a leaf with a frame of so many bytes; with any, R14 is free.
func (f *file) function(name string, frame int, params []param, doc ...string) *code {
	c := &code{file: f, params: map[string]string{}}
	size := 0
	var list []string
	for _, p := range params {
		for _, n := range strings.Split(p.names, ", ") {
			c.params[n] = fmt.Sprintf("%s+%d(FP)", n, size)
			size += 4
		}
		list = append(list, p.names+" "+p.kind)
	}
	f.Function(name, list, "", frame, size, doc)
	return c
}

// op writes an instruction that Go's assembler knows.
func (c *code) op(format string, args ...any) { fmt.Fprintf(&c.Text, "\t"+format+"\n", args...) }

// word and move write one that it lacks.
func (c *code) word(name string, regs ...int)            { c.op("%s", word(name, regs...)) }
func (c *code) move(name string, d int, base, by string) { c.op("%s", move(name, d, base, by)) }
func (c *code) zero(q int)                               { c.word("veor", q, q, q) }

func (c *code) comment(lines ...string) {
	for _, l := range lines {
		fmt.Fprintf(&c.Text, "\t// %s\n", l)
	}
}

// label opens a place to branch to.
func (c *code) label(name string) { fmt.Fprintf(&c.Text, "\n%s:\n", name) }

// load fetches parameters: name, register, name, register ...
func (c *code) load(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVW %s, %s", c.at(pairs[i]), pairs[i+1])
	}
}

func (c *code) at(name string) string {
	p, ok := c.params[name]
	if !ok {
		panic("no parameter " + name)
	}
	return p
}
