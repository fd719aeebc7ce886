//go:build unix

package fleet

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipe: a pipe in the place of a manifest is refused and not waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "digits-manifest.json")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Skip(err)
	}
	if _, err := ReadManifest(path); !errors.Is(err, ErrManifest) {
		t.Errorf("%v", err)
	}
}

func TestIsName(t *testing.T) {
	for path, want := range map[string]bool{"digits-%05d.tar": true, "x/d-%d.npy": true, "50%done.png": false, "x%d/": false, "digits.tar": false, "d-%03d.zip": true} {
		if IsName(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
