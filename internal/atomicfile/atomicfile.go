package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Write makes write's output the contents of path. The bytes go to a temporary
// file in the same directory, which is synced, renamed to path and made durable
// by syncing the directory. After an error or a panic in write, path is as it
// was and the temporary file is gone.
//
// A new file has mode 0644 less the umask. A replaced one keeps its mode and,
// where the process may set them, its owner and group. A symbolic link keeps
// pointing where it points, even at a file that is not there yet. A file that the
// process may not write to is not replaced: the error wraps fs.ErrPermission.
//
// Where the directory allows no temporary file, or the system no renaming, as for a
// file mounted by itself, the bytes of an existing file are replaced in place once
// write has returned: a crash while that happens leaves a part of them. What is no
// regular file, such as /dev/null or a pipe, is written to directly.
//
// What a killed process has left is removed when the same path is written again,
// on systems that have locks to tell it from the file of a living one.
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

// WriteKeeping works like Write, and what stood at path before stands at old
// afterwards, in the same directory. At every moment one of them is whole. With "" for
// old it is Write.
func WriteKeeping(path, old string, write func(w io.Writer) error) error {
	return writeAll([]string{path}, old, func(_ int, w io.Writer) error { return write(w) })
}

// WriteAll works like Write for several files: write(i, w) makes the contents of
// paths[i]. They are synced side by side, which takes the system hardly longer
// than one of them, and each directory once. All of them are open for a time, so
// let them be some dozens at most. After an error some may be in place, whole,
// and the others are as they were.
func WriteAll(paths []string, write func(i int, w io.Writer) error) error {
	return writeAll(paths, "", write)
}

func writeAll(paths []string, old string, write func(i int, w io.Writer) error) error {
	files := make([]*staged, 0, len(paths))
	defer func() {
		for _, f := range files {
			f.close()
		}
	}()
	for i, path := range paths {
		f, err := stage(path, func(w io.Writer) error { return write(i, w) })
		if err != nil {
			return named(path, err)
		}
		if f != nil {
			files = append(files, f)
		}
	}
	if err := syncAll(files); err != nil {
		return err
	}
	dirs := map[string]string{} // those to sync, with one of their files
	for _, f := range files {
		if err := f.place(old); err != nil {
			return named(f.path, err)
		}
		dirs[filepath.Dir(f.target)] = f.path
	}
	for dir, path := range dirs {
		if err := reason(syncDir(dir)); err != nil {
			return named(path, err)
		}
	}
	return nil
}

func named(path string, err error) error { return fmt.Errorf("write %s: %w", path, err) }

func syncAll(files []*staged) error {
	failures := make([]error, len(files))
	var syncing sync.WaitGroup
	for i, f := range files {
		syncing.Go(func() { failures[i] = reason(f.file.Sync()) })
	}
	syncing.Wait()
	for i, err := range failures {
		if err != nil {
			return named(files[i].path, err)
		}
	}
	return nil
}

// MkdirAll makes dir and the parents that it lacks, with mode 0777 less the umask,
// and syncs the directories that they are entries of.
func MkdirAll(dir string) error {
	var missing []string
	for p := filepath.Clean(dir); ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, p := range missing {
		if err := syncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

// staged is a temporary file with all its bytes, to be synced and put in place.
type staged struct {
	path, target string      // what the caller named, and the file that this is
	before       fs.FileInfo // of the file there; nil: none
	file         *os.File
	inPlace      bool // the bytes go into the file that is there
	placed       bool // renamed: the temporary name is gone
}

// place makes the bytes those of the target; old, if not "", then holds the ones before.
func (s *staged) place(old string) error {
	if old != "" && s.before != nil {
		if err := keep(s.target, old); err != nil {
			return fmt.Errorf("keeping what was there as %s: %w", old, reason(err))
		}
	}
	if s.inPlace {
		return reason(s.copyInto())
	}
	if runtime.GOOS == "windows" { // no open file can be renamed there
		if err := s.file.Close(); err != nil {
			return reason(err)
		}
	}
	err := os.Rename(s.file.Name(), s.target)
	if err != nil && s.before != nil && (busy(err) || errors.Is(err, fs.ErrPermission)) {
		return reason(s.copyInto())
	}
	s.placed = err == nil
	return reason(err)
}

// copyInto writes the temporary file's bytes into the target.
func (s *staged) copyInto() error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	to, err := os.OpenFile(s.target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer to.Close()
	n, err := io.Copy(to, s.file)
	if err != nil {
		return err
	}
	if err := to.Truncate(n); err != nil {
		return err
	}
	return to.Sync()
}

// close ends the use of the temporary file, which is gone afterwards. Its lock is
// the last to go.
func (s *staged) close() {
	if runtime.GOOS == "windows" {
		s.file.Close()
	}
	if !s.placed {
		os.Remove(s.file.Name())
	}
	s.file.Close()
}

// keep makes old a second name of target or, where files have one name only, its new
// one.
func keep(target, old string) error {
	dir, base := filepath.Split(old)
	link := dir + tempPrefix(base) + "old"
	os.Remove(link)
	defer os.Remove(link) // renaming a file to another of its own names leaves both
	if os.Link(target, link) == nil {
		return os.Rename(link, old)
	}
	return os.Rename(target, old)
}
