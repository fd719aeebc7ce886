//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/serving"
)

// TestServe: 'gantiny serve' becomes the program beside it, with its flags and arguments, and says
// what to do where there is none.
func TestServe(t *testing.T) {
	if os.Getenv("GANTINY_TEST_SERVE") != "" {
		run(t.Context(), strings.Split(os.Getenv("GANTINY_TEST_SERVE"), " "), os.Stdout, os.Stderr)
		return // not reached where it works
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	gantiny(t, "serve").want(t, exitFailed, "go install", serving.Program)
	gantiny(t, "serve", "--addr", "here").want(t, exitUsage, "HOST:PORT")
	gantiny(t, "serve", "a=x", "a=y").want(t, exitUsage, "two models")
	script := filepath.Join(dir, serving.Program)
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$$ $*\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServe$")
	cmd.Env = append(os.Environ(), "GANTINY_TEST_SERVE=serve m=run1 --addr :0 --wait=2ms --pprof -- -x")
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Start(); err != nil {
		t.Skip("no processes here: ", err)
	}
	err := cmd.Wait()
	out := both.String()
	_, words, _ := strings.Cut(strings.TrimSpace(out), " ")
	if err != nil || words != "--addr=:0 --wait=2ms --pprof=true -- m=run1 -x" || !strings.HasPrefix(out, strconv.Itoa(cmd.Process.Pid)+" ") {
		t.Errorf("%v: process %d became %s", err, cmd.Process.Pid, out)
	}
}
