package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// killsVariable says how many times TestKilled kills each command; without it a few times.
const killsVariable = "GANTINY_KILLS"

func kills(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv(killsVariable))
	switch {
	case os.Getenv(killsVariable) == "" && testing.Short():
		return 3
	case os.Getenv(killsVariable) == "":
		return 12
	case err != nil || n < 1:
		t.Fatalf("%s=%s", killsVariable, os.Getenv(killsVariable))
	}
	return n
}

// killed runs the program and kills it after a while, or lets it end. It reports whether it was
// killed in time.
func killed(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Skip("no processes here: ", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Skip("no processes here: ", err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	timer.Stop()
	if err != nil && cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("%v: status %d: %s", args, cmd.ProcessState.ExitCode(), stderr.String())
	}
	return err != nil
}

// TestKilled kills train, generate and quantize at random moments. A run goes on to the bits of one
// that was never stopped, a file is whole or not there, and nothing else is left behind.
func TestKilled(t *testing.T) {
	n := kills(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	moment := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	t.Run("train", func(t *testing.T) { killTraining(t, n, moment) })
	t.Run("generate", func(t *testing.T) {
		t.Chdir(t.TempDir())
		gantiny(t, "generate", "-n", "64", "--seed", "3", "-o", "whole.png").want(t, exitDone)
		killWriting(t, n, moment, "whole.png", "generate", "-n", "64", "--seed", "3", "-o")
	})
	t.Run("set", func(t *testing.T) { killSets(t, n, moment) })
	t.Run("quantize", func(t *testing.T) {
		t.Chdir(t.TempDir())
		small(t)
		gantiny(t, "quantize", smallFile, "-o", "whole.safetensors", "--calib", "32", "--judge", "4").want(t, exitDone)
		killWriting(t, n, moment, "whole.safetensors", "quantize", smallFile, "--calib", "32", "--judge", "4", "-o")
	})
}

// killTraining kills runs again and again and resumes them, until n kills are counted.
func killTraining(t *testing.T, n int, moment func(most time.Duration) time.Duration) {
	tinyRun(t)
	args := []string{"train", "--config", "tiny.toml", "--epochs", "40", "--checkpoint-epochs", "1", "--sample-every", "5", "--no-cache", "--threads", "1", "--out"}
	start := time.Now()
	if killed(t, time.Hour, append(args, "whole")...) {
		t.Fatal("the run that was to be whole was killed")
	}
	most := time.Since(start)
	want := parameters(t, "whole")
	for run, count := 0, 0; count < n; run++ {
		out := fmt.Sprint("run", run)
		for {
			more := append(args[:len(args):len(args)], out)
			if lock, err := os.Stat(filepath.Join(out, ".lock")); err == nil && lock.Size() > 0 { // it had begun
				more = append(more, "--resume")
			}
			start := time.Now()
			if !killed(t, moment(most), more...) {
				if len(more) == len(args)+1 { // the whole run, on the machine as it is now
					most = time.Since(start)
				}
				break
			}
			count++
		}
		if !slices.Equal(parameters(t, out), want) {
			t.Fatalf("run %d, after %d kills in all: other weights", run, count)
		}
		noLeftovers(t, out)
	}
}

// killWriting kills a command that writes one file, n times; then it runs to its end.
func killWriting(t *testing.T, n int, moment func(most time.Duration) time.Duration, whole string, args ...string) {
	want := readFile(t, whole)
	if err := os.Mkdir("out", 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("out", whole)
	args = append(args, path)
	start := time.Now()
	killed(t, time.Hour, args...)
	most := time.Since(start) * 5 / 4
	for count := 0; count < n; {
		start := time.Now()
		if killed(t, moment(most), args...) {
			count++
		} else { // so much faster or slower is the machine now
			most = time.Since(start) * 5 / 4
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Fatalf("after %d kills: %d bytes, want %d (%v)", count, len(got), len(want), err)
		}
	}
	killed(t, time.Hour, args...)
	noLeftovers(t, "out")
}

// killSets kills the workers of a set, and starts them again, until all are done: by turns one, or
// two of one shard at a time. Then the set is that of a worker that was never killed.
func killSets(t *testing.T, n int, moment func(most time.Duration) time.Duration) {
	t.Chdir(t.TempDir())
	small(t)
	args := []string{"generate", smallFile, "--count", "120", "--part", "5", "--threads", "1", "-o"}
	start := time.Now()
	gantiny(t, append(args, "whole-%02d.tar")...).want(t, exitDone)
	most := time.Since(start)
	whole := gantiny(t, "verify", "whole-manifest.json").want(t, exitDone)
	for run, count := 0, 0; count < n; run++ {
		dir := fmt.Sprint("run", run)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		verify := []string{"verify"}
		for _, shard := range []string{"1/3", "2/3", "3/3"} {
			verify = append(verify, filepath.Join(dir, "d-manifest-"+shard[:1]+"-of-3.json"))
			work := append(args[:len(args):len(args)], filepath.Join(dir, "d-%02d.tar"), "--shard", shard)
			other := make(chan bool, 1)
			if run%2 == 1 {
				after := moment(most)
				go func() { other <- killed(t, after, work...) }()
			} else {
				other <- false
			}
			for killed(t, moment(most), work...) {
				count++
			}
			if <-other { // a dead worker's shard is done again
				count++
				killed(t, time.Hour, work...)
			}
		}
		if got := gantiny(t, verify...).want(t, exitDone); got.stdout != whole.stdout {
			t.Fatalf("run %d, after %d kills in all: %q, want %q", run, count, got.stdout, whole.stdout)
		}
		noLeftovers(t, dir)
	}
}

// noLeftovers fails if a temporary file is left in a folder.
func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name[0] == '.' && name != ".lock" {
			t.Errorf("%s is left in %s", name, dir)
		}
	}
}
