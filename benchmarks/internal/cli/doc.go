// Package cli is the frame of the commands in benchmarks/: Ctrl-C ends their context, their error is
// the exit status, and all write JSON in one form.
package cli
