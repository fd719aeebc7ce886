//go:build !js

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups are sent when the terminal goes away.
var hangups = []os.Signal{syscall.SIGHUP}

// ignorePipes keeps a write to a closed pipe from ending the program.
func ignorePipes() { signal.Ignore(syscall.SIGPIPE) }
