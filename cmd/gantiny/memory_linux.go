package main

import "golang.org/x/sys/unix"

// refuseHugePages has this process given none from here on. A kernel that knows no such wish hands
// them out.
func refuseHugePages() { _ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0) }
