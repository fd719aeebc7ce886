package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is a user and group that own nothing.
const nobody = 65534

// asNobody runs f with the rights that another user has to files. Only root can.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsgid(nobody); err != nil {
		t.Skip(err)
	}
	defer unix.Setfsgid(0)
	if err := unix.Setfsuid(nobody); err != nil {
		t.Skip(err)
	}
	defer unix.Setfsuid(0)
	f()
}

// shared returns a directory that everybody can enter, and a file of its mode and owner there.
func shared(t *testing.T, dirMode, mode fs.FileMode, uid, gid int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("", "atomicfile") // all of whose parents can be entered, unlike t.TempDir's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "f")
	if err := errors.Join(os.Chmod(dir, dirMode), os.WriteFile(path, []byte("old and long"), 0o600), os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func check(t *testing.T, path, content string, mode fs.FileMode, uid, gid int) {
	t.Helper()
	want(t, path, content)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if u, g, _ := owner(info); u != uid || g != gid || info.Mode().Perm() != mode {
		t.Errorf("%d:%d with mode %v, want %d:%d with %v", u, g, info.Mode(), uid, gid, mode)
	}
}

func TestOwnerStays(t *testing.T) {
	path := shared(t, 0o755, 0o664, nobody, 60)
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	check(t, path, "new", 0o664, nobody, 60)
}

// A user who cannot give a file its group gives that group's rights to no other.
func TestGroupThatCannotBeSet(t *testing.T) {
	path := shared(t, 0o777, 0o674, nobody, 60)
	asNobody(t, func() {
		if err := Write(path, text("new")); err != nil {
			t.Error(err)
		}
	})
	check(t, path, "new", 0o644, nobody, nobody)
}

// A user's own file is written in a directory where the user can make no other, and in one where
// others' files cannot be replaced.
func TestFileInAnothersDirectory(t *testing.T) {
	for _, dir := range []fs.FileMode{0o755, 0o777 | fs.ModeSticky} {
		uid := nobody
		if dir&fs.ModeSticky != 0 {
			uid = 0 // another's, writable for all
		}
		path := shared(t, dir, 0o666, uid, 0)
		asNobody(t, func() {
			if err := Write(path, text("new")); err != nil {
				t.Errorf("%v: %v", dir, err)
			}
		})
		check(t, path, "new", 0o666, uid, 0)
	}
}

func TestReadOnlyFileStays(t *testing.T) {
	path := shared(t, 0o777, 0o444, nobody, nobody)
	asNobody(t, func() {
		if err := Write(path, text("new")); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
	})
	check(t, path, "old and long", 0o444, nobody, nobody)
}
