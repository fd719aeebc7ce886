package main

import "github.com/gantiny/gantiny/asm/internal/goasm"

type (
	block = goasm.Block
	field = goasm.Field
)

var blocks = []*block{&gemmBlock, &outerBlock, &qgemmBlock, &activationBlock}

const wordBytes = 8 // bytes of a field of a block

// offset is where field name of a block stands.
func offset(b *block, name string) int { return b.Offset(name, wordBytes) }

// get fetches fields of the block at base: name, register, name, register ...
func (c *code) get(b *block, base string, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.op("MOVD %d(%s), %s", offset(b, pairs[i]), base, pairs[i+1])
	}
}
