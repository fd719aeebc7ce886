package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// emulator is the qemu that runs an architecture's programs and loads plugins; "" for an unknown
// one.
func emulator(arch string) string {
	return map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64", "arm": "qemu-arm"}[arch]
}

// The instructions of a run of few operations and of one of more differ by those of operations
// alone. As many are taken as execute enough instructions: what the runtime does by the clock is
// some 100,000 a second.
const (
	few    = 1
	enough = 1e8
	most   = 50 // operations
)

// unit is what a baseline counts.
const unit = "instructions/op"

// counts counts the instructions of one operation of each benchmark on both sides.
func (w *workshop) counts(ctx context.Context) ([]row, error) {
	plugin := filepath.Join(w.dir, "count.so")
	if _, err := command(ctx, w.top, nil, "gcc", "-O2", "-shared", "-fPIC", "-o", plugin, "benchmarks/arm/src/count.c"); err != nil {
		return nil, err
	}
	bench, err := w.bench(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	if w.o.baseline != "" {
		if rows, err = readBaseline(w.o); err != nil {
			return nil, err
		}
	}
	for _, s := range []*side{&w.base, &w.now} {
		for _, p := range s.programs {
			values, err := w.countProgram(ctx, p, plugin, bench)
			if err != nil {
				return nil, err
			}
			rows = merge(rows, s == &w.now, values)
		}
	}
	return rows, nil
}

// countProgram counts each of a program's benchmarks, in a process of its own.
func (w *workshop) countProgram(ctx context.Context, p program, plugin, bench string) ([]value, error) {
	names, err := w.emulate(ctx, p, plugin, bench, 1, nil)
	if err != nil {
		return nil, err
	}
	for i := range names {
		v := &names[i]
		_, name, _ := strings.Cut(v.name, ".")
		exactly := "^Benchmark" + strings.ReplaceAll(name, "/", "$/^") + "$"
		if v.v, err = w.countOne(ctx, p, plugin, exactly); err != nil {
			return nil, err
		}
		fmt.Fprintf(w.log, "%s: %.0f\n", v.name, v.v)
	}
	return names, nil
}

// countOne counts the instructions of an operation of one benchmark.
func (w *workshop) countOne(ctx context.Context, p program, plugin, bench string) (float64, error) {
	total := func(n int) (sum float64, err error) {
		_, err = w.emulate(ctx, p, plugin, bench, n, &sum)
		return sum, err
	}
	less, err := total(few)
	if err != nil {
		return 0, err
	}
	for n := 1; ; {
		more, err := total(few + n)
		if err != nil {
			return 0, err
		}
		each := (more - less) / float64(n)
		if each <= 0 {
			return 0, fmt.Errorf("%s: %d operations take no more instructions than %d", bench, few+n, few)
		}
		if n > 1 || each > enough/2 {
			return each, nil
		}
		n = min(most, int(enough/each))
	}
}

// emulate runs n operations of benchmarks and counts all instructions.
func (w *workshop) emulate(ctx context.Context, p program, plugin, bench string, n int, total *float64) ([]value, error) {
	file := filepath.Join(w.dir, "counts")
	env := []string{"QEMU_COUNTS=" + file, "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1"}
	text, err := command(ctx, p.dir, env, emulator(w.o.arch), "-cpu", w.o.processor, "-plugin", plugin+",threads=all",
		p.path, "-test.run=^$", "-test.bench="+bench, fmt.Sprintf("-test.benchtime=%dx", n))
	if err != nil {
		return nil, err
	}
	if total != nil {
		if *total, err = sumCounts(file); err != nil {
			return nil, err
		}
	}
	return parseBenchmarks(text, "sec/op")
}

// sumCounts adds up what the plugin wrote.
func sumCounts(file string) (sum float64, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var address uint64
		var length, times float64
		if _, err := fmt.Sscanf(s.Text(), "%x %g %g", &address, &length, &times); err != nil {
			return 0, fmt.Errorf("%s: %q: %w", file, s.Text(), err)
		}
		sum += length * times
	}
	return sum, nil
}

// readBaseline reads counts as rows of the base.
func readBaseline(o options) ([]row, error) {
	text, err := os.ReadFile(o.baseline)
	if err != nil {
		return nil, err
	}
	values, err := parseBenchmarks(text, unit)
	if err != nil {
		return nil, err
	}
	return merge(nil, false, values), nil
}

// writeBaseline writes the counts of the working tree in Go's format of benchmarks, which benchstat
// reads too.
func writeBaseline(path string, o options, rows []row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goarch: %s\nprocessor: %s\ngo: %s\n", o.arch, o.processor, runtime.Version())
	before := ""
	for _, r := range rows {
		if len(r.now) == 0 {
			continue
		}
		pkg, name, _ := strings.Cut(r.name, ".")
		if pkg != before {
			fmt.Fprintf(&b, "pkg: %s\n", pkg)
			before = pkg
		}
		fmt.Fprintf(&b, "Benchmark%s 1 %.0f %s\n", name, r.now[0], unit)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
