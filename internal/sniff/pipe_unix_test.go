//go:build unix

package sniff

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipe: a pipe that nobody writes to is not waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if err := Model(path); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), "a pipe") {
		t.Errorf("error %v", err)
	}
}
