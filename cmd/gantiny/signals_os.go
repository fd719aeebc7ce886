//go:build !js

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// wishes are the signals besides TERM that ask the program to end.
var wishes = []os.Signal{os.Interrupt, syscall.SIGHUP}

// ignorePipes keeps a write to a closed pipe from ending the program.
func ignorePipes() { signal.Ignore(syscall.SIGPIPE) }
