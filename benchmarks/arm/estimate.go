package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/gantiny/gantiny/benchmarks/arm/a53"
	"github.com/gantiny/gantiny/benchmarks/arm/listing"
)

// boards are what estimate is about: what qemu counts on and what the cycles are of. qemu's 32-bit
// processors end before the A53; the A7 has the same instructions. rest is how many instructions
// outside the inner loops a processor is taken to execute a cycle; nothing measures that here.
var boards = []struct {
	name, arch, cpu, model string
	ghz, rest              float64
}{
	{"Raspberry Pi Zero 2 W", "arm64", "cortex-a53", "cortex-a53", 1.0, 0.7},
	{"the same, 32-bit", "arm", "cortex-a7", "cortex-a53", 1.0, 0.7},
	{"Raspberry Pi 3 B+", "arm64", "cortex-a53", "cortex-a53", 1.4, 0.7},
	{"the same, 32-bit", "arm", "cortex-a7", "cortex-a53", 1.4, 0.7},
	{"Raspberry Pi 4", "arm64", "cortex-a72", "cortex-a72", 1.8, 1.5},
	{"Raspberry Pi 5", "arm64", "cortex-a76", "neoverse-n1", 2.4, 2.5},
}

// estimate shows the time that one picture would take on a thread of each board if weights and
// activations came in time: the rounds of each inner loop, counted, by its cycles, and the rest.
func estimate(ctx context.Context, qemu emulators, o cycleOptions, out io.Writer) error {
	w, err := newWorkshop(ctx, qemu)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Fprint(out, "| reference generator | board | row | million instructions, in inner loops | million cycles | ms |\n|---|---|---|---|---|---|\n")
	for _, form := range []string{"float32", "int8"} {
		pictures := map[string]*picture{}
		for _, b := range boards {
			program, err := w.program(ctx, b.arch)
			if err != nil {
				return err
			}
			p := pictures[b.cpu]
			if p == nil {
				if p, err = w.picture(ctx, program, form, b.cpu); err != nil {
					return err
				}
				pictures[b.cpu] = p
			}
			inside, cycles, err := w.loops(ctx, o, program, p, b.arch, b.model)
			if err != nil {
				return err
			}
			all := p.instructions()
			cycles += (all - inside) / b.rest
			fmt.Fprintf(out, "| %s | %s, %.1f GHz | %s | %.2f, %.2f | %.2f | %.2f |\n",
				form, b.name, b.ghz, p.row, all/1e6, inside/1e6, cycles/1e6, cycles/b.ghz/1e6)
		}
	}
	return nil
}

// loops adds up what a picture spends in the kernels' inner loops.
func (w *workshop) loops(ctx context.Context, o cycleOptions, program *program, p *picture, arch, cpu string) (instructions, cycles float64, err error) {
	dir, err := os.MkdirTemp(w.dir, "loops")
	if err != nil {
		return 0, 0, err
	}
	units := ""
	for _, c := range columns {
		if c.cpu == cpu {
			units = c.units
		}
	}
	for _, k := range kernels {
		if k.arch != arch {
			continue
		}
		code, err := disassemble(ctx, o, program.path, arch, k.name)
		if err != nil {
			return 0, 0, err
		}
		for _, l := range listing.InnerLoops(code) {
			n := p.between(l[0].Address, l[len(l)-1].Address+4)
			if n < 1000 {
				continue
			}
			round := a53.Core{Replicate: 3, Adding: o.adding}.Cycles(l)
			if cpu != "cortex-a53" {
				a, err := analyze(ctx, o, dir, l, cpu, units)
				if err != nil {
					return 0, 0, err
				}
				round = a.cycles
			}
			instructions += n
			cycles += n / float64(len(l)) * round
		}
	}
	return instructions, cycles, nil
}
