//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package display

import "golang.org/x/sys/unix"

// Requests that read and set a terminal's mode.
const (
	getMode = unix.TIOCGETA
	setMode = unix.TIOCSETA
)
