package main

import (
	"context"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/serving"
)

// newServe hands over to gantiny-serve: this program has no network in it.
func newServe() *cli.Command {
	return serving.Command(func(ctx context.Context, _ *serving.Flags, c *cli.Command, args []string) error {
		program, err := serving.Find()
		if err != nil {
			return err
		}
		return become(ctx, program, serving.Arguments(c, args))
	})
}
