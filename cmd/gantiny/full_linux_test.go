package main

import (
	"os"
	"testing"
)

// TestFullDisk: what cannot be written is an error that names the file, and leaves nothing half-written.
func TestFullDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"full.png", "full.gif", "full.npy", "full.json"} {
		if err := os.Symlink("/dev/full", name); err != nil {
			t.Fatal(err)
		}
		args := []string{"generate", "-n", "2", "-o", name}
		if name == "full.json" {
			if testing.Short() {
				continue
			}
			args = []string{"bench", "--suite", "pi", "--seconds", "0.001", "-o", name}
		}
		gantiny(t, args...).want(t, exitFailed, name, "no space left on device")
	}
	if left := files(t, "."); len(left) != 4 {
		t.Errorf("files %q", left)
	}
}
