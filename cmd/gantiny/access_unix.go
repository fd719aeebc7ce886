//go:build unix

package main

import "golang.org/x/sys/unix"

// tryWriting tells why no file can be made in a folder, and leaves nothing there.
func tryWriting(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
