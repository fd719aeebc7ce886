//go:build !js

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

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/serving"
)

// Exit statuses, as those of gantiny.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit status. ctx ends it as SIGTERM does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = display.Clean(stdout), display.Clean(stderr)
	const name = "gantiny serve"
	cmd := serving.Command(func(ctx context.Context, f *serving.Flags, c *cli.Command, args []string) error {
		return serve(ctx, f, args, stderr)
	})
	cmd.Name = name
	_, err := cmd.Execute(ctx, args, stdout, stderr)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, strings.TrimPrefix(err.Error(), "httpserve: "))
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "Run '%s --help' for its flags.\n", name)
		return exitUsage
	}
	return exitFailed
}

// signals returns a context that SIGTERM and Ctrl-C end, and a channel of SIGHUPs. A second wish to
// end, more than a second after the first, is obeyed at once.
func signals(ctx context.Context) (context.Context, <-chan os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	end, hup := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hup, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-end:
		case <-ctx.Done():
			return
		}
		first := time.Now()
		cancel()
		for range end {
			if time.Since(first) > time.Second {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, hup
}
