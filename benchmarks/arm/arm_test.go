package main

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
)

// TestInstructions counts one case: as many instructions as the tiles' multiply-adds need at least, and not half as many again.
func TestInstructions(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	qemu := "qemu-aarch64"
	for _, name := range []string{qemu, "gcc", "go"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	var out strings.Builder
	if err := instructions(context.Background(), instructionOptions{qemu: emulators{"arm64": &qemu}, only: "int8 cortex-a76"}, &out); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\| int8 \| cortex-a76 \| dotprod \| ([0-9.]+) M \|`).FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("output %q", out.String())
	}
	if n, err := strconv.ParseFloat(m[1], 64); err != nil || n < 37.5/16 || n > 1.5*37.5/16 {
		t.Errorf("%s million instructions (%v) for 37.5 million multiply-adds, 16 at a time", m[1], err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nothing"}, {"instructions", "--nothing"}} {
		var log strings.Builder
		if err := run(context.Background(), args, &log, &log); err != cli.ErrUsage || log.Len() == 0 {
			t.Errorf("%v: error %v, output %q", args, err, log.String())
		}
	}
}

const listing = `
0000000000001000 <f>:
  1000:	mov	v9.16b, v8.16b
  1004:	fmla	v0.4s, v8.4s, v9.s[0]
  1008:	cbz	x3, 1014 <f+0x14>
  100c:	ldp	q8, q9, [x9], #32
  1010:	ld1	{v28.16b-v31.16b}, [x8], #64
  1014:	sdot	v0.4s, v28.16b, v8.4b[0]
  1018:	smull2	v1.8h, v28.16b, v8.16b
  101c:	sub	x7, x7, #0x1
  1020:	cbnz	x7, 1014 <f+0x14>
  1024:	b.ne	1000 <f>  // b.any
`

func TestInnerLoops(t *testing.T) {
	loops := innerLoops(disassembled(listing))
	if len(loops) != 1 || len(loops[0]) != 4 || loops[0][0].address != 0x1014 || loops[0][3].text != "cbnz x7, 1014 <f+0x14>" {
		t.Fatalf("loops %v", loops)
	}
	if n := len(loops[0].multiplies()); n != 2 {
		t.Errorf("%d multiplies", n)
	}
}

// TestInOrder: cycles that can be counted by hand.
func TestInOrder(t *testing.T) {
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
		if got := loopOf(c.code).inOrder(cortexA53{replicate: 3}); got != c.want {
			t.Errorf("%s: %g cycles, want %g", c.name, got, c.want)
		}
	}
}

// TestAdding: with three FMLA between two loads no load meets the start of an addition; with four it waits for all of them.
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
		if got := loopOf(c.code).inOrder(cortexA53{adding: c.adding}); got != c.want {
			t.Errorf("%s, adding %t: %g cycles, want %g", c.code, c.adding, got, c.want)
		}
	}
}

func loopOf(code string) (l loop) {
	for i, text := range strings.Split(code, "|") {
		l = append(l, instruction{uint64(4 * i), text})
	}
	return l
}
