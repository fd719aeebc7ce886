package main

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/bench"
)

func TestSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the full-size network")
	}
	t.Chdir(t.TempDir())
	r := gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "--json").want(t, exitDone, suiteFile)
	var first, file bench.SuiteReport
	if err := json.Unmarshal([]byte(r.stdout), &first); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	b, err := os.ReadFile(suiteFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil || !reflect.DeepEqual(file, first) {
		t.Errorf("the file holds %+v, standard output %+v (%v)", file, first, err)
	}
	cases := 8
	if runtime.GOMAXPROCS(0) == 1 {
		cases = 4
	}
	if first.Suite != "pi" || first.Go != runtime.Version() || first.Kernel == "" || first.Time == "" || len(first.Cases) != cases {
		t.Errorf("got %+v", first)
	}
	if first.Before.PeakGOPS <= 0 || first.After.PeakGOPS <= 0 {
		t.Errorf("peaks %g and %g", first.Before.PeakGOPS, first.After.PeakGOPS)
	}
	checkCases(t, first)
	// Against a file with half of the cases, each twice as fast.
	for i := range first.Cases {
		first.Cases[i].MedianMS /= 2
	}
	first.Cases = first.Cases[:cases/2]
	b, err = json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "earlier.json", string(b))
	r = gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "--compare", "earlier.json", "-o", "later.json").want(t, exitDone, "later.json")
	if !strings.Contains(r.stdout, "of earlier.json") || !strings.Contains(r.stdout, "before: ") {
		t.Errorf("it prints %s", r.stdout)
	}
	later, err := readSuite(t.Context(), "later.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range later.Cases {
		if want := i < cases/2; (c.Ratio > 0) != want {
			t.Errorf("case %d has the ratio %g", i, c.Ratio)
		}
	}
}

// checkCases: each case of a suite is measured, and none is there twice.
func checkCases(t *testing.T, r bench.SuiteReport) {
	t.Helper()
	for i, c := range r.Cases {
		if c.Runs < 3 || !(0 < c.LowMS && c.LowMS <= c.MedianMS && c.MedianMS <= c.HighMS) || c.Images <= 0 || c.Ratio != 0 {
			t.Errorf("case %d: %+v", i, c)
		}
		for j := range i {
			if c.Same(r.Cases[j]) {
				t.Errorf("cases %d and %d are the same", i, j)
			}
		}
	}
}

func TestSuiteCompletion(t *testing.T) {
	if r := gantiny(t, "__complete", "bench", "--suite", "").want(t, exitDone); !strings.HasPrefix(r.stdout, "pi\n") {
		t.Errorf("the shell is offered %q", r.stdout)
	}
	if r := gantiny(t, "generate", "--help").want(t, exitDone); !strings.Contains(r.stdout, "--max-ram SIZE") {
		t.Errorf("the help says %s", r.stdout)
	}
}

func TestSuiteFails(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "other.json", `{"suite": ""}`)
	writeFile(t, "text.json", "no JSON")
	for args, says := range map[string]string{
		"--suite moon":                      "--suite moon: want pi",
		"--suite pi --batch 3":              "sets --batch itself",
		"--suite pi --train":                "sets --train itself",
		"--suite pi model.safetensors":      "not model.safetensors",
		"--suite pi --json -o -":            "--json and -o -",
		"--compare a.json":                  "--compare goes with --suite",
		"-o a.json":                         "--out goes with --suite",
		"--suite pi --seconds -1":           "--seconds -1",
		"--suite pi --kernel nosuch":        "--kernel nosuch",
		"--suite pi --threads 2 --batch 16": "itself",
	} {
		gantiny(t, append([]string{"bench"}, strings.Fields(args)...)...).want(t, exitUsage, says)
	}
	for _, name := range []string{"nosuch.json", "other.json", "text.json"} {
		gantiny(t, "bench", "--suite", "pi", "--compare", name).want(t, exitFailed, "--compare", name)
	}
	gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "-o", "nosuch/a.json").want(t, exitFailed, "nosuch/a.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gantinyContext(ctx, "bench", "--suite", "pi").want(t, exitInterrupted, "interrupted")
	if left := files(t, "."); len(left) != 2 {
		t.Errorf("files %q", left)
	}
}
