package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// oneWish is the time in which several signals are one: timeout, sudo and supervisors send theirs to a process and
// to its group.
const oneWish = time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	context.AfterFunc(ctx, func() { time.AfterFunc(oneWish, stop) }) // a second Ctrl-C after that ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// endings are the signals that ask the program to end, but for those that it was started to ignore, as nohup and a shell's
// background do. Of no signals at all NotifyContext would take every one, so there is always SIGTERM.
func endings() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// run is the whole program on the given arguments; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // for nil cobra takes those of the process
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	status := exitStatus(err)
	if status == exitInterrupted {
		fmt.Fprintf(stderr, "%s: interrupted\n", cmd.CommandPath())
		return status
	}
	// What the command's package says of itself is said already.
	fmt.Fprintf(stderr, "%s: %s\n", cmd.CommandPath(), strings.TrimPrefix(err.Error(), cmd.Name()+": "))
	if status == exitUsage {
		fmt.Fprintf(stderr, "Run '%s --help' for its flags.\n", cmd.CommandPath())
	}
	return status
}

func exitStatus(err error) int {
	var usage *usageError
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

// usageError is a mistake in the arguments.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gantiny",
		Short: "Trains small convolutional GANs and draws pictures with them",
		Long: `gantiny trains small convolutional GANs and draws pictures with them.

'gantiny generate' draws digits with the model inside this program.
'gantiny train --data digits --out run1' trains one of your own.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
			}
			return usagef("unknown command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.Version = version()
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{flagError(err)} })
	profile := addProfile(root)
	root.AddCommand(newGenerate(), newTrain(), newQuantize(), newInspect(), newBench(), newVersion(), newMan())
	for _, c := range root.Commands() {
		c.RunE = profile(c.RunE)
	}
	return root
}

// addCompletion adds cobra's completion command, whose wrong arguments are wrong usage like any other's. It remembers the
// root's standard output, which must be set before.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err)
	}
	completion.RunE = func(cmd *cobra.Command, args []string) error { return cmd.Help() }
	for _, c := range append(completion.Commands(), completion) {
		c.Args = noArguments
	}
}

// flagError says what is wrong with a flag in terms of the flag and its value, without the parser's inner words.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	want := map[string]string{
		"int": "a whole number", "uint64": "a whole number from 0 to 18446744073709551615", "float64": "a number", "bool": "true or false", "SIZE": "a size such as 64M",
	}[invalid.GetFlag().Value.Type()]
	if want == "" {
		return err
	}
	return fmt.Errorf("--%s %s: not %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

// atMostOneModel is the Args of the commands that take [MODEL].
func atMostOneModel(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("takes one MODEL at most, got %d: %s", len(args), strings.Join(args, " "))
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("takes no arguments, got %s", strings.Join(args, " "))
	}
	return nil
}
