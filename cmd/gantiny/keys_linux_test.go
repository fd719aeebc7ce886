package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gantiny/gantiny/train"
)

// terminal is a pseudo-terminal with the program on it.
type terminal struct {
	t           *testing.T
	ours, child *os.File
	cmd         *exec.Cmd
	lock        sync.Mutex
	output      bytes.Buffer
}

// onTerminal starts the program in a session of its own on a new terminal.
func onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("no terminals here: ", err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	child, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { child.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Skip("no processes here: ", err)
	}
	term := &terminal{t: t, ours: ours, child: child, cmd: exec.Command(self, args...)}
	term.cmd.Env = append(os.Environ(), childVariable+"=1", "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=")
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = child, child, child
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		t.Skip("no processes here: ", err)
	}
	t.Cleanup(func() { _ = term.cmd.Process.Kill() })
	go func() {
		b := make([]byte, 1<<12)
		for {
			n, err := ours.Read(b)
			term.lock.Lock()
			term.output.Write(b[:n])
			term.lock.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (term *terminal) said() string {
	term.lock.Lock()
	defer term.lock.Unlock()
	return term.output.String()
}

// await fails the test unless something is so before long.
func (term *terminal) await(what string, so func() bool) {
	term.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			term.t.Fatalf("never %s; the terminal shows %q", what, term.said())
		}
	}
}

func (term *terminal) awaitText(text string) {
	term.t.Helper()
	term.await("said "+text, func() bool { return strings.Contains(term.said(), text) })
}

func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.ours.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// raw tells whether the terminal hands out keys at once and shows none.
func (term *terminal) raw() bool {
	mode, err := unix.IoctlGetTermios(int(term.child.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	return mode.Lflag&(unix.ICANON|unix.ECHO) == 0
}

// stopped tells whether the process is, as by Ctrl-Z.
func (term *terminal) stopped() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", term.cmd.Process.Pid))
	if err != nil {
		term.t.Fatal(err)
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(state, "T")
}

// TestTrainKeys presses the keys of a run. The terminal is as before when the run is stopped and at
// its end.
func TestTrainKeys(t *testing.T) {
	tinyRun(t)
	args := []string{"train", "--config", "tiny.toml", "--epochs", "1000000", "--sample-every", "0", "--checkpoint-epochs", "0", "--report=false", "--out", "run"}
	term := onTerminal(t, args...)
	term.awaitText("keys: s draws samples now, p pauses, q saves and quits")
	term.await("raw", term.raw)
	term.press("s")
	term.awaitText("samples of step ")
	term.await("drawn", func() bool { return strings.Contains(term.said(), "\x1b[48;5;") })
	if found, _ := filepath.Glob("run/samples/step-*.png"); len(found) != 1 {
		t.Errorf("grids %v", found)
	}

	term.press("p")
	term.awaitText("paused after step ")
	lines := readFile(t, "run/"+train.MetricsFile)
	time.Sleep(50 * time.Millisecond)
	if readFile(t, "run/"+train.MetricsFile) != lines {
		t.Error("it goes on while it is paused")
	}
	term.press("p")
	term.awaitText("going on")

	term.press("\x1a") // Ctrl-Z
	term.await("stopped", term.stopped)
	if term.raw() {
		t.Error("a stopped run leaves the terminal without lines and echo")
	}
	if err := term.cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	term.await("raw again", term.raw)

	term.press("q")
	term.awaitText("saved; go on with: gantiny train --out run --resume")
	if err := term.cmd.Wait(); term.cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("%v: %q", err, term.said())
	}
	if term.raw() {
		t.Error("a run that has ended leaves the terminal without lines and echo")
	}
	if said := term.said(); strings.Contains(said, "Ctrl-C quits") {
		t.Errorf("q is answered %q", said)
	}
}

// TestTrainDump: a process that ends with a dump of its threads leaves the terminal as it was, too.
func TestTrainDump(t *testing.T) {
	tinyRun(t)
	term := onTerminal(t, "train", "--config", "tiny.toml", "--epochs", "1000000", "--sample-every", "0", "--out", "run", "--report=false")
	term.await("raw", term.raw)
	term.press("\x1c") // Ctrl-\
	term.awaitText("SIGQUIT")
	if err := term.cmd.Wait(); err == nil {
		t.Error("it ends well")
	}
	if term.raw() {
		t.Error("the terminal is without lines and echo")
	}
}

// TestTrainShow: --show draws grids on a terminal, and nothing anywhere else.
func TestTrainShow(t *testing.T) {
	tinyRun(t)
	args := []string{"train", "--config", "tiny.toml", "--epochs", "1", "--show", "--out"}
	term := onTerminal(t, append(slices.Clone(args), "shown")...)
	if err := term.cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, term.said())
	}
	term.await("drawn", func() bool {
		return strings.Contains(term.said(), "\x1b[48;5;") && strings.Contains(term.said(), "▀")
	})
	r, _ := child(t, 2, append(args, "plain")...)
	if r.want(t, exitDone); strings.ContainsAny(r.stderr, "\x1b\r▀") {
		t.Errorf("off a terminal it writes %q", r.stderr)
	}
}
