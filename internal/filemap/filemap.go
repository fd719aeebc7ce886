package filemap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"unsafe"
)

// ErrChanged is wrapped by Guard's error.
var ErrChanged = errors.New("the file was cut short while it was in use")

// Map is a file in memory. A nil one stands for memory that no file is behind:
// there is nothing to end or to give back, and nothing that Guard has to catch.
type Map struct {
	path  string
	b     []byte // nil once closed
	whole bool   // b is a mapping of its own
	mu    sync.Mutex
}

// Open maps the file at path, which must be regular and not empty. The error
// wraps errors.ErrUnsupported where that cannot be.
func Open(path string) (*Map, error) {
	b, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Map{path: path, b: b, whole: true}, nil
}

// Decode decodes the file at path: by mapped where it can be mapped, who then
// owns the Map, and by read where not. Errors of either begin with the path.
func Decode[T any](path string, mapped func(*Map) (T, error), read func(r io.ReaderAt, size int64) (T, error)) (v T, err error) {
	if m, err := Open(path); err == nil {
		if v, err = mapped(m); err != nil {
			return v, fmt.Errorf("%s: %w", path, err)
		}
		return v, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return v, err
	}
	if v, err = read(f, info.Size()); err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// Program returns the Map of b if that is part of the program's own file, mapped read-only, as are
// strings of go:embed. It is nil if not, or if the system does not tell.
func Program(b []byte) *Map {
	if len(b) == 0 || !readOnlyFile(address(b), len(b)) {
		return nil
	}
	return &Map{path: "the program", b: b}
}

// Bytes is the file's content. Nothing may write to it, or read it after Close.
func (m *Map) Bytes() []byte { return m.b }

// Close ends the mapping. A second call does nothing.
func (m *Map) Close() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b != nil && m.whole {
		unmap(m.b)
	}
	m.b = nil
}

// Drop gives back the memory of part, a part of Bytes. Reading it again fetches it again.
func (m *Map) Drop(part []byte) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b == nil || len(part) == 0 {
		return
	}
	page := uintptr(os.Getpagesize())
	from, to := address(part), address(part)+uintptr(len(part))
	if from < address(m.b) || to > address(m.b)+uintptr(len(m.b)) {
		return
	}
	// Whole pages only; the last one of a mapping is all its own.
	from = (from + page - 1) / page * page
	if !m.whole || to < address(m.b)+uintptr(len(m.b)) {
		to = to / page * page
	}
	if from < to {
		at := from - address(m.b)
		drop(m.b[at : at+to-from])
	}
}

// Guard calls f, which reads the mapping. Should the file no longer have what is
// read, Guard returns an error that wraps ErrChanged; f is then left where it was.
func (m *Map) Guard(f func()) (err error) {
	if m == nil {
		f()
		return nil
	}
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if r := recover(); r != nil {
			if !m.at(r) {
				panic(r)
			}
			err = fmt.Errorf("%s: %w", m.path, ErrChanged)
		}
	}()
	f()
	runtime.KeepAlive(m)
	return nil
}

// at tells whether a panic is about an address of the mapping. Where the system does not say which
// address it was, as emulators of processors do not, the file must have become shorter.
func (m *Map) at(fault any) bool {
	if _, ok := fault.(runtime.Error); !ok {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := fault.(interface{ Addr() uintptr }); ok && e.Addr() != 0 {
		return m.b != nil && e.Addr()-address(m.b) < uintptr(len(m.b))
	}
	info, err := os.Stat(m.path)
	return m.b != nil && err == nil && info.Size() < int64(len(m.b))
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
