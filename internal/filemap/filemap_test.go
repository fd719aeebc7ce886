package filemap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

func Example() {
	dir, err := os.MkdirTemp("", "filemap")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "weights")
	if err := os.WriteFile(path, []byte("some weights"), 0o600); err != nil {
		panic(err)
	}
	m, err := Open(path)
	if errors.Is(err, errors.ErrUnsupported) { // then one reads the file
		fmt.Println("some weights")
		return
	}
	defer m.Close()
	fmt.Println(string(m.Bytes()))
	// Output: some weights
}

// mapped maps a new file of n bytes.
func mapped(t *testing.T, n int) (*Map, string, []byte) {
	t.Helper()
	want := make([]byte, n)
	for i := range want {
		want[i] = byte(i * i >> 3)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no mappings here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, path, want
}

func TestMap(t *testing.T) {
	m, path, want := mapped(t, 100_001)
	if !bytes.Equal(m.Bytes(), want) {
		t.Fatal("the mapping is not the file")
	}
	for _, part := range [][2]int{{0, 0}, {0, 1}, {1, 50_000}, {4096, 8192}, {0, len(want)}} {
		m.Drop(m.Bytes()[part[0]:part[1]])
	}
	m.Drop(want)
	if !bytes.Equal(m.Bytes(), want) {
		t.Fatal("dropping changed the content")
	}
	// Replaced by renaming: the old content stays.
	if err := os.WriteFile(path+".new", []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	m.Drop(m.Bytes())
	if !bytes.Equal(m.Bytes(), want) {
		t.Fatal("another file has taken the mapping's place")
	}
	m.Close()
	m.Close()
	m.Drop(m.Bytes())
}

func TestGuard(t *testing.T) {
	m, path, want := mapped(t, 1<<20)
	sum := 0
	read := func() {
		for _, b := range m.Bytes() {
			sum += int(b)
		}
	}
	if err := m.Guard(read); err != nil || sum == 0 {
		t.Fatalf("%v, sum %d", err, sum)
	}
	if err := os.Truncate(path, int64(len(want)/2)); err != nil {
		t.Fatal(err)
	}
	if err := m.Guard(read); !errors.Is(err, ErrChanged) {
		t.Errorf("a file cut short: %v", err)
	}
	// What has nothing to do with the mapping goes on.
	defer func() {
		if r := recover(); r != "another" {
			t.Errorf("panic %v, want another", r)
		}
	}()
	m.Guard(func() { panic("another") })
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("no file: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, empty, os.DevNull} {
		if _, err := Open(path); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// text is in the program's file, and large enough to have whole pages.
const (
	text16  = "0123456789abcdef"
	text256 = text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16 + text16
	text4k  = text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256 + text256
	text    = text4k + text4k + text4k + text4k + text4k + text4k + text4k + text4k
)

func TestProgram(t *testing.T) {
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	m := Program(b)
	if _, err := os.Stat("/proc/self/maps"); runtime.GOOS != "linux" || err != nil {
		t.Skip("only Linux tells, by its /proc")
	}
	if m == nil {
		t.Fatal("a constant is not part of the program")
	}
	m.Drop(b)
	m.Drop(b[5000:20000])
	if text != strings.Repeat("0123456789abcdef", len(text)/16) {
		t.Error("dropping changed a constant")
	}
	m.Close()
	m.Drop(b)
	if text[len(text)-1] != 'f' {
		t.Error("closing took the program away")
	}
	for name, other := range map[string][]byte{"heap": make([]byte, 1<<20), "nothing": nil} {
		if Program(other) != nil {
			t.Errorf("%s is part of the program", name)
		}
	}
}
