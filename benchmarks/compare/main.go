package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// errUsage and errSlower are the ends that have been explained when they are returned.
var (
	errUsage  = errors.New("usage")
	errSlower = errors.New("slower")
)

// options is what the flags say.
type options struct {
	base, baseline  string
	packages, bench string
	rounds          int
	benchtime, cpus string
	threshold       float64
	count           bool
	arch, processor string
	write           string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errSlower):
		os.Exit(1)
	default:
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		os.Exit(1)
	}
}

// parse reads the flags.
func parse(args []string, log io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(log)
	f.StringVar(&o.base, "base", "", "commit to compare the working tree with")
	f.StringVar(&o.baseline, "baseline", "", "file of counts to compare with, in place of -base")
	f.StringVar(&o.packages, "packages", "./benchmarks", "packages, with spaces between them")
	f.StringVar(&o.bench, "bench", "", "benchmarks, as of go test -bench (default: drawing and a training step, on one thread and on the row that is chosen)")
	f.IntVar(&o.rounds, "rounds", 10, "times that each side runs, by turns, after one that is not counted")
	f.StringVar(&o.benchtime, "benchtime", "0.2s", "time of a benchmark in a round, as of go test")
	f.StringVar(&o.cpus, "cpus", "0", "processors that both sides are bound to, a list as of taskset; empty: all")
	f.Float64Var(&o.threshold, "threshold", 1.03, "how many times as long something may take, if the difference is significant")
	f.BoolVar(&o.count, "count", false, "count instructions under qemu in place of time")
	f.StringVar(&o.arch, "arch", "amd64", "GOARCH to count on: amd64, arm64 or arm")
	f.StringVar(&o.processor, "processor", "max", "qemu's name of the processor to count on")
	f.StringVar(&o.write, "write", "", "file to write the counts to, as a new baseline")
	if err := f.Parse(args); err != nil {
		return o, errUsage
	}
	wrong := func(format string, args ...any) (options, error) {
		fmt.Fprintf(log, "compare: "+format+"\n", args...)
		return o, errUsage
	}
	switch {
	case f.NArg() > 0:
		return wrong("unexpected argument %q", f.Arg(0))
	case o.base != "" && o.baseline != "":
		return wrong("-base and -baseline: want one of them")
	case o.base == "" && o.baseline == "" && o.write == "":
		return wrong("-base REF: which commit to compare with?")
	case strings.HasPrefix(o.base, "-"):
		return wrong("-base %s: no commit has such a name", o.base)
	case !o.count && (o.baseline != "" || o.write != ""):
		return wrong("-baseline and -write are for counts: add -count")
	case o.count && emulator(o.arch) == "":
		return wrong("-arch %s: want amd64, arm64 or arm", o.arch)
	case o.rounds < 2 || o.rounds > 1000:
		return wrong("-rounds %d: want 2 to 1000", o.rounds)
	case !(o.threshold >= 1):
		return wrong("-threshold %v: want 1 or more", o.threshold)
	case len(strings.Fields(o.packages)) == 0:
		return wrong("-packages: which ones?")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	w, err := newWorkshop(ctx, o, log)
	if err != nil {
		return err
	}
	defer w.close()
	var rows []row
	if o.count {
		rows, err = w.counts(ctx)
	} else {
		rows, err = w.times(ctx)
	}
	if err != nil {
		return err
	}
	if o.write != "" {
		if err := writeBaseline(o.write, o, rows); err != nil {
			return err
		}
	}
	if o.base == "" && o.baseline == "" {
		return nil
	}
	return table(out, o, rows)
}

// command runs a program and returns what it prints; its errors are part of the error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	var errs strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), &errs
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, text, errs.String())
	}
	return text, nil
}
