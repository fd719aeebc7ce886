package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/simd"
)

func newVersion() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Short: "Version, Go, platform and the kernels in use",
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			kernels, err := simd.Lookup("")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.Stdout(), "gantiny %s\n%s %s/%s, kernels %s\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, kernels.Name)
			return err
		},
	}
}

// stamped is the version of a release; the linker sets it (-X main.stamped=1.2.3).
var stamped string

// version is what this program was built from: the version that it was stamped with, the module's where it was installed by one, else
// the commit.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	var commit, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if commit == "" {
		return "devel"
	}
	return "devel-" + commit + dirty
}
