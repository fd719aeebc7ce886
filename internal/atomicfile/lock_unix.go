//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of an open file: it is held, or taken by another, or, where
// the file system has no locks, neither. The system gives it back when the process
// ends, however it ends.
func tryLock(f *os.File) (held, taken bool) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return err == nil, errors.Is(err, syscall.EWOULDBLOCK)
}
