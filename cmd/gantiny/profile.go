package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

type runFunc = func(context.Context, *cli.Command, []string) error

// addProfile gives every command a hidden --cpuprofile FILE; the function that it returns wraps a
// command's work.
func addProfile(fl *cli.FlagSet) func(runFunc) runFunc {
	path := new(string)
	fl.StringVar(path, "cpuprofile", "", "write a CPU profile to `FILE`").Hidden = true
	return func(work runFunc) runFunc {
		return func(ctx context.Context, cmd *cli.Command, args []string) error {
			if *path == "" {
				return work(ctx, cmd, args)
			}
			f, err := os.Create(*path)
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(f); err != nil {
				f.Close()
				return err
			}
			err = work(ctx, cmd, args)
			pprof.StopCPUProfile()
			if cerr := f.Close(); err == nil && cerr != nil {
				err = fmt.Errorf("cpu profile: %w", cerr)
			}
			return err
		}
	}
}
