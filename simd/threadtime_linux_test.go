package simd

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time that this thread has had: other work on the machine does not count.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
