package main

import (
	"bytes"
	"fmt"
)

// block is a struct in which Go hands work to a kernel. Its fields take four bytes, arrays of four as many each.
type block struct {
	name, doc string
	fields    []field
}

type field struct{ name, kind, doc string }

var blocks = []*block{&gemmBlock, &qgemmBlock}

// offset is where field name stands.
func (b *block) offset(name string) int {
	at := 0
	for _, f := range b.fields {
		if f.name == name {
			return at
		}
		at += 4
		if f.kind[0] == '[' {
			at += 12
		}
	}
	panic(b.name + " has no " + name)
}

// get fetches fields of the block at base: name, register, name, register ...
func (c *code) get(b *block, base string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVW %d(%s), %s", b.offset(pairs[i]), base, pairs[i+1])
	}
}

func (b *block) source(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n// %s %s\ntype %s struct {\n", b.name, b.doc, b.name)
	for _, f := range b.fields {
		fmt.Fprintf(w, "%s %s", f.name, f.kind)
		if f.doc != "" {
			fmt.Fprintf(w, " // %s", f.doc)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "}")
}
