package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/simd"
)

// usagef is an error about the arguments.
func usagef(format string, args ...any) error { return cli.Usagef(format, args...) }

// atMostOneModel is the Check of the commands that take [MODEL].
func atMostOneModel(args []string) error {
	if len(args) > 1 {
		return usagef("takes one MODEL at most, got %d: %s", len(args), strings.Join(args, " "))
	}
	return nil
}

// completeModel is the shell's completion of [MODEL].
func completeModel(before []string) cli.Candidates {
	return cli.Candidates{Files: len(before) == 0, Extension: "safetensors"}
}

// addKernelFlag gives a command its --kernel.
func addKernelFlag(fl *cli.FlagSet, name *string) {
	f := fl.StringVar(name, "kernel", "", "instruction set `NAME`: "+strings.Join(kernelNames(), ", ")+" (the best by default)")
	f.Complete = func() cli.Candidates { return cli.Fixed(kernelNames()...) }
	f.Manual = "instruction set, one of those that 'gantiny inspect' lists (the best by default)"
}

// lookupKernels finds the kernels of a --kernel flag.
func lookupKernels(name string) (*simd.Kernels, error) {
	k, err := simd.Lookup(name)
	if err != nil && name != "" {
		return nil, usagef("--kernel %s: %w", name, err)
	}
	return k, err
}

func kernelNames() []string {
	var names []string
	for _, k := range simd.Variants() {
		names = append(names, k.Name)
	}
	return names
}

// mostThreads is how many threads may be asked for.
const mostThreads = 1024

// processors is how many threads are taken where none are asked for.
func processors() int { return min(runtime.GOMAXPROCS(0), mostThreads) }

// threadCount is a --threads: 0, the default, is one thread for each processor.
type threadCount int

// addThreadsFlag gives a command its --threads.
func addThreadsFlag(fl *cli.FlagSet, threads *threadCount) {
	fl.IntVar((*int)(threads), "threads", 0, fmt.Sprintf("threads, %d at most; 0, the default, for one a processor", mostThreads))
}

// number is how many threads that is.
func (t threadCount) number() (int, error) {
	switch {
	case t < 0 || t > mostThreads:
		return 0, usagef("--threads %d: want 0, for one a processor, to %d", t, mostThreads)
	case t == 0:
		return processors(), nil
	}
	return int(t), nil
}

// mostNumbers is how many numbers, of latents and images, may be computed at a time: 1 GiB of them.
const mostNumbers = 1 << 28

// batchOf is the batch for images that take so many numbers each: the one that was asked for, which
// is an error if it is too large, or else the default, or as much of it as there may be.
func batchOf(batch, numbers int, asked bool) (int, error) {
	most := max(1, mostNumbers/max(1, numbers))
	if batch > most && asked {
		return 0, usagef("--batch %d: want %d at most of images of this size", batch, most)
	}
	return min(batch, most), nil
}
