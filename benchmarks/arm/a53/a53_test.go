package a53

import (
	"strings"
	"testing"

	"github.com/gantiny/gantiny/benchmarks/arm/listing"
)

// TestCycles: cycles that can be counted by hand.
func TestCycles(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       float64
	}{
		{"independent", "fmla v0.4s, v8.4s, v9.s[0]|fmla v1.4s, v8.4s, v9.s[0]|fmla v2.4s, v8.4s, v9.s[0]|fmla v3.4s, v8.4s, v9.s[0]", 4},
		{"one sum", "fmla v0.4s, v8.4s, v9.s[0]|fmla v0.4s, v8.4s, v9.s[0]", 8},
		{"a product is no sum", "smull v0.8h, v8.8b, v9.8b|smull v0.8h, v8.8b, v9.8b", 2},
		{"loads of vectors", "ldp q8, q9, [x9], #32|ldr d10, [x10], #8", 5},
		{"four vectors", "ld1 {v28.16b-v31.16b}, [x8], #64", 8},
		{"replicated", "ld4r {v18.8h-v21.8h}, [x9], #8", 3},
		{"a load and its use", "ldr q8, [x9], #16|fmul v0.4s, v8.4s, v8.4s", 5},
		{"in halves", "ldr d8, [x9], #8|mov v10.d[1], x25|fmul v0.4s, v1.4s, v2.4s|ldr x26, [x9], #8|fmul v3.4s, v1.4s, v2.4s|fmul v4.4s, v1.4s, v2.4s", 4},
		{"an insert and its use", "mov v8.d[1], x25|fmul v0.4s, v8.4s, v8.4s", 5},
		{"no insert beside a whole vector", "ldr q8, [x9], #16|mov v10.d[1], x25|fmul v0.4s, v1.4s, v2.4s|fmul v3.4s, v1.4s, v2.4s", 5},
		{"beside vectors", "fmul v0.4s, v8.4s, v9.4s|sub x7, x7, #0x1|fmul v1.4s, v8.4s, v9.4s|ldr x3, [x2]", 2},
		{"32-bit, one sum", "vmla.f32 q8, q4, d0[0]|vmla.f32 q8, q5, d1[1]", 8},
		{"32-bit, halves", "vmull.s8 q13, d14, d18|vmull.s8 q14, d16, d20|vmlal.s8 q13, d15, d19|vpadal.s16 q0, q13", 9},
		{"32-bit loads", "vld1.8 {d14-d17}, [r8]!|vld4.16 {d18[]-d21[]}, [r4], r5|vld1.32 {d0-d1}, [r4]!", 9},
		{"the end of a round", "fmul v0.4s, v8.4s, v9.4s|fmul v1.4s, v8.4s, v9.4s|sub x7, x7, #0x1|cbnz x7, 1000 <f>", 2},
	} {
		if got := (Core{Replicate: 3}).Cycles(loopOf(c.code)); got != c.want {
			t.Errorf("%s: %g cycles, want %g", c.name, got, c.want)
		}
	}
}

// TestAdding: with three FMLA between two loads no load meets the start of an addition; with four
// it waits for all of them.
func TestAdding(t *testing.T) {
	three := "ldr d8, [x9], #8|fmla v0.4s, v9.4s, v10.4s|fmla v1.4s, v9.4s, v10.4s|fmla v2.4s, v9.4s, v10.4s"
	for _, c := range []struct {
		code   string
		adding bool
		want   float64
	}{
		{three, false, 4}, {three, true, 4},
		{three + "|fmla v3.4s, v9.4s, v10.4s", false, 5}, {three + "|fmla v3.4s, v9.4s, v10.4s", true, 9},
	} {
		if got := (Core{Adding: c.adding}).Cycles(loopOf(c.code)); got != c.want {
			t.Errorf("%s, adding %t: %g cycles, want %g", c.code, c.adding, got, c.want)
		}
	}
}

func loopOf(code string) (loop []listing.Instruction) {
	for i, text := range strings.Split(code, "|") {
		loop = append(loop, listing.Instruction{Address: uint64(4 * i), Text: text})
	}
	return loop
}
