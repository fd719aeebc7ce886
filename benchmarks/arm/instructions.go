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

// instructions counts what one more picture executes, for each case.
func instructions(ctx context.Context, o instructionOptions, out io.Writer) error {
	w, err := newWorkshop(ctx, o.qemu)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Fprintf(out, "| reference generator | processor | row | instructions for one picture |\n|---|---|---|---|\n")
	for _, c := range cases {
		if !strings.Contains(c.form+" "+c.cpu, o.only) {
			continue
		}
		p, err := w.picture(ctx, c.form, c.cpu)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.2f M |\n", c.form, c.cpu, p.row, p.instructions()/1e6)
		counts := p.byFunction(w.functions)
		var names []string
		for name := range counts {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
		for _, name := range names[:min(o.functions, len(names))] {
			fmt.Fprintf(out, "%10.0f %s\n", counts[name], name)
		}
	}
	return nil
}

// workshop has what counting takes.
type workshop struct {
	qemu, dir, plugin, program string
	files                      map[string]string // models by form
	functions                  []elf.Symbol      // of the program, by address
}

func newWorkshop(ctx context.Context, qemu string) (*workshop, error) {
	dir, err := os.MkdirTemp("", "gantiny-arm-")
	if err != nil {
		return nil, err
	}
	w := &workshop{qemu: qemu, dir: dir, plugin: filepath.Join(dir, "count.so"), program: filepath.Join(dir, "arm")}
	if err := w.build(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *workshop) close() { os.RemoveAll(w.dir) }

func (w *workshop) build(ctx context.Context) error {
	source := filepath.Join(w.dir, "count.c")
	if err := os.WriteFile(source, counter, 0o600); err != nil {
		return err
	}
	if _, err := command(ctx, nil, "gcc", "-O2", "-shared", "-fPIC", "-o", w.plugin, source); err != nil {
		return err
	}
	if err := buildProgram(ctx, w.program); err != nil {
		return err
	}
	if err := w.saveModels(ctx); err != nil {
		return err
	}
	f, err := elf.Open(w.program)
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		return err
	}
	w.functions = slices.DeleteFunc(list, func(s elf.Symbol) bool { return elf.ST_TYPE(s.Info) != elf.STT_FUNC })
	slices.SortFunc(w.functions, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	return nil
}

// buildProgram builds this command for arm64.
func buildProgram(ctx context.Context, path string) error {
	arm := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"}
	_, err := command(ctx, arm, "go", "build", "-o", path, "github.com/gantiny/gantiny/benchmarks/arm")
	return err
}

// saveModels writes the reference generator, untrained, in both forms.
func (w *workshop) saveModels(ctx context.Context) error {
	m := model.Generator(model.Config{Latent: 100, Size: 28, Channels: 1, Width: 64, Seed: 1})
	q, _, err := quantize.Quantize(ctx, m, quantize.Options{Images: 64})
	if err != nil {
		return err
	}
	w.files = map[string]string{"float32": filepath.Join(w.dir, "float32.safetensors"), "int8": filepath.Join(w.dir, "int8.safetensors")}
	if err := m.Save(w.files["float32"], model.SaveOptions{}); err != nil {
		return err
	}
	return q.Save(w.files["int8"], nil, model.SaveOptions{})
}

// block is a stretch of code without a branch inside.
type block struct{ address, length uint64 } // length in instructions, of four bytes each

// picture is what drawing one picture executes.
type picture struct {
	row   string
	times map[block]float64
}

// few and many are the pictures of the two runs whose difference is that of pictures alone.
const few, many = 2, 12

// picture counts on a processor.
func (w *workshop) picture(ctx context.Context, form, cpu string) (*picture, error) {
	p := &picture{times: map[block]float64{}}
	for _, run := range []struct {
		n    int
		sign float64
	}{{few, -1}, {many, 1}} {
		file := filepath.Join(w.dir, "counts")
		env := []string{"QEMU_COUNTS=" + file, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"}
		row, err := command(ctx, env, w.qemu, "-cpu", cpu, "-plugin", w.plugin, w.program, "draw", w.files[form], form, fmt.Sprint(run.n))
		if err != nil {
			return nil, err
		}
		p.row = strings.TrimSpace(string(row))
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			var b block
			var times float64
			if _, err := fmt.Sscanf(s.Text(), "%x %d %g", &b.address, &b.length, &times); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", file, s.Text(), err)
			}
			p.times[b] += run.sign * times / (many - few)
		}
	}
	return p, nil
}

// instructions is the number of all.
func (p *picture) instructions() (sum float64) {
	for b, n := range p.times {
		sum += n * float64(b.length)
	}
	return sum
}

// between is the number of those at addresses [from, to).
func (p *picture) between(from, to uint64) (sum float64) {
	for b, n := range p.times {
		if lo, hi := max(b.address, from), min(b.address+4*b.length, to); lo < hi {
			sum += n * float64((hi-lo)/4)
		}
	}
	return sum
}

// byFunction is the number of each function's.
func (p *picture) byFunction(functions []elf.Symbol) map[string]float64 {
	counts := map[string]float64{}
	for b, n := range p.times {
		i, found := slices.BinarySearchFunc(functions, b.address, func(s elf.Symbol, a uint64) int { return cmp.Compare(s.Value, a) })
		if !found {
			i--
		}
		name := "outside the program"
		if i >= 0 && i < len(functions) {
			name = functions[i].Name
		}
		counts[name] += n * float64(b.length)
	}
	return counts
}
