package systemd

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestListeners starts this test again with a socket as systemd would pass it.
func TestListeners(t *testing.T) {
	if os.Getenv("SYSTEMD_TEST_CHILD") != "" {
		list, err := Listeners()
		if err != nil || len(list) != 1 || os.Getenv("LISTEN_FDS") != "" {
			t.Fatalf("%d sockets, %v", len(list), err)
		}
		c, err := list[0].Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("hello"))
		c.Close()
		return
	}
	// An emulator of another processor starts no second program.
	if err := exec.Command(os.Args[0], "-test.run=^$").Run(); err != nil {
		t.Skip("no processes here: ", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The shell's exec keeps the process, whose number only it knows.
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "-test.run=^TestListeners$")
	cmd.Env = append(os.Environ(), "SYSTEMD_TEST_CHILD=1", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{f}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 5)
	if _, err := c.Read(b); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestNoListeners(t *testing.T) {
	for _, pid := range []string{"", "1"} {
		t.Setenv("LISTEN_PID", pid)
		t.Setenv("LISTEN_FDS", "1")
		if list, err := Listeners(); len(list) > 0 || err != nil {
			t.Errorf("LISTEN_PID=%s: %d sockets, %v", pid, len(list), err)
		}
	}
}

func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@gantiny-test-" + filepath.Base(t.TempDir())} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", name)
		n := NewNotifier()
		if err := n.Notify("READY=1\nSTATUS=listening"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		l.SetDeadline(time.Now().Add(time.Minute))
		k, err := l.Read(b)
		if err != nil || string(b[:k]) != "READY=1\nSTATUS=listening" {
			t.Errorf("%q, %v", b[:k], err)
		}
		l.Close()
		if os.Getenv("NOTIFY_SOCKET") != "" {
			t.Error("children would notify too")
		}
	}
	if err := (&Notifier{}).Notify("READY=1"); err != nil {
		t.Error(err)
	}
	if err := (&Notifier{"/nosuch/socket"}).Notify("READY=1"); err == nil {
		t.Error("no error for a socket that is not there")
	}
	if s := Reloading(); !strings.HasPrefix(s, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", s)
	}
}

func TestWatchdog(t *testing.T) {
	for usec, want := range map[string]time.Duration{"": 0, "x": 0, "-5": 0, "3000000": 1500 * time.Millisecond, "99999999999999999": 0} {
		t.Setenv("WATCHDOG_USEC", usec)
		if got := Watchdog(); got != want {
			t.Errorf("WATCHDOG_USEC=%s: %v, want %v", usec, got, want)
		}
	}
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "1")
	if Watchdog() != 0 {
		t.Error("the watchdog of another process")
	}
}
