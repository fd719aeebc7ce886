//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// owner returns a file's user and group.
func owner(info fs.FileInfo) (uid, gid int, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(s.Uid), int(s.Gid), true
}

// own tells whether a file is this process' user's.
func own(info fs.FileInfo) bool {
	uid, _, known := owner(info)
	return known && uid == os.Geteuid()
}

// busy tells whether a file could not be replaced because something is mounted there.
func busy(err error) bool { return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) }

// readOnly tells whether a directory's file system takes no new files.
func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
