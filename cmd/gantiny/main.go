package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/train"
)

// Exit statuses: a contract with those who call gantiny from scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDiverged    = 3
	exitInterrupted = 130
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endings()...)
	ctx := untilStopped(signals, time.Now, func() { os.Exit(exitInterrupted) })
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program on the given arguments; it returns the exit status. What it writes goes
// through display.Clean: paths, names and errors come from files that others made.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = display.Clean(stdout), display.Clean(stderr)
	cmd, err := newRoot().Execute(ctx, args, stdout, stderr)
	if err == nil {
		return exitDone
	}
	status := exitStatus(err)
	if status == exitInterrupted {
		fmt.Fprintf(stderr, "%s: interrupted\n", cmd.Path())
		return status
	}
	// What the command's package says of itself is said already.
	fmt.Fprintf(stderr, "%s: %s\n", cmd.Path(), strings.TrimPrefix(err.Error(), cmd.Name+": "))
	if status == exitUsage {
		fmt.Fprintf(stderr, "Run '%s --help' for its flags.\n", cmd.Path())
	}
	return status
}

func exitStatus(err error) int {
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, train.ErrDiverged):
		return exitDiverged
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

func newRoot() *cli.Command {
	root := &cli.Command{
		Name:  "gantiny",
		Short: "Trains small convolutional GANs and draws pictures with them",
		Long: `gantiny trains small convolutional GANs and draws pictures with them.

'gantiny generate' draws digits with the model inside this program.
'gantiny train --data digits --out run1' trains one of your own.`,
	}
	asVersion := false
	root.Flags().BoolVar(&asVersion, "version", false, "say which version this is")
	root.Run = func(_ context.Context, c *cli.Command, _ []string) error {
		if asVersion {
			_, err := fmt.Fprintln(c.Stdout(), "gantiny version", version())
			return err
		}
		return c.WriteHelp(c.Stdout())
	}
	commands := []*cli.Command{newGenerate(), newProject(), newTrain(), newQuantize(), newEval(), newImport(), newExport(), newInspect(), newBench(), newServe(), newVersion(), newMan()}
	profile := addProfile(root.Global())
	for _, c := range commands {
		c.Run = profile(c.Run)
	}
	root.Add(commands...)
	root.Add(cli.Completion(root.Name))
	return root
}
