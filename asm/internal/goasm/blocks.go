package goasm

import (
	"fmt"
	"math/bits"
)

// Block is a struct in which Go hands work to a kernel. Its fields take a word each, arrays as
// many bytes as they have.
type Block struct {
	Name, Doc string
	Fields    []Field
}

// Offset is where field name stands in a block of words of so many bytes.
func (b *Block) Offset(name string, word int) int {
	at := 0
	for _, f := range b.Fields {
		if f.Name() == name {
			return at
		}
		at += f.size(word)
	}
	panic(b.Name + " has no " + name)
}

// size is the bytes of a field.
func (f Field) size(word int) int {
	var n, width int
	if _, err := fmt.Sscanf(f.Type(), "[%d]float%d", &n, &width); err == nil {
		return n * width / 8
	}
	if _, err := fmt.Sscanf(f.Type(), "[%d]int%d", &n, &width); err == nil {
		return n * width / 8
	}
	return word
}

// Log2 is the logarithm of a power of two.
func Log2(n int) int { return bits.Len(uint(n)) - 1 }
