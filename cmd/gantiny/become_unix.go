//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// become makes this process run another program: signals, and sockets of systemd, are its own.
func become(_ context.Context, program string, args []string) error {
	err := syscall.Exec(program, append([]string{program}, args...), os.Environ())
	return fmt.Errorf("%s: %w", program, err)
}
