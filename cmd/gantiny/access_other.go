//go:build !unix

package main

import (
	"errors"
	"os"
)

// tryWriting tells why no file can be made in a folder: it makes one and takes it away.
func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".gantiny-try-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
