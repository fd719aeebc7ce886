package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fileCalls are the system calls that change files or what names them, or open and map them. Those
// with a question mark some processors lack.
const fileCalls = "?openat,?write,?pwrite64,?fsync,?fdatasync,?rename,?renameat,?renameat2,?linkat,?close,?mmap,?ftruncate,?mkdir,?mkdirat,?unlinkat"

// programVariable names a program to trace in place of this test's, such as one that counts what it
// covers.
const programVariable = "GANTINY_PROGRAM"

// fileCall is one of them.
type fileCall struct {
	name string
	path string // the file; of a renaming and of a link the new name
	from string // and the old one
}

// runnable is the path of this program, for tests that have others start it. They are skipped where
// the system does not know its format, as under an emulator.
func runnable(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err == nil {
		err = exec.Command(self, "-test.run", "^$").Run()
	}
	if err != nil {
		t.Skip("no processes here: ", err)
	}
	return self
}

// traced runs the program under strace, with more options of it, and returns the result and the
// log.
func traced(t *testing.T, options []string, args ...string) (r result, log string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil && os.Getenv(faultsVariable) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	self := runnable(t)
	if p := os.Getenv(programVariable); p != "" {
		self = p
	}
	path := filepath.Join(t.TempDir(), "log")
	full := append([]string{"-f", "-y", "-s", "0", "-o", path, "-e", "trace=" + fileCalls}, options...)
	cmd := exec.Command(strace, append(append(full, "--", self), args...)...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(stderr.String(), "ptrace") && os.Getenv(faultsVariable) == "" {
		t.Skip("no tracing here: ", stderr.String())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, string(text)
}

var (
	callLine   = regexp.MustCompile(`^\d+ +(\w+)\((.*)$`)
	descriptor = regexp.MustCompile(`\b\d+<([^>]*)>`)
	quoted     = regexp.MustCompile(`"([^"]*)"`)
)

// calls are the calls of a log on what lies in dir, and on dir itself, in the order in which they
// began.
func calls(log, dir string) (list []fileCall) {
	inside := func(path string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
	for line := range strings.Lines(log) {
		parts := callLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if parts == nil {
			continue // the rest of a call, a signal, an end
		}
		c := fileCall{name: parts[1]}
		args, _, _ := strings.Cut(parts[2], " = ")
		switch c.name {
		case "write", "pwrite64", "fsync", "fdatasync", "close", "mmap", "ftruncate":
			if d := descriptor.FindStringSubmatch(args); d != nil {
				c.path = d[1]
			}
		default:
			names := quoted.FindAllStringSubmatch(args, -1)
			if len(names) > 0 {
				c.path = names[len(names)-1][1]
			}
			if len(names) == 2 {
				c.from = names[0][1]
			}
		}
		if inside(c.path) {
			list = append(list, c)
		}
	}
	return list
}

// wrongOrder says where the order of calls may lose what a file held or holds when the power fails:
// a file that is given its name before its bytes are on the disk, a name that is not on the disk at
// the end.
func wrongOrder(list []fileCall) (found []string) {
	unsynced := map[string]bool{} // files, and directories with new names
	for _, c := range list {
		switch c.name {
		case "write", "pwrite64", "ftruncate":
			unsynced[c.path] = true
		case "fsync", "fdatasync":
			delete(unsynced, c.path)
		case "rename", "renameat", "renameat2":
			if unsynced[c.from] {
				found = append(found, fmt.Sprintf("%s is renamed to %s before it is synced", c.from, c.path))
			}
			delete(unsynced, c.from)
			unsynced[filepath.Dir(c.path)] = true
		case "mkdir", "mkdirat":
			unsynced[filepath.Dir(c.path)] = true
		}
	}
	for path := range unsynced {
		found = append(found, path+" is not synced at the end")
	}
	slices.Sort(found)
	return found
}

// TestWrongOrder: the check of orders knows a wrong one.
func TestWrongOrder(t *testing.T) {
	const good = `7 openat(AT_FDCWD</w>, "/d/.f.tmp-0", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0644) = 5</d/.f.tmp-0>
7 write(5</d/.f.tmp-0>, ""..., 593) = 593
8 fsync(5</d/.f.tmp-0> <unfinished ...>
7 write(1</dev/null>, ""..., 5) = 5
8 <... fsync resumed>) = 0
8 renameat(AT_FDCWD</w>, "/d/.f.tmp-0", AT_FDCWD</w>, "/d/f") = 0
8 openat(AT_FDCWD</w>, "/d", O_RDONLY|O_CLOEXEC) = 8</d>
8 fsync(8</d>) = 0
7 mkdirat(AT_FDCWD</w>, "/d/e", 0777) = 0
7 fsync(8</d>) = 0
7 +++ exited with 0 +++
`
	if found := wrongOrder(calls(good, "/d")); len(found) > 0 {
		t.Errorf("a right order: %q", found)
	}
	without := func(line string) string {
		if !strings.Contains(good, line) {
			t.Fatalf("no %q", line)
		}
		return strings.Replace(good, line, "", 1)
	}
	const sync, rename = "8 fsync(5</d/.f.tmp-0> <unfinished ...>\n", "8 renameat(AT_FDCWD</w>, \"/d/.f.tmp-0\", AT_FDCWD</w>, \"/d/f\") = 0\n"
	for name, log := range map[string]string{
		"no sync of the file":          without(sync),
		"the file's sync comes late":   without(sync) + sync,
		"the folder's sync is early":   without(rename) + rename,
		"a new folder is not synced":   without("7 fsync(8</d>) = 0\n"),
		"the last write has no sync":   good + "7 write(5</d/.f.tmp-0>, \"\"..., 1) = 1\n",
		"two names, one without bytes": good + strings.ReplaceAll(without(sync), "/d/f", "/d/g"),
	} {
		if found := wrongOrder(calls(log, "/d")); len(found) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
