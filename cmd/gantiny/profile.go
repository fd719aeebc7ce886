package main

import (
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

type runFunc = func(*cobra.Command, []string) error

// addProfile gives every command a hidden --cpuprofile FILE; the function that it returns wraps a command's work.
func addProfile(root *cobra.Command) func(runFunc) runFunc {
	path := root.PersistentFlags().String("cpuprofile", "", "write a CPU profile to `FILE`")
	if err := root.PersistentFlags().MarkHidden("cpuprofile"); err != nil {
		panic(err)
	}
	return func(work runFunc) runFunc {
		return func(cmd *cobra.Command, args []string) error {
			if *path == "" {
				return work(cmd, args)
			}
			f, err := os.Create(*path)
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(f); err != nil {
				f.Close()
				return err
			}
			err = work(cmd, args)
			pprof.StopCPUProfile()
			if cerr := f.Close(); err == nil && cerr != nil {
				err = fmt.Errorf("cpu profile: %w", cerr)
			}
			return err
		}
	}
}
