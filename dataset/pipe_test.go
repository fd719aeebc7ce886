//go:build unix

package dataset

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A named pipe would be waited for for ever: it is refused, and left out of a folder.
func TestNamedPipe(t *testing.T) {
	dir := tree(t, "a.png", "b.png")
	pipe := filepath.Join(dir, "c.png")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skip(err)
	}
	if _, err := Open(pipe, Options{}); !errors.Is(err, ErrNotFile) || !strings.Contains(err.Error(), pipe+": neither a folder nor an ordinary file: it is a named pipe") {
		t.Errorf("as data: %v", err)
	}
	d, notes := loaded(t, dir, Options{})
	if !slices.Equal(d.Pix, []uint8{0, 1}) || !strings.Contains(notes, pipe+" is left out: a named pipe") {
		t.Errorf("in a folder: %+v, notes %q", d, notes)
	}
	if _, err := openPicture(pipe); err == nil {
		t.Error("opened")
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "train-images-idx3-ubyte"), 0o666); err != nil {
		t.Fatal(err)
	}
	if d, _ = loaded(t, dir, Options{}); d.N != 2 {
		t.Errorf("a pipe called as MNIST's file: %+v", d)
	}
	if _, err := Open("/dev/null", Options{}); !errors.Is(err, ErrNotFile) || !strings.Contains(err.Error(), "a device") {
		t.Errorf("a device: %v", err)
	}
}
