package freeram

import (
	"os"

	"golang.org/x/sys/unix"
)

// addressSpace is how many bytes the process's limit on its address space (ulimit -v) leaves; ok is
// false without one.
func addressSpace() (left int64, ok bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil || limit.Cur >= 1<<50 {
		return 0, false
	}
	used, _ := field(os.DirFS("/"), "proc/self/status", "VmSize:")
	return max(1, int64(limit.Cur)-used<<10), true
}
