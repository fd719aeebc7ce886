package httpserve

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// writeProcess writes what the system knows of this process, under the names that Prometheus'
// clients use.
func writeProcess(w io.Writer) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		header(w, "process_cpu_seconds_total", "counter", "Time of computing, of all threads.")
		fmt.Fprintln(w, "process_cpu_seconds_total", float64(u.Utime.Nano()+u.Stime.Nano())/1e9)
	}
	var size, resident int64
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(b), &size, &resident); err == nil {
			gauge(w, "process_resident_memory_bytes", "Resident memory.", resident*int64(os.Getpagesize()))
		}
	}
	if d, err := os.ReadDir("/proc/self/fd"); err == nil {
		gauge(w, "process_open_fds", "Open descriptors.", len(d)-1) // without the one that reads the folder
	}
}
