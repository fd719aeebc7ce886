package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	built "github.com/gantiny/gantiny/cmd/gantiny/internal/version"
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

// version is what this program was built from.
func version() string { return built.Of(stamped) }
