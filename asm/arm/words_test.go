package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/asm/internal/listing"
)

// TestForms: every form, with registers that set every bit of every field, reads as its text says.
func TestForms(t *testing.T) {
	var lines []string
	for name, f := range forms {
		kinds := operands.FindAllString(f.text, -1)
		for _, regs := range [][]int{{0, 0, 0}, {31, 30, 29}, {1, 31, 16}, {16, 8, 31}} {
			var list []int
			for i, kind := range kinds {
				r := regs[i]
				switch {
				case kind[0] == 'q':
					r /= 2
				case strings.Contains(f.text, kind+"["): // an element of the first half of the registers
					r %= 16
				}
				list = append(list, r)
			}
			lines = append(lines, word(name, list...))
		}
	}
	for name, f := range moves {
		lines = append(lines, move(name, 0, "R0", ""), move(name, 32-f.registers, "R12", "!"), move(name, 15, "R7", "R9"))
	}
	slices.Sort(lines)
	listing.Compare(t, "arm", lines)
}

// TestWords: every WORD of the generated files reads as the comment beside it says.
func TestWords(t *testing.T) {
	lines := listing.Words(t, "../../simd/*_arm.s")
	if len(lines) < 100 {
		t.Errorf("only %d different WORDs", len(lines))
	}
	listing.Compare(t, "arm", lines)
}
