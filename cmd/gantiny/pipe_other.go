//go:build !unix

package main

import (
	"context"
	"os"
)

// openPipe returns nil: here pipes have no names among files.
func openPipe(context.Context, string) (*os.File, error) { return nil, nil }
