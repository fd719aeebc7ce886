package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/benchmarks/arm/a53"
	"github.com/gantiny/gantiny/benchmarks/arm/listing"
)

type cycleOptions struct {
	mca, objdump string
	adding       bool // see a53.Core
}

// kernels are the functions whose inner loops are measured, with what one of their multiplies
// multiplies and the processors that run them. llvm-mca takes VMLA on the A72 for twice as fast as
// FMLA, so that 32-bit code is not asked about there.
var kernels = []struct {
	name, arch string
	macs       int // multiply-adds of one instruction
	cpus       []string
}{
	{"sgemm_neon_7x8", "arm64", 4, []string{"cortex-a72", "neoverse-n1"}},
	{"sgemm_a53_7x8", "arm64", 4, []string{"cortex-a53"}},
	{"souter_neon_7x8", "arm64", 4, []string{"cortex-a72", "neoverse-n1"}},
	{"souter_a53_7x8", "arm64", 4, []string{"cortex-a53"}},
	{"qgemm_neon_7x8", "arm64", 8, []string{"cortex-a53", "cortex-a72", "neoverse-n1"}},
	{"qgemm_dotprod_7x8", "arm64", 16, []string{"neoverse-n1"}},
	{"qgemm_i8mm_8x8", "arm64", 32, []string{"neoverse-n2"}},
	{"sgemm_neon_4x8", "arm", 4, []string{"cortex-a53"}},
	{"qgemm_neon_7x4", "arm", 8, []string{"cortex-a53"}},
}

// columns are the processors of the table. llvm-mca has a model of its own for the first of those
// that it is asked about; it knows the Cortex-A72 by its elder brother's, the A57, and of the A76
// only a name, so that the Neoverse N1, the same core, stands for it.
var columns = []struct{ cpu, title, units string }{
	{"cortex-a53", "A53", ""}, {"cortex-a72", "A72", "A57Unit"}, {"neoverse-n1", "A76 (N1)", "N1Unit"}, {"neoverse-n2", "N2", "N2Unit"},
}

// loop is an innermost loop, its branch back included.
type loop []listing.Instruction

// cycles shows the cycles of each kernel's inner loops, and what share they reach of what the
// multiplies alone would take.
func cycles(ctx context.Context, o cycleOptions, out io.Writer) error {
	dir, err := os.MkdirTemp("", "gantiny-arm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, arch := range []string{"arm64", "arm"} {
		if err := buildProgram(ctx, filepath.Join(dir, arch), arch); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "| loop | instructions | multiply-adds |")
	rule := "|---|---|---|"
	for _, c := range columns {
		fmt.Fprintf(out, " %s |", c.title)
		rule += "---|"
	}
	fmt.Fprintf(out, "\n%s\n", rule)
	for _, k := range kernels {
		code, err := disassemble(ctx, o, filepath.Join(dir, k.arch), k.arch, k.name)
		if err != nil {
			return err
		}
		loops := tileLoops(listing.InnerLoops(code))
		if len(loops) == 0 {
			return fmt.Errorf("%s: no inner loops", k.name)
		}
		for _, l := range loops {
			macs := k.macs * len(l.multiplies())
			fmt.Fprintf(out, "| %s, %s | %d | %d |", k.name, l.tile(), len(l), macs)
			for _, c := range columns {
				cell := " |"
				if slices.Contains(k.cpus, c.cpu) && l.runsOn(c.cpu) {
					if cell, err = measured(ctx, o, dir, l, c.cpu, c.units); err != nil {
						return err
					}
				}
				fmt.Fprint(out, cell)
			}
			fmt.Fprintln(out)
		}
	}
	return nil
}

// disassemble reads one of simd's assembly functions out of a program.
func disassemble(ctx context.Context, o cycleOptions, program, arch, function string) ([]listing.Instruction, error) {
	symbol := "--disassemble=github.com/gantiny/gantiny/simd." + function
	if arch == "arm64" {
		symbol += ".abi0"
	}
	text, err := command(ctx, nil, o.objdump, "-d", "--no-show-raw-insn", symbol, program)
	return listing.Read(string(text)), err
}

// measured is a cell of the table: cycles and the share of the limit.
func measured(ctx context.Context, o cycleOptions, dir string, l loop, cpu, units string) (string, error) {
	if cpu == "cortex-a53" {
		fast, slow := a53.Core{Replicate: 2, Adding: o.adding}.Cycles(l), a53.Core{Replicate: 4, Adding: o.adding}.Cycles(l)
		limit := float64(a53.Arithmetic(l))
		if fast == slow {
			return fmt.Sprintf(" %.0f, %.0f%% |", fast, 100*limit/fast), nil
		}
		return fmt.Sprintf(" %.0f-%.0f, %.0f-%.0f%% |", fast, slow, 100*limit/slow, 100*limit/fast), nil
	}
	whole, err := analyze(ctx, o, dir, l, cpu, units)
	if err != nil {
		return "", err
	}
	alone, err := analyze(ctx, o, dir, l.multiplies(), cpu, units)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(" %.0f, %.0f%% |", whole.cycles, 100*alone.throughput/whole.cycles), nil
}

type analysis struct {
	cycles     float64 // of a round in a long run
	throughput float64 // the cycles that the busiest unit needs for a round
}

var (
	totalCycles = regexp.MustCompile(`Total Cycles:\s+(\d+)`)
	throughput  = regexp.MustCompile(`Block RThroughput:\s+([0-9.]+)`)
)

// analyze asks llvm-mca. units is how it must name the processor's units: another name is another
// processor's model.
func analyze(ctx context.Context, o cycleOptions, dir string, l loop, cpu, units string) (a analysis, err error) {
	file := filepath.Join(dir, "loop.s")
	var text strings.Builder
	text.WriteString(".Lround:\n")
	for _, i := range l {
		fmt.Fprintln(&text, i.WithTarget(".Lround"))
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return a, err
	}
	const short, long = 200, 400 // the difference has neither a beginning nor an end
	run := func(n int) (float64, error) {
		out, err := command(ctx, nil, o.mca, "-march=aarch64", "-mcpu="+cpu, "-mattr=+dotprod,+i8mm", "-iterations="+strconv.Itoa(n), file)
		if err != nil {
			return 0, err
		}
		total, block := totalCycles.FindSubmatch(out), throughput.FindSubmatch(out)
		if total == nil || block == nil || !strings.Contains(string(out), units) {
			return 0, fmt.Errorf("%s has no model of its own for %s", o.mca, cpu)
		}
		a.throughput, _ = strconv.ParseFloat(string(block[1]), 64)
		return strconv.ParseFloat(string(total[1]), 64)
	}
	first, err := run(short)
	if err != nil {
		return a, err
	}
	last, err := run(long)
	a.cycles = (last - first) / (long - short)
	return a, err
}

// tileLoops picks the longest loop for each tile of most rows, and for neighboring tiles: those
// that the reference generator spends its time in.
func tileLoops(loops [][]listing.Instruction) (picked []loop) {
	longest := map[string]loop{}
	for _, code := range loops {
		l := loop(code)
		if l.rows() >= 5 || l.a32() && l.sums() >= 5 || l.weights() > 1 {
			if t := l.tile(); len(l) > len(longest[t]) {
				longest[t] = l
			}
		}
	}
	for _, l := range longest {
		picked = append(picked, l)
	}
	slices.SortFunc(picked, func(a, b loop) int { return cmp.Or(cmp.Compare(b.rows(), a.rows()), cmp.Compare(len(a), len(b))) })
	return picked
}

// runsOn tells whether one of its kernel's processors runs l: of the two loops over neighboring
// tiles the Cortex-A53 takes that in halves, others the other.
func (l loop) runsOn(cpu string) bool {
	return l.weights() <= 1 || l.a32() || l.inHalves() == (cpu == "cortex-a53")
}

// inHalves tells whether vectors are loaded in halves.
func (l loop) inHalves() bool {
	return slices.ContainsFunc(l, func(i listing.Instruction) bool { return a53.Inserts(i) })
}

// multiplies are the loop's multiply instructions.
func (l loop) multiplies() (list loop) {
	for _, i := range l {
		if i.IsMultiply() {
			list = append(list, i)
		}
	}
	return list
}

// sums counts the registers that the loop adds to.
func (l loop) sums() int {
	seen := map[string]bool{}
	for _, i := range l {
		switch m := i.Mnemonic(); m {
		case "fmla", "sdot", "smmla", "sadalp", "vpadal.s16", "vmla.f32":
			d, _, _ := strings.Cut(strings.TrimPrefix(i.Text, m+" "), ",")
			seen[d] = true
		}
	}
	return len(seen)
}

// weights counts the streams of weights, each read 64 bytes at a time or, beside an activation in
// all lanes, in halves.
func (l loop) weights() int {
	seen := map[string]bool{}
	replicated := slices.ContainsFunc(l, func(i listing.Instruction) bool { return i.Mnemonic() == "ld4r" })
	for _, i := range l {
		if i.Mnemonic() == "ld1" && strings.HasSuffix(i.Text, "#64") || replicated && strings.HasPrefix(i.Text, "ldr d") || i.Mnemonic() == "vld1.8" {
			seen[base.FindString(i.Text)] = true
		}
	}
	return len(seen)
}

var base = regexp.MustCompile(`\[[xr]\d+`)

// a32 tells 32-bit code, whose loops end in a compare and a branch on its result.
func (l loop) a32() bool { return len(l) > 1 && strings.HasPrefix(l[len(l)-2].Text, "subs r") }

// columns is how many columns a tile has.
func (l loop) columns() int {
	if l.a32() && slices.ContainsFunc(l, func(i listing.Instruction) bool { return i.Mnemonic() == "vpadal.s16" }) {
		return 4
	}
	return 8
}

// rows is how many rows the sums are.
func (l loop) rows() int {
	if l.weights() > 1 {
		return 1
	}
	return l.sums() * 4 / l.columns()
}

func (l loop) tile() string {
	if n := l.weights(); n > 1 {
		halves := ""
		if l.inHalves() {
			halves = " in halves"
		}
		return fmt.Sprintf("1 x %d%s", n*l.columns(), halves)
	}
	return fmt.Sprintf("%d x %d", l.rows(), l.columns())
}
