package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// stage has write fill a temporary file for path. It returns nil where path is
// written to directly.
func stage(path string, write func(w io.Writer) error) (*staged, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, errors.New("is a directory")
	case err == nil && !info.Mode().IsRegular():
		return nil, writeDirect(path, write)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, reason(err)
	case err != nil:
		info = nil
	}
	s := &staged{path: path, before: info}
	if err := s.open(); err != nil {
		return nil, reason(err)
	}
	done := false
	defer func() {
		if !done { // an error, or a panic in write
			s.close()
		}
	}()
	if err := fill(s.file, write); err != nil {
		return nil, err
	}
	if s.before != nil && !s.inPlace {
		if err := takeAttributes(s.file, s.before); err != nil {
			return nil, reason(err)
		}
	}
	done = true
	return s, nil
}

// open finds the file that path stands for and opens a temporary one.
func (s *staged) open() (err error) {
	if s.target, err = resolve(s.path); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if s.before != nil {
		if err := writable(s.target); err != nil {
			return err
		}
		mode = s.before.Mode().Perm()&0o600 | 0o200 // the rest follows once the owner is right
		if now, err := os.Stat(s.target); err != nil || !os.SameFile(now, s.before) {
			s.target, s.inPlace = s.path, true // an open file without a name, by way of /proc
		}
	}
	if !s.inPlace {
		s.file, err = createTemp(s.target, mode)
		if err == nil || s.before == nil || !errors.Is(err, fs.ErrPermission) && !readOnly(err) {
			return err
		}
	}
	s.inPlace = true
	s.file, err = os.CreateTemp("", "gantiny-*.tmp")
	return err
}

// resolve follows the symbolic links that path's last element is, to a file that
// need not be there. Those before it are the system's to follow.
func resolve(path string) (string, error) {
	for range 40 {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(link) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			link = dir + string(filepath.Separator) + link // not cleaned: a .. may follow another link
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}

// writable reports why the process may not write to the file at path.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err == nil {
		f.Close()
	}
	return nil // what else there may be does not hinder a renaming
}

// takeAttributes gives f the mode, owner and group of another file. Where it cannot
// have the group, no group has more rights than everybody.
func takeAttributes(f *os.File, of fs.FileInfo) error {
	mode := of.Mode().Perm()
	now, err := f.Stat()
	if err != nil {
		return err
	}
	uid, gid, known := owner(of)
	if u, g, _ := owner(now); known && (u != uid || g != gid) {
		if f.Chown(uid, gid) != nil && f.Chown(-1, gid) != nil {
			mode &^= 0o070 &^ (mode << 3)
		}
	}
	// The umask may have taken bits that the other file has.
	if err := f.Chmod(mode); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
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
