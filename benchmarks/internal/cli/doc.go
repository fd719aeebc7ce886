// Package cli is the frame of the commands in benchmarks/: Ctrl-C ends their context, and their
// error is the exit status.
package cli
