package dataset

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// unprivileged makes this goroutine's files those of a user who owns nothing, where it runs as
// root, who may read anything. Such a user must get to dir.
func unprivileged(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // and never unlocked, so that the thread ends with the test
	if err := syscall.Setfsuid(65534); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Setfsuid(0) })
}

// What one may not read is left out by name where there is more, and named where it is all there
// is.
func TestMayNotRead(t *testing.T) {
	dir := tree(t, "flat/a.png", "flat/lost+found/b.png", "below/0/x.txt", "below/0/1/2/3/a.png", "below/0/lost/a.png", "alone/a.png", "labeled/a.png")
	idx := idxFile(t, ramp(4), 1, 2, 2)
	write(t, dir, "idx/train-images-idx3-ubyte", idx)
	write(t, dir, "idx/train-labels-idx1-ubyte", idxFile(t, []uint8{3}, 1))
	write(t, dir, "closed.idx", idx)
	write(t, dir, "labels.csv", []byte("a.png,cat\n"))
	for _, name := range []string{"flat/lost+found", "below/0/lost", "alone", "idx/train-labels-idx1-ubyte", "closed.idx", "labels.csv"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
	unprivileged(t, dir)
	if _, err := os.ReadDir(filepath.Join(dir, "alone")); err == nil {
		t.Skip("everything may be read here")
	}
	d, notes := loaded(t, filepath.Join(dir, "flat"), Options{})
	if d.N != 1 || !strings.Contains(notes, "lost+found is left out: permission denied") {
		t.Errorf("beside pictures: %+v, notes %q", d, notes)
	}
	d, notes = loaded(t, filepath.Join(dir, "below"), Options{})
	if d.N != 1 || !strings.Contains(notes, filepath.Join("0", "lost")+" is left out: permission denied") {
		t.Errorf("above pictures: %+v, notes %q", d, notes)
	}
	d, notes = loaded(t, filepath.Join(dir, "idx"), Options{})
	if d.N != 1 || d.Labels != nil || !strings.Contains(notes, "train-labels-idx1-ubyte: permission denied") {
		t.Errorf("labels: %+v, notes %q", d, notes)
	}
	for _, spec := range []string{"alone", "alone/a.png", "closed.idx"} {
		if _, err := Open(filepath.Join(dir, spec), Options{}); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), spec) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	_, err := Open(filepath.Join(dir, "labeled"), Options{Labels: filepath.Join(dir, "labels.csv")})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "labels.csv") {
		t.Errorf("a file of labels: %v", err)
	}
}

// Sockets are left out of a folder, and neither they nor pipes are waited for; a file of labels of
// any size is not read.
func TestSpecialFiles(t *testing.T) {
	dir := tree(t, "a.png")
	listener, err := net.Listen("unix", filepath.Join(dir, "s.png"))
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	if d, notes := loaded(t, dir, Options{}); d.N != 1 || !strings.Contains(notes, "s.png is left out: a socket") {
		t.Errorf("a socket: %+v, notes %q", d, notes)
	}
	csv := write(t, dir, "labels.csv", []byte("a.png,cat\n"))
	if err := os.Truncate(csv, mostCSV+1); err != nil { // it takes no room
		t.Skip(err)
	}
	if _, err := Open(dir, Options{Labels: csv}); !errors.Is(err, ErrCSV) || !strings.Contains(err.Error(), "268435457 bytes, want at most 268435456") {
		t.Errorf("a large file of labels: %v", err)
	}
	dir = t.TempDir()
	write(t, dir, "train-images-idx3-ubyte", idxFile(t, ramp(4), 1, 2, 2))
	if err := syscall.Mkfifo(filepath.Join(dir, "train-labels-idx1-ubyte"), 0o666); err != nil {
		t.Skip(err)
	}
	if d, _ := loaded(t, dir, Options{}); !slices.Equal(d.Pix, ramp(4)) || d.Labels != nil {
		t.Errorf("a pipe of labels: %+v", d)
	}
}
