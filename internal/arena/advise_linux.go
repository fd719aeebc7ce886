package arena

import "golang.org/x/sys/unix"

// advise asks for huge pages. A kernel without them refuses, which costs speed only.
func advise(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
