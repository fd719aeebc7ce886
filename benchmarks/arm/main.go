// Command arm shows what the kernels for ARM cost without an ARM machine.
//
//	go run ./benchmarks/arm instructions                # executed for one picture, exactly, as qemu counts them
//	go run ./benchmarks/arm instructions --functions 12 # and in which functions
//	go run ./benchmarks/arm cycles                      # of the inner loops, by llvm-mca and by a model of the Cortex-A53
//	go run ./benchmarks/arm estimate                    # the time of one picture on boards, from both
//
// Debian: apt-get install gcc libc6-dev qemu-user llvm-19 binutils-aarch64-linux-gnu.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
)

func main() { cli.Main("arm", run) }

func run(ctx context.Context, args []string, out, log io.Writer) error {
	what := ""
	if len(args) > 0 {
		what, args = args[0], args[1:]
	}
	f := flag.NewFlagSet("arm "+what, flag.ContinueOnError)
	f.SetOutput(log)
	var do func() error
	switch what {
	case "instructions":
		o := instructionOptions{qemu: emulators{}}
		o.qemu.flags(f)
		f.IntVar(&o.functions, "functions", 0, "show so many functions with the most instructions")
		f.StringVar(&o.only, "only", "", "only cases whose name contains this, such as int8 or cortex-a53")
		do = func() error { return instructions(ctx, o, out) }
	case "cycles", "estimate":
		o := cycleOptions{}
		f.StringVar(&o.mca, "mca", "llvm-mca-19", "llvm-mca")
		f.StringVar(&o.objdump, "objdump", "aarch64-linux-gnu-objdump", "a disassembler of arm64")
		f.BoolVar(&o.adding, "adding", false, "on the Cortex-A53 loads of vectors wait where an FMLA begins to add")
		if do = func() error { return cycles(ctx, o, out) }; what == "estimate" {
			qemu := emulators{}
			qemu.flags(f)
			do = func() error { return estimate(ctx, qemu, o, out) }
		}
	case "draw": // the program under qemu
		do = func() error { return draw(f.Args()) }
	default:
		fmt.Fprintln(log, "usage: arm instructions|cycles|estimate [flags]")
		return cli.ErrUsage
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return cli.ErrUsage
	}
	return do()
}

// command runs a program; its error says what the program said.
func command(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
