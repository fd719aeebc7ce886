//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the program in a process of its own: this test's, started again.
func program(t *testing.T, args ...string) (*exec.Cmd, *lines) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProgram$")
	cmd.Env = append(os.Environ(), "GANTINY_TEST_ARGS="+strings.Join(args, "\n"))
	out := &lines{seen: make(chan struct{})}
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		t.Skip("no processes here: ", err) // under an emulator the system may not know this program's format
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, out
}

// lines tells when a step of training was reported.
type lines struct {
	text bytes.Buffer
	seen chan struct{}
	told bool
}

func (l *lines) Write(p []byte) (int, error) {
	n, err := l.text.Write(p)
	if !l.told && strings.Contains(l.text.String(), "epoch 1/") {
		l.told = true
		close(l.seen)
	}
	return n, err
}

func TestProgram(t *testing.T) {
	args := os.Getenv("GANTINY_TEST_ARGS")
	if args == "" {
		t.Skip("another test's process")
	}
	os.Args = append([]string{"gantiny"}, strings.Split(args, "\n")...)
	main()
}

// Signals within a moment are one wish: a checkpoint is saved all the same.
func TestSignals(t *testing.T) {
	for _, signals := range [][]syscall.Signal{
		{syscall.SIGINT}, {syscall.SIGHUP}, {syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGHUP, syscall.SIGINT},
	} {
		if slices.ContainsFunc(signals, func(s syscall.Signal) bool { return s == syscall.SIGHUP && signal.Ignored(s) }) {
			continue // as nohup has it for what it starts
		}
		tinyRun(t)
		cmd, out := program(t, "train", "--config", "tiny.toml", "--out", "run", "--epochs", "1000000")
		select {
		case <-out.seen:
		case <-time.After(time.Minute):
			t.Fatal("no step in a minute")
		}
		for _, s := range signals {
			if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		}
		hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		hung.Stop()
		if cmd.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(out.text.String(), "saved; go on with") {
			t.Errorf("%v: %v; %s", signals, err, out.text.String())
		}
	}
}
