package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gantiny/gantiny/model"
)

// childVariable makes a process of this test the program itself, which reports its peak of resident
// memory at the end.
const childVariable = "GANTINY_TEST_CHILD"

// addressVariable limits that process's address space, to so many bytes.
const addressVariable = "GANTINY_TEST_AS"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	if text := os.Getenv(addressVariable); text != "" {
		limit, err := strconv.ParseUint(text, 10, 64)
		if err == nil {
			err = unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit})
		}
		if err != nil {
			panic(err)
		}
	}
	exit := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Fprintf(os.Stderr, "%s", line)
		}
	}
	os.Exit(exit)
}

// child runs the program as a process of its own and returns its peak of resident memory in bytes,
// too. Go's runtime has so many processors in it and its own settings, whatever this machine and
// its user say.
func child(t *testing.T, processors int, args ...string) (r result, peak int64) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Skip("no processes here: ", err) // there is no /proc
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"=1", fmt.Sprint("GOMAXPROCS=", processors), "GOGC=", "GOMEMLIMIT=", "GODEBUG=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Skip("no processes here: ", err) // under an emulator the system may not know this program's format
	}
	r = result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	_, kilobytes, ok := strings.Cut(r.stderr, "VmHWM:")
	if _, err := fmt.Sscan(kilobytes, &peak); !ok || err != nil {
		t.Skip("no peak of memory here: ", r.stderr)
	}
	return r, peak << 10
}

// plain skips in a program that takes more memory than the one that is handed out.
func plain(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, s := range info.Settings {
		if slices.Contains([]string{"-race", "-msan", "-asan"}, s.Key) {
			t.Skip("built with ", s.Key)
		}
	}
}

// TestFootprint holds what inspect predicts, and what --max-ram promises, to what the process has
// resident.
func TestFootprint(t *testing.T) {
	plain(t)
	if hugeUnasked(rootFS()) { // in which memory comes by 2 MB; --max-ram refuses them as well
		if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
			t.Skip(err)
		}
		defer unix.Prctl(unix.PR_SET_THP_DISABLE, 0, 0, 0, 0)
	}
	t.Chdir(t.TempDir())
	const file = "float.safetensors"
	g := model.Generator(model.Config{})
	g.Init(1, model.GlorotUniform)
	if err := g.Save(file, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, ""} {
		args := func(command string, more ...string) []string {
			list := []string{command}
			if name != "" {
				list = append(list, name)
			}
			return append(list, more...)
		}
		for _, processors := range []int{2, 12} {
			r, _ := child(t, processors, args("inspect", "--json")...)
			var got report
			if err := json.Unmarshal([]byte(r.want(t, exitDone).stdout), &got); err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Memory {
				if processors > 2 && m.Threads == 1 {
					continue
				}
				n := fmt.Sprint(m.Batch)
				r, peak := child(t, processors, args("generate", "-n", n, "--batch", n, "--threads", fmt.Sprint(m.Threads), "-o", "a.png")...)
				r.want(t, exitDone)
				// 2 to 5 MiB where the kernel maps the program's file in pieces of 64 KB, more
				// where it takes larger ones; and of many threads some find nothing to do and touch
				// none of what is theirs.
				ample := int64(8+m.Threads/2) << 20
				if m.Bytes < peak || m.Bytes > peak+ample {
					t.Errorf("%q, batch %d, %d threads: predicted %d KiB, took %d KiB", name, m.Batch, m.Threads, m.Bytes>>10, peak>>10)
				}
			}
		}
		checkMaxRAM(t, name, args)
	}
	if _, err := os.Stat("never.png"); err == nil {
		t.Error("a refused run wrote a picture")
	}
	if found, _ := filepath.Glob("*.png"); len(found) != 2 {
		t.Errorf("pictures: %q", found)
	}
}

// checkMaxRAM: with --max-ram of what it says is needed, or more, a run takes no more.
func checkMaxRAM(t *testing.T, name string, args func(command string, more ...string) []string) {
	t.Helper()
	r, _ := child(t, 2, args("generate", "--max-ram", "1M", "-o", "never.png")...)
	_, least, ok := strings.Cut(r.want(t, exitUsage, "--max-ram 1M").stderr, "needs at least ")
	var size int
	if _, err := fmt.Sscan(least, &size); !ok || err != nil {
		t.Fatalf("%q does not say what is needed", r.stderr)
	}
	for _, size := range []int{size, size + 3, size + 20} {
		r, peak := child(t, 2, args("generate", "-n", "64", "--max-ram", fmt.Sprint(size, "M"), "-o", "b.png")...)
		r.want(t, exitDone)
		if peak > int64(size)<<20 {
			t.Errorf("%q: --max-ram %dM, took %d KiB", name, size, peak>>10)
		}
	}
}
