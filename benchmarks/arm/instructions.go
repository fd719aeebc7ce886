package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

//go:embed src/count.c
var counter []byte

type instructionOptions struct {
	qemu      emulators
	only      string
	functions int
}

// emulators are the qemus that can load plugins, by GOARCH.
type emulators map[string]*string

func (e emulators) flags(f *flag.FlagSet) {
	e["arm64"] = f.String("qemu", "qemu-aarch64", "a qemu of arm64 that can load plugins")
	e["arm"] = f.String("qemu-arm", "qemu-arm", "one of 32-bit ARM")
}

// cases are what is counted: each form of the reference generator on processors that choose other
// rows.
var cases = []struct{ form, cpu, arch string }{
	{"float32", "cortex-a53", "arm64"}, {"float32", "cortex-a72", "arm64"}, {"float32", "cortex-a76", "arm64"},
	{"int8", "cortex-a53", "arm64"}, {"int8", "cortex-a72", "arm64"}, {"int8", "cortex-a76", "arm64"}, {"int8", "max", "arm64"},
	{"float32", "arm1176", "arm"}, {"float32", "cortex-a7", "arm"}, {"int8", "arm1176", "arm"}, {"int8", "cortex-a7", "arm"},
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
		program, err := w.program(ctx, c.arch)
		if err != nil {
			return err
		}
		p, err := w.picture(ctx, program, c.form, c.cpu)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.2f M |\n", c.form, c.cpu, p.row, p.instructions()/1e6)
		counts := p.byFunction(program.functions)
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
	qemu        emulators
	dir, plugin string
	files       map[string]string   // models by form
	programs    map[string]*program // by GOARCH
}

// program is this command for an architecture.
type program struct {
	qemu, path string
	functions  []elf.Symbol // by address
}

func newWorkshop(ctx context.Context, qemu emulators) (*workshop, error) {
	dir, err := os.MkdirTemp("", "gantiny-arm-")
	if err != nil {
		return nil, err
	}
	w := &workshop{qemu: qemu, dir: dir, plugin: filepath.Join(dir, "count.so"), programs: map[string]*program{}}
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
	return w.saveModels(ctx)
}

// program builds this command for arch, once.
func (w *workshop) program(ctx context.Context, arch string) (*program, error) {
	if p := w.programs[arch]; p != nil {
		return p, nil
	}
	p := &program{qemu: *w.qemu[arch], path: filepath.Join(w.dir, arch)}
	if err := buildProgram(ctx, p.path, arch); err != nil {
		return nil, err
	}
	f, err := elf.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	p.functions = slices.DeleteFunc(list, func(s elf.Symbol) bool { return elf.ST_TYPE(s.Info) != elf.STT_FUNC })
	slices.SortFunc(p.functions, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	w.programs[arch] = p
	return p, nil
}

// buildProgram builds this command for arch: for 32-bit ARM as the package is, for the first boards
// too.
func buildProgram(ctx context.Context, path, arch string) error {
	env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOARM=6"}
	_, err := command(ctx, env, "go", "build", "-o", path, "github.com/gantiny/gantiny/benchmarks/arm")
	return err
}

// saveModels writes the reference generator, untrained, in both forms.
func (w *workshop) saveModels(ctx context.Context) error {
	m := model.Generator(model.Config{Latent: 100, Size: 28, Channels: 1, Width: 64, Seed: 1})
	q, _, err := m.Quantize(ctx, quant.Options{Images: 64})
	if err != nil {
		return err
	}
	w.files = map[string]string{"float32": filepath.Join(w.dir, "float32.safetensors"), "int8": filepath.Join(w.dir, "int8.safetensors")}
	if err := m.Save(w.files["float32"], model.SaveOptions{}); err != nil {
		return err
	}
	return q.Save(w.files["int8"], model.SaveOptions{})
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
func (w *workshop) picture(ctx context.Context, program *program, form, cpu string) (*picture, error) {
	p := &picture{times: map[block]float64{}}
	for _, run := range []struct {
		n    int
		sign float64
	}{{few, -1}, {many, 1}} {
		file := filepath.Join(w.dir, "counts")
		env := []string{"QEMU_COUNTS=" + file, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"}
		row, err := command(ctx, env, program.qemu, "-cpu", cpu, "-plugin", w.plugin, program.path, "draw", w.files[form], form, fmt.Sprint(run.n))
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
