package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Write makes write's output the contents of path. The bytes go to a temporary
// file in the same directory, which is synced, renamed to path and made durable
// by syncing the directory. After an error or a panic in write, path is as it
// was and the temporary file is gone.
//
// A new file has mode 0644 less the umask, a replaced one keeps its mode, and a
// symbolic link keeps pointing at the file. What is no regular file, such as
// /dev/null or a pipe, cannot be replaced and is written to directly.
//
// Errors name path and wrap what write or the system returned.
func Write(path string, write func(w io.Writer) error) error {
	return WriteAll([]string{path}, func(_ int, w io.Writer) error { return write(w) })
}

// WriteFile makes data the contents of path, as Write does.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteAll works like Write for several files: write(i, w) makes the contents of
// paths[i]. They are synced side by side, which takes the system hardly longer
// than one of them, and each directory once. All of them are open for a time, so
// let them be some dozens at most. After an error some may be in place, whole,
// and the others are as they were.
func WriteAll(paths []string, write func(i int, w io.Writer) error) error {
	files := make([]*staged, 0, len(paths))
	defer func() {
		for _, f := range files {
			f.discard()
		}
	}()
	named := func(path string, err error) error { return fmt.Errorf("write %s: %w", path, err) }
	for i, path := range paths {
		f, err := stage(path, func(w io.Writer) error { return write(i, w) })
		if err != nil {
			return named(path, err)
		}
		if f != nil {
			files = append(files, f)
		}
	}
	failures := make([]error, len(files))
	var syncing sync.WaitGroup
	for i, f := range files {
		syncing.Go(func() { failures[i] = errors.Join(reason(f.file.Sync()), reason(f.file.Close())) })
	}
	syncing.Wait()
	for i, err := range failures {
		if err != nil {
			return named(files[i].path, err)
		}
	}
	dirs := map[string]string{} // those to sync, with one of their files
	for _, f := range files {
		if err := os.Rename(f.file.Name(), f.target); err != nil {
			return named(f.path, reason(err))
		}
		f.placed = true
		dirs[filepath.Dir(f.target)] = f.path
	}
	for dir, path := range dirs {
		if err := reason(syncDir(dir)); err != nil {
			return named(path, err)
		}
	}
	return nil
}

// staged is a temporary file with all its bytes, to be synced and renamed.
type staged struct {
	path, target string // what the caller named, and the file that this is
	file         *os.File
	placed       bool
}

// discard removes the file unless it is in place.
func (s *staged) discard() {
	if !s.placed {
		s.file.Close() // after an earlier Close this does nothing
		os.Remove(s.file.Name())
	}
}

// stage has write fill a temporary file for path. It returns nil where path is
// written to directly.
func stage(path string, write func(w io.Writer) error) (*staged, error) {
	target, mode := path, fs.FileMode(0o644)
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case exists && info.IsDir():
		return nil, errors.New("is a directory")
	case exists && !info.Mode().IsRegular():
		return nil, writeDirect(path, write)
	case exists:
		mode = info.Mode().Perm()
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return nil, reason(err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, reason(err)
	}

	f, err := createTemp(target, mode)
	if err != nil {
		return nil, reason(err)
	}
	s := &staged{path: path, target: target, file: f}
	done := false
	defer func() {
		if !done { // an error, or a panic in write
			s.discard()
		}
	}()
	if err := fill(f, write); err != nil {
		return nil, err
	}
	if exists {
		// The umask may have taken bits that the old file had.
		if err := f.Chmod(mode); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return nil, reason(err)
		}
	}
	done = true
	return s, nil
}

// RemoveLeftovers deletes the temporary files that killed processes left while
// they wrote path. Nobody may be writing path meanwhile.
func RemoveLeftovers(path string) error {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix(base)) && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(dir+e.Name()))
		}
	}
	return err
}

func tempPrefix(base string) string { return "." + base + ".tmp-" }

// createTemp works like os.CreateTemp, which has no way to set a mode that the
// umask still applies to.
func createTemp(target string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(target)
	for {
		name := dir + tempPrefix(base) + strconv.FormatUint(rand.Uint64(), 36)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func writeDirect(path string, write func(w io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return reason(err)
	}
	err = fill(f, write)
	if cerr := f.Close(); err == nil {
		err = reason(cerr)
	}
	return err
}

func fill(f *os.File, write func(w io.Writer) error) error {
	b := bufio.NewWriterSize(fileWriter{f}, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// fileWriter keeps the temporary file's name out of errors.
type fileWriter struct{ f *os.File }

func (w fileWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	return n, reason(err)
}

// reason takes the file name off an error of package os: Write says its own.
func reason(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
