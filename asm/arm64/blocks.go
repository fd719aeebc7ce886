package main

import "github.com/gantiny/gantiny/asm/internal/goasm"

// block is a struct in which Go hands a tile to a kernel. Its fields take eight bytes, arrays as
// many as they have.
type block struct {
	name, doc string
	fields    []field
}

type field = goasm.Field

var blocks = []*block{&gemmBlock, &outerBlock, &qgemmBlock}

// offset is where field name stands.
func (b *block) offset(name string) int {
	at := 0
	for _, f := range b.fields {
		if f.Name() == name {
			return at
		}
		switch f.Type() {
		case "[4]float32", "[8]int16":
			at += 16
		case "[8]int32":
			at += 32
		default:
			at += 8
		}
	}
	panic(b.name + " has no " + name)
}

// get fetches fields of the block at base: name, register, name, register ...
func (c *code) get(b *block, base string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVD %d(%s), %s", b.offset(pairs[i]), base, pairs[i+1])
	}
}
