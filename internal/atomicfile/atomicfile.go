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
	if err := replace(path, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, write func(w io.Writer) error) error {
	target, mode := path, fs.FileMode(0o644)
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case exists && info.IsDir():
		return errors.New("is a directory")
	case exists && !info.Mode().IsRegular():
		return writeDirect(path, write)
	case exists:
		mode = info.Mode().Perm()
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return reason(err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return reason(err)
	}

	f, err := createTemp(target, mode)
	if err != nil {
		return reason(err)
	}
	done := false
	defer func() {
		if !done {
			f.Close() // after an earlier Close this does nothing
			os.Remove(f.Name())
		}
	}()
	if err := fill(f, write); err != nil {
		return err
	}
	if exists {
		// The umask may have taken bits that the old file had.
		if err := f.Chmod(mode); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return reason(err)
		}
	}
	if err := f.Sync(); err != nil {
		return reason(err)
	}
	if err := f.Close(); err != nil {
		return reason(err)
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return reason(err)
	}
	done = true
	return reason(syncDir(filepath.Dir(target)))
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
