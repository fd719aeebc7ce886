package main

import (
	"slices"
	"testing"

	"github.com/gantiny/gantiny/asm/internal/listing"
)

// TestForms: every form, with registers that set every bit of every field, reads as its text says.
func TestForms(t *testing.T) {
	var lines []string
	for name, f := range forms {
		n := len(operands.FindAllString(f.text, -1))
		for _, regs := range [][]int{{0, 0, 0, 0}, {31, 30, 29, 3}, {1, 31, 16, 1}, {16, 8, 31, 2}} {
			lines = append(lines, word(name, regs[:n]...))
		}
	}
	slices.Sort(lines)
	listing.Compare(t, "aarch64", lines)
}

// TestWords: every WORD of the generated files reads as the comment beside it says.
func TestWords(t *testing.T) {
	lines := listing.Words(t, "../../simd/*_arm64.s")
	if len(lines) < 100 {
		t.Errorf("only %d different WORDs", len(lines))
	}
	listing.Compare(t, "aarch64", lines)
}
