package main

import (
	"errors"
	"os"
	"testing"
)

// TestFullDisk: what cannot be written is an error that names the file, and leaves nothing
// half-written.
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

// TestFullDiskInSet: a part that does not fit ends the shard, which goes on once there is room.
func TestFullDiskInSet(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	small(t)
	args := []string{"generate", smallFile, "--count", "6", "--part", "2", "-o", "d-%01d.tar"}
	gantiny(t, args...).want(t, exitDone)
	whole := gantiny(t, "verify", "d-manifest.json").want(t, exitDone)
	if err := errors.Join(os.Remove("d-1.tar"), os.Symlink("/dev/full", "d-1.tar")); err != nil {
		t.Fatal(err)
	}
	gantiny(t, args...).want(t, exitFailed, "d-1.tar", "no space left on device")
	gantiny(t, "verify", "d-manifest.json").want(t, exitFailed, "d-1.tar")
	if err := os.Remove("d-1.tar"); err != nil {
		t.Fatal(err)
	}
	gantiny(t, args...).want(t, exitDone, "3 parts, 2 of which were there already", "d-1.tar: parts are missing or damaged", "drawn again")
	if got := gantiny(t, "verify", "d-manifest.json").want(t, exitDone); got.stdout != whole.stdout {
		t.Errorf("%q, want %q", got.stdout, whole.stdout)
	}
}
