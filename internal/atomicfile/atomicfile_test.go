package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// want checks that dir holds the one file path, with this content.
func want(t *testing.T, path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content {
		t.Errorf("%s holds %q, want %q", path, got, content)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files in the directory: %v", len(entries), entries)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model[1]*")
	if runtime.GOOS == "windows" {
		path = strings.TrimSuffix(path, "*")
	}
	for _, s := range []string{"one", "", strings.Repeat("three", 1<<16)} {
		if err := Write(path, text(s)); err != nil {
			t.Fatal(err)
		}
		want(t, path, s)
	}
}

func TestErrorKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no more digits")
	err := Write(path, func(w io.Writer) error {
		if err := text(strings.Repeat("new", 1<<16))(w); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), path+": no more digits") {
		t.Errorf("error %v", err)
	}
	want(t, path, "old")
}

func TestPanicKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() != "out of ink" {
				t.Error("the panic was lost")
			}
		}()
		Write(path, func(io.Writer) error { panic("out of ink") })
	}()
	want(t, path, "old")
}

// Several files: all of them, or an error that names one, and nothing half-written.
func TestWriteAll(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	paths := []string{filepath.Join(dir, "a"), filepath.Join(other, "b"), filepath.Join(dir, "c")}
	if err := Write(paths[2], text("old")); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no more digits")
	err := WriteAll(paths, func(i int, w io.Writer) error {
		if i == 2 {
			return failure
		}
		return text("new")(w)
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), paths[2]+": no more digits") {
		t.Errorf("error %v", err)
	}
	want(t, paths[2], "old")
	if err := WriteAll(nil, nil); err != nil {
		t.Error(err)
	}
	err = WriteAll([]string{paths[2], filepath.Join(dir, "missing", "f")}, func(i int, w io.Writer) error { return text("new")(w) })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	want(t, paths[2], "old")
	if err := WriteAll(paths, func(i int, w io.Writer) error { return text(strings.Repeat("x", i))(w) }); err != nil {
		t.Fatal(err)
	}
	want(t, paths[1], "x")
	for i, path := range []string{paths[0], paths[2]} {
		if got, err := os.ReadFile(path); err != nil || len(got) != 2*i {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v in the directory, %v", entries, err)
	}
}

func TestErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "missing", "f")
	err := Write(path, text("x"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "write "+path+": ") {
		t.Errorf("missing directory: %v", err)
	}
	if strings.Contains(err.Error(), ".tmp-") {
		t.Errorf("the temporary name shows: %v", err)
	}
	if err := Write(dir, text("x")); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("onto a directory: %v", err)
	}
}

func TestMode(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		t.Skip("no permission bits here")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, text("x")); err != nil {
		t.Fatal(err)
	}
	mode := func() fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	// The umask is not ours to change; it takes bits from 0644 and adds none.
	if m := mode(); m&0o400 == 0 || m&^0o644 != 0 {
		t.Errorf("new file has mode %v", m)
	}
	if err := os.Chmod(path, 0o606); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("y")); err != nil {
		t.Fatal(err)
	}
	if m := mode(); m != 0o606 {
		t.Errorf("replaced file has mode %v, want 0606", m)
	}
}

func TestSymbolicLink(t *testing.T) {
	dir, links := t.TempDir(), t.TempDir()
	path, link := filepath.Join(dir, "f"), filepath.Join(links, "link")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	want(t, path, "new")
	want(t, link, "new")
}

func TestDevice(t *testing.T) {
	info, err := os.Stat(os.DevNull)
	if err != nil || info.Mode().IsRegular() {
		t.Skip("no null device")
	}
	if err := Write(os.DevNull, text("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the null device was replaced: %v, %v", info, err)
	}
	// A full disk, as near as a test can have one.
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("no " + full)
	}
	if err := Write(full, text("x")); err == nil || !strings.Contains(strings.ToLower(err.Error()), "write "+full+": no space left") {
		t.Errorf("full device: %v", err)
	}
}

// A link to a file that is not there yet, by way of another link, keeps pointing.
func TestDanglingLink(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"real", "links"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "links", "a")
	if err := os.Symlink("b", link); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("../real/f", filepath.Join(dir, "links", "b")); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"one", "two"} {
		if err := Write(link, text(s)); err != nil {
			t.Fatal(err)
		}
		want(t, filepath.Join(dir, "real", "f"), s)
		if to, err := os.Readlink(link); err != nil || to != "b" {
			t.Errorf("the link points at %q, %v", to, err)
		}
	}
	if err := os.Symlink("c", filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "c"), text("x")); err == nil {
		t.Error("a link to itself was written to")
	}
}

// Names of 255 bytes, the most that file systems take, have temporary names too: each its own.
func TestLongNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 255), strings.Repeat("é", 127)} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Skip(err)
		}
		if err := Write(path, text("x")); err != nil {
			t.Fatal(err)
		}
		want(t, path, "x")
	}
	a, b := tempPrefix(strings.Repeat("a", 254)+"b"), tempPrefix(strings.Repeat("a", 255))
	if a == b || len(a) > 120 {
		t.Errorf("temporary names %s and %s", a, b)
	}
}

// What a killed writer left is gone once the path is written again; the file of a living one stays.
func TestLeftoverOfKilledWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	living, err := createTemp(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	if held, _ := tryLock(living); !held {
		t.Skip("no locks here")
	}
	for range 3 {
		dead, err := createTemp(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		dead.Close() // as the end of its process does
	}
	if err := Write(path, text("x")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 || !exists(living.Name()) {
		t.Errorf("%v in the directory, %v; want the file and the living writer's", entries, err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestWriteKeeping(t *testing.T) {
	dir := t.TempDir()
	path, old := filepath.Join(dir, "f"), filepath.Join(dir, "f.old")
	for i, s := range []string{"one", "two", "three"} {
		if err := WriteKeeping(path, old, text(s)); err != nil {
			t.Fatal(err)
		}
		before := []string{"", "one", "two"}[i]
		if got, err := os.ReadFile(path); err != nil || string(got) != s {
			t.Errorf("after %s: %q, %v", s, got, err)
		}
		if got, err := os.ReadFile(old); string(got) != before || (err == nil) != (i > 0) {
			t.Errorf("after %s the old one is %q, %v", s, got, err)
		}
	}
	failure := errors.New("no more digits")
	if err := WriteKeeping(path, old, func(io.Writer) error { return failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "two" {
		t.Errorf("after an error the old one is %q, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v in the directory, %v", entries, err)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Error(info, err)
	}
	file := filepath.Join(dir, "f")
	if err := Write(file, text("x")); err != nil {
		t.Fatal(err)
	}
	if MkdirAll(filepath.Join(file, "d")) == nil {
		t.Error("a directory in a file")
	}
}

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	f, err := createTemp(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := Write(path, text("x")); err != nil {
		t.Fatal(err)
	}
	if err := RemoveLeftovers(path); err != nil {
		t.Fatal(err)
	}
	want(t, path, "x")
}

// RemoveDead tells the file of a living writer from that of a dead one, where the system does.
func TestRemoveDead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	living, err := createTemp(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	dead, err := createTemp(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	held, _ := tryLock(dead)
	dead.Close()
	RemoveDead(path)
	if _, err := os.Stat(living.Name()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dead.Name()); held && !errors.Is(err, fs.ErrNotExist) {
		t.Error("the dead one's is there", err)
	}
}
