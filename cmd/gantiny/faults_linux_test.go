package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/train"
)

// faultsVariable asks for all of TestFaults. Without it, it takes one command, and needs no strace.
const faultsVariable = "GANTINY_FAULTS"

// failure is what a call fails with, as strace and as the program name it.
func failure(call string) (code, text string) {
	switch call {
	case "write", "pwrite64", "mkdir", "mkdirat":
		return "ENOSPC", "no space left on device"
	case "mmap":
		return "ENOMEM", "cannot allocate memory"
	}
	return "EIO", "input/output error"
}

// faultCase is a command that writes below the folder "work", which is there already.
type faultCase struct {
	name    string
	args    []string
	trained string // the run that it trains; "": it writes files of which each is whole or as it was
}

// place is where a command makes a call for the n-th time.
type place struct {
	call, path string
	n          int
}

func (p place) String() string { return fmt.Sprintf("%s of %s, time %d", p.call, p.path, p.n) }

// final is the name that a file has in the end, whose bytes a temporary one holds.
func final(path string) string {
	dir, base := filepath.Split(path)
	if name, _, ok := strings.Cut(base, ".tmp-"); ok {
		return dir + strings.TrimPrefix(name, ".")
	}
	return path
}

// places are those of a log in dir, each call on a file for the first and the second time. Of
// pictures that are read one stands for all.
func places(log, dir string) (list []place) {
	seen, read := map[place]int{}, map[string]string{}
	for _, c := range calls(log, dir) {
		if parent := filepath.Dir(c.path); filepath.Base(parent) == "pictures" {
			if first, ok := read[parent]; ok && first != c.path {
				continue
			}
			read[parent] = c.path
		}
		p := place{call: c.name, path: c.path}
		seen[p]++
		if p.n = seen[p]; p.n <= 2 {
			list = append(list, p)
		}
	}
	return list
}

// TestFaults has commands meet each call on their files failing, once each: the program says so in
// a line that names the file and ends with the status of a failure, or does without. Nothing that
// was there is lost, nothing is half-written, and a run that is resumed comes to the weights of one
// that met no fault.
func TestFaults(t *testing.T) {
	cases := faultCases(t)
	if os.Getenv(faultsVariable) == "" {
		cases = cases[:1]
	}
	total := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			clean := restore(t)
			r, log := traced(t, nil, c.args...)
			r.want(t, exitDone)
			if found := wrongOrder(calls(log, clean)); len(found) > 0 {
				t.Errorf("the order of syncs: %q", found)
			}
			want := contents(t, "work")
			var weights []float32
			if c.trained != "" {
				weights = parameters(t, c.trained)
			}
			list := places(log, clean)
			for _, p := range list {
				total += c.meet(t, p, want, weights)
			}
			if len(list) < 5 {
				t.Errorf("%d places", len(list))
			}
			t.Logf("%d places", len(list))
		})
	}
	t.Logf("%d calls failed", total)
}

// faultCases makes the folder "base", of which "work" is a copy for each command, and names the
// commands.
func faultCases(t *testing.T) []faultCase {
	tinyRun(t)
	small(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// Links are seen through in what strace says of descriptors.
	if here, err = filepath.EvalSymlinks(here); err != nil {
		t.Fatal(err)
	}
	work := func(name string) string { return filepath.Join(here, "work", name) }
	if err := errors.Join(os.Mkdir("base", 0o777), os.Rename("pictures", "base/pictures"), os.Rename(smallFile, "base/"+smallFile)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.png", "a.gif", "a.npy", "int8.safetensors", "m.onnx"} {
		writeFile(t, filepath.Join("base", name), "what was there")
	}
	settings := []string{"--data", work("pictures"), "--size", "8", "--width", "2", "--latent", "4", "--batch", "10", "--threads", "1", "--no-cache",
		"--checkpoint-epochs", "1", "--sample-every", "1", "--report", "--tensorboard"}
	trained := append([]string{"train", "--epochs", "1", "--out", work("begun")}, settings...)
	restore(t)
	gantiny(t, trained...).want(t, exitDone)
	if err := os.Rename("work/begun", "base/begun"); err != nil {
		t.Fatal(err)
	}
	m := work(smallFile)
	return []faultCase{
		{name: "png", args: []string{"generate", m, "-n", "2", "-o", work("a.png")}},
		{name: "gif", args: []string{"generate", m, "-n", "2", "-o", work("a.gif")}},
		{name: "npy", args: []string{"generate", m, "-n", "2", "-o", work("a.npy")}},
		{name: "folder", args: []string{"generate", m, "-n", "2", "-o", work("new") + "/"}},
		{name: "quantize", args: []string{"quantize", m, "--calib", "32", "--judge", "4", "-o", work("int8.safetensors"), "--report", work("report")}},
		{name: "export", args: []string{"export", m, "-o", work("m.onnx")}},
		{name: "train", args: append([]string{"train", "--epochs", "2", "--out", work("runs/new")}, settings...), trained: work("runs/new")},
		{name: "resume", args: append([]string{"train", "--resume", "--epochs", "2", "--out", work("begun")}, settings...), trained: work("begun")},
	}
}

// restore makes "work" a copy of "base" and returns its path.
func restore(t *testing.T) string {
	t.Helper()
	if err := errors.Join(os.RemoveAll("work"), os.CopyFS("work", os.DirFS("base"))); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs("work")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// contents are those of all files in dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range files(t, dir) {
		all[name] = readFile(t, filepath.Join(dir, name))
	}
	return all
}

// meet runs the command with a fault at p and reports how often the call failed. want is what it
// writes without one, weights those that it trains to.
func (c faultCase) meet(t *testing.T, p place, want map[string]string, weights []float32) (failed int) {
	restore(t)
	before := contents(t, "work")
	code, text := failure(p.call)
	r, log := traced(t, []string{"-P", p.path, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", p.call, code, p.n)}, c.args...)
	failed = strings.Count(log, "(INJECTED)")
	if failed == 0 && p.n == 1 {
		t.Errorf("%v: it did not fail", p)
	}
	switch {
	case r.status == exitDone: // it can do without
	case r.status != exitFailed:
		t.Errorf("%v: exit status %d; %s", p, r.status, r.stderr)
	case !strings.Contains(r.stderr, text) || !strings.Contains(r.stderr, filepath.Base(final(p.path))) && !strings.Contains(r.stderr, p.path+"/"):
		t.Errorf("%v: the message does not name the file or the fault: %s", p, r.stderr)
	}
	if strings.Contains(r.stderr, "goroutine ") {
		t.Errorf("%v: a trace:\n%s", p, r.stderr)
	}
	after := contents(t, "work")
	for name := range after {
		if strings.Contains(filepath.Base(name), ".tmp-") && !strings.HasPrefix(p.call, "unlink") {
			t.Errorf("%v: %s is left behind", p, name)
		}
	}
	if c.trained != "" {
		c.goOn(t, p, r, weights)
		return failed
	}
	for name, text := range want {
		got, ok := after[name]
		same := got == text
		if strings.HasPrefix(name, "report/") { // which holds times
			same = len(got) > 0 && got[len(got)-1] == text[len(text)-1]
		}
		if !same && (r.status == exitDone || ok && got != before[name]) {
			t.Errorf("%v: status %d, and %s has %d bytes, want %d or, after an error, %d as before", p, r.status, name, len(got), len(text), len(before[name]))
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			t.Errorf("%v: %s is lost", p, name)
		}
	}
	return failed
}

// goOn resumes a run that has met a fault, if that has ended it, and compares its weights.
func (c faultCase) goOn(t *testing.T, p place, r result, weights []float32) {
	if r.status != exitDone {
		args := slices.Clone(c.args)
		if lock, err := os.Stat(filepath.Join(c.trained, ".lock")); err == nil && lock.Size() > 0 && !slices.Contains(args, "--resume") {
			args = append(args, "--resume")
		}
		if again := gantiny(t, args...); again.status != exitDone {
			t.Errorf("%v: it does not go on: %s\nbefore: %s", p, again.stderr, r.stderr)
			return
		}
	}
	if !slices.Equal(parameters(t, c.trained), weights) {
		t.Errorf("%v: other weights", p)
	}
	lines := bytes.Count([]byte(readFile(t, filepath.Join(c.trained, train.MetricsFile))), []byte("\n"))
	if lines != 2 {
		t.Errorf("%v: %d lines of metrics, want one for each of 2 epochs", p, lines)
	}
}
