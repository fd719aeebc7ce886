package systemd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Reloading is what a service of Type=notify-reload sends before it reads its files anew.
func Reloading() string {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", t.Nano()/1000)
}
