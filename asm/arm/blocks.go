package main

import "github.com/gantiny/gantiny/asm/internal/goasm"

// block is a struct in which Go hands work to a kernel. Its fields take four bytes, arrays of four
// as many each.
type block struct {
	name, doc string
	fields    []field
}

type field = goasm.Field

var blocks = []*block{&gemmBlock, &qgemmBlock}

// offset is where field name stands.
func (b *block) offset(name string) int {
	at := 0
	for _, f := range b.fields {
		if f.Name() == name {
			return at
		}
		at += 4
		if f.Type()[0] == '[' {
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
