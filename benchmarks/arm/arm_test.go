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

// TestInstructions counts one case: as many instructions as the tiles' multiply-adds need at least,
// and not half as many again.
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
