package main

import (
	"debug/elf"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// socketUnit opens a socket as systemd does, and returns it with what starts a server on it, with
// further variables.
func socketUnit(t *testing.T) (l net.Listener, activated func(env ...string) *process) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return l, func(env ...string) *process {
		// The shell's exec keeps the process, whose number only it knows.
		cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0])
		cmd.ExtraFiles = []*os.File{f}
		cmd.Env = append([]string{"LISTEN_FDS=1"}, env...)
		return start(t, cmd)
	}
}

// TestSystemd: a socket of systemd's is served, and systemd is told what happens.
func TestSystemd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	l, activated := socketUnit(t)
	p := activated("NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=40000")
	if p.url != "http://"+l.Addr().String() {
		t.Errorf("it listens at %s, not at systemd's %v", p.url, l.Addr())
	}
	// await reads messages until one has the words.
	await := func(words string) {
		t.Helper()
		notify.SetDeadline(time.Now().Add(time.Minute))
		for b := make([]byte, 1000); ; {
			n, err := notify.Read(b)
			if err != nil {
				t.Fatalf("no %s: %v", words, err)
			}
			if strings.Contains(string(b[:n]), words) {
				return
			}
		}
	}
	await("READY=1")
	await("WATCHDOG=1")
	await("WATCHDOG=1")
	p.get(t, "/v1/images.png")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await("RELOADING=1\nMONOTONIC_USEC=")
	await("READY=1")
	done := make(chan error)
	go func() { done <- p.end(t) }()
	await("STOPPING=1")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStaticWithoutCgo: as packages and archives build it, the program needs no C library.
func TestStaticWithoutCgo(t *testing.T) {
	if testing.Short() {
		t.Skip("links the program")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "gantiny-serve")
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment %v: it is not static", p.Type)
		}
	}
}
