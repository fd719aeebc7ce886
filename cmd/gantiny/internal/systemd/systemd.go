package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

const firstDescriptor = 3

// Listeners are the sockets that systemd has opened for this process; none where it has opened
// none. They are for this process alone: the environment that tells of them is cleared.
func Listeners() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1024 {
		return nil, fmt.Errorf("LISTEN_FDS=%.20q: not a number of sockets", count)
	}
	var list []net.Listener
	for fd := firstDescriptor; fd < firstDescriptor+n; fd++ {
		f := os.NewFile(uintptr(fd), "LISTEN_FDS "+strconv.Itoa(fd))
		l, err := net.FileListener(f) // has a descriptor of its own
		f.Close()
		if err != nil {
			for _, l := range list {
				l.Close()
			}
			return nil, fmt.Errorf("LISTEN_FDS: descriptor %d: %w", fd, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// Notifier tells systemd how the service is.
type Notifier struct{ address string }

// NewNotifier returns the Notifier of this process. Processes that it starts are not to notify: the
// environment is cleared.
func NewNotifier() *Notifier {
	n := &Notifier{os.Getenv("NOTIFY_SOCKET")}
	os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// Notify sends lines such as READY=1 in one datagram. Without systemd it does nothing.
func (n *Notifier) Notify(state string) error {
	if n.address == "" {
		return nil
	}
	// A name that begins with @ is one of the abstract namespace, as package net has it too.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}

// Watchdog is how often WATCHDOG=1 has to be sent, half of what systemd waits; 0 for never.
func Watchdog() time.Duration {
	pid, text := os.Getenv("WATCHDOG_PID"), os.Getenv("WATCHDOG_USEC")
	os.Unsetenv("WATCHDOG_PID")
	os.Unsetenv("WATCHDOG_USEC")
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec < 2 || usec > int64(24*time.Hour/time.Microsecond) || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond / 2
}
