package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantize"
)

//go:embed src/count.c
var counter []byte

type instructionOptions struct {
	qemu, only string
	functions  int
}

// cases are what is counted: each form of the reference generator on processors that choose other rows.
var cases = []struct{ form, cpu string }{
	{"float32", "cortex-a53"}, {"float32", "cortex-a76"},
	{"int8", "cortex-a53"}, {"int8", "cortex-a72"}, {"int8", "cortex-a76"}, {"int8", "max"},
}

// more is how many pictures lie between the two runs whose counts are compared.
const more = 10

// instructions counts what one more picture executes, for each case.
func instructions(ctx context.Context, o instructionOptions, out io.Writer) error {
	dir, err := os.MkdirTemp("", "gantiny-arm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	plugin, program := filepath.Join(dir, "count.so"), filepath.Join(dir, "arm")
	source := filepath.Join(dir, "count.c")
	if err := os.WriteFile(source, counter, 0o600); err != nil {
		return err
	}
	if _, err := command(ctx, nil, "gcc", "-O2", "-shared", "-fPIC", "-o", plugin, source); err != nil {
		return err
	}
	arm := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"}
	if _, err := command(ctx, arm, "go", "build", "-o", program, "github.com/gantiny/gantiny/benchmarks/arm"); err != nil {
		return err
	}
	files, err := saveModels(ctx, dir)
	if err != nil {
		return err
	}
	functions, err := symbols(program)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| reference generator | processor | row | instructions for one picture |\n|---|---|---|---|\n")
	for _, c := range cases {
		if !strings.Contains(c.form+" "+c.cpu, o.only) {
			continue
		}
		count := func(n int) (map[string]int64, string, error) {
			file := filepath.Join(dir, "counts")
			env := []string{"QEMU_COUNTS=" + file, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"}
			row, err := command(ctx, env, o.qemu, "-cpu", c.cpu, "-plugin", plugin, program, "draw", files[c.form], c.form, fmt.Sprint(n))
			if err != nil {
				return nil, "", err
			}
			list, err := byFunction(file, functions)
			return list, strings.TrimSpace(string(row)), err
		}
		before, _, err := count(2)
		if err != nil {
			return err
		}
		after, row, err := count(2 + more)
		if err != nil {
			return err
		}
		total := int64(0)
		var names []string
		for name := range after {
			after[name] -= before[name]
			total += after[name]
			names = append(names, name)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.2f M |\n", c.form, c.cpu, row, float64(total)/more/1e6)
		slices.SortFunc(names, func(a, b string) int { return cmp.Compare(after[b], after[a]) })
		for _, name := range names[:min(o.functions, len(names))] {
			fmt.Fprintf(out, "%10.0f %s\n", float64(after[name])/more, name)
		}
	}
	return nil
}

// saveModels writes the reference generator, untrained, in both forms, and returns where.
func saveModels(ctx context.Context, dir string) (map[string]string, error) {
	m := model.Generator(model.Config{Latent: 100, Size: 28, Channels: 1, Width: 64, Seed: 1})
	q, _, err := quantize.Quantize(ctx, m, quantize.Options{Images: 64})
	if err != nil {
		return nil, err
	}
	files := map[string]string{"float32": filepath.Join(dir, "float32.safetensors"), "int8": filepath.Join(dir, "int8.safetensors")}
	if err := m.Save(files["float32"], model.SaveOptions{}); err != nil {
		return nil, err
	}
	return files, q.Save(files["int8"], nil, model.SaveOptions{})
}

// symbols lists a program's functions by address.
func symbols(program string) ([]elf.Symbol, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s elf.Symbol) bool { return elf.ST_TYPE(s.Info) != elf.STT_FUNC })
	slices.SortFunc(list, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	return list, nil
}

// byFunction adds up the counts of the blocks in file by the function that they belong to.
func byFunction(file string, functions []elf.Symbol) (map[string]int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var address uint64
		var n int64
		if _, err := fmt.Sscanf(s.Text(), "%x %d", &address, &n); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, s.Text(), err)
		}
		i, found := slices.BinarySearchFunc(functions, address, func(s elf.Symbol, a uint64) int { return cmp.Compare(s.Value, a) })
		if !found {
			i--
		}
		name := "outside the program"
		if i >= 0 && i < len(functions) {
			name = functions[i].Name
		}
		counts[name] += n
	}
	return counts, nil
}
