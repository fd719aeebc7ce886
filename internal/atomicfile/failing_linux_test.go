package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bare is a file's information from a file system that knows no owners.
type bare struct{ mode fs.FileMode }

func (b bare) Name() string       { return "bare" }
func (b bare) Size() int64        { return 0 }
func (b bare) Mode() fs.FileMode  { return b.mode }
func (b bare) ModTime() time.Time { return time.Time{} }
func (b bare) IsDir() bool        { return false }
func (b bare) Sys() any           { return nil }

// A name that cannot be given ends with an error that names the file, and what was there stays.
func TestWhatCannotBeReplaced(t *testing.T) {
	dir := t.TempDir()
	file, loop, old := filepath.Join(dir, "file"), filepath.Join(dir, "loop"), filepath.Join(dir, "old")
	if err := errors.Join(os.WriteFile(file, []byte("before"), 0o666), os.Symlink("loop", loop), os.MkdirAll(filepath.Join(old, "more"), 0o777)); err != nil {
		t.Fatal(err)
	}
	for path, target := range map[string]error{
		filepath.Join(file, "below"):    syscall.ENOTDIR,
		loop:                            syscall.ELOOP,
		filepath.Join(dir, "none", "x"): fs.ErrNotExist,
		filepath.Join(dir, strings.Repeat("x", 256)): syscall.ENAMETOOLONG,
	} {
		if err := Write(path, text("x")); !errors.Is(err, target) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", path, err, target)
		}
	}
	if err := WriteKeeping(file, old, text("after")); err == nil || !strings.Contains(err.Error(), "keeping what was there as "+old) {
		t.Errorf("a directory for what was there: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "before" {
		t.Errorf("the file has %q, %v", b, err)
	}
	if _, err := resolve(filepath.Join(file, "below")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a link in a file: %v", err)
	}
	if _, err := resolve(loop); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Errorf("a link to itself: %v", err)
	}
	if err := RemoveLeftovers(filepath.Join(dir, "none", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("leftovers of nowhere: %v", err)
	}
	if err := syncDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is gone: %v", err)
	}
	if err := MkdirAll(filepath.Join(file, "a", "b")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a directory in a file: %v", err)
	}
}

// Each step of copying into a file that cannot be replaced may fail.
func TestCopyIntoFails(t *testing.T) {
	dir := t.TempDir()
	temp := func() *os.File {
		f, err := os.CreateTemp(dir, "temp")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if _, err := f.WriteString("bytes"); err != nil {
			t.Fatal(err)
		}
		return f
	}
	closed := temp()
	closed.Close()
	if err := (&staged{target: "/dev/null", file: closed}).copyInto(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the temporary file is closed: %v", err)
	}
	for target, reason := range map[string]error{
		filepath.Join(dir, "none"): fs.ErrNotExist,
		"/dev/full":                syscall.ENOSPC,
		"/dev/null":                syscall.EINVAL, // which cannot be cut to a length
	} {
		if err := (&staged{target: target, file: temp()}).copyInto(); !errors.Is(err, reason) {
			t.Errorf("%s: %v, want %v", target, err, reason)
		}
	}
	if err := takeAttributes(closed, bare{0o644}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("attributes of a closed file: %v", err)
	}
	if err := syncAll([]*staged{{path: "its name", file: closed}}); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "its name") {
		t.Errorf("a closed file is synced: %v", err)
	}
	if err := Write("/dev/full", func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<17)); return err }); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full device: %v", err)
	}
}

// Files of a system that knows no owners are nobody's own; their mode is taken all the same.
func TestNoOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if own(bare{}) {
		t.Error("a file without an owner is this user's")
	}
	if err := takeAttributes(f, bare{0o640}); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// An open file without a name keeps its bytes' place: there is nothing to rename to.
func TestFileWithoutAName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	proc := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	if err := Write(proc, text("after")); err != nil {
		t.Skip("no /proc here: ", err)
	}
	if b, err := io.ReadAll(io.NewSectionReader(f, 0, 99)); err != nil || string(b) != "after" {
		t.Errorf("%q, %v", b, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Where every numbered name is taken by what is no leftover, the temporary file has another one.
// What is cut of a long name leaves whole letters.
func TestTemporaryNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for i := range tempNumbers {
		if err := os.Mkdir(filepath.Join(dir, tempPrefix("f")+strconv.Itoa(i)), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, text("x")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "x" {
		t.Errorf("the file has %q, %v", b, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != tempNumbers+1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if removeDead(filepath.Join(dir, "none")) || removeDead(filepath.Join(dir, tempPrefix("f")+"0")) {
		t.Error("removed what is no leftover")
	}
	long := strings.Repeat("é", 40)
	prefix := tempPrefix("x" + long) // byte 64 is inside a letter
	if !strings.HasPrefix(prefix, ".x"+strings.Repeat("é", 31)+"~") || len(prefix) > 100 {
		t.Errorf("prefix %q", prefix)
	}
	if sameAs(filepath.Join(dir, "none"), nil) {
		t.Error("nothing is the same as something")
	}
}
