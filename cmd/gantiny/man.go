package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/man"
)

// newMan is the command that packages are built with.
func newMan() *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use:    "man DIR",
		Short:  "Writes the manual pages into a folder",
		Hidden: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("takes one DIR, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			return man.Write(cmd.Root(), args[0], date, version())
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "`DATE` of the pages, as in 2026-11-30")
	return cmd
}
