package main

import (
	"context"
	"os"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/man"
)

// newMan is the command that packages are built with.
func newMan() *cli.Command {
	var date string
	cmd := &cli.Command{
		Name:   "man",
		Args:   "DIR",
		Short:  "Writes the manual pages into a folder",
		Hidden: true,
		Check: func(args []string) error {
			if len(args) != 1 {
				return usagef("takes one DIR, got %d", len(args))
			}
			return nil
		},
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			return man.Write(cmd.Root(), args[0], date, version())
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "`DATE` of the pages, as in 2026-11-30")
	return cmd
}
