package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const printed = `goos: linux
pkg: example.org/some/draw
BenchmarkRun/batch=1-2   	     100	   2000000 ns/op	         5.000 images/s
BenchmarkRun/batch=16-2  	      10	  40000000 ns/op
PASS
`

func TestParseBenchmarks(t *testing.T) {
	got, err := parseBenchmarks([]byte(printed), "sec/op")
	if want := []value{{"draw.Run/batch=1-2", .002}, {"draw.Run/batch=16-2", .04}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := parseBenchmarks([]byte("BenchmarkRun ten 5 ns/op\n"), "sec/op"); err == nil {
		t.Error("it reads a line that is no result")
	}
}

// TestTable: what is slower by more than the threshold fails, unless it may be chance; what one
// side lacks does not.
func TestTable(t *testing.T) {
	steady := func(v float64) []float64 { return []float64{v, v * 1.001, v * .999, v * 1.002, v * .998, v * 1.003} }
	for name, x := range map[string]struct {
		count bool
		rows  []row
		err   error
		says  string
	}{
		"slower":     {false, []row{{"a", steady(1), steady(1.1)}, {"b", steady(1), steady(1)}}, errSlower, "as slow as before: a\n"},
		"faster":     {false, []row{{"a", steady(1), steady(.5)}}, nil, "1 ratios: 0.500"},
		"chance":     {false, []row{{"a", []float64{1, 2, 3, 4}, []float64{1.1, 2.2, 3.3, 4.4}}}, nil, ""},
		"new, gone":  {false, []row{{"a", nil, steady(9)}, {"b", steady(1), nil}, {"c", steady(1), steady(1)}}, nil, "a: new"},
		"a count":    {true, []row{{"a", []float64{1e6}, []float64{1.04e6}}}, errSlower, "a: SLOWER"},
		"same count": {true, []row{{"a", []float64{1e6}, []float64{1.02e6}}}, nil, "1.020"},
	} {
		var out bytes.Buffer
		if err := table(&out, options{threshold: 1.03, count: x.count}, x.rows); err != x.err || !strings.Contains(out.String(), x.says) {
			t.Errorf("%s: %v, want %v; %s", name, err, x.err, out.String())
		}
	}
	if err := table(&bytes.Buffer{}, options{threshold: 1.03}, []row{{"a", nil, steady(1)}}); err == nil || errors.Is(err, errSlower) {
		t.Errorf("nothing to compare: %v", err)
	}
}

func TestBaseline(t *testing.T) {
	o := options{arch: "arm64", processor: "cortex-a72", baseline: filepath.Join(t.TempDir(), "counts.txt")}
	rows := []row{{"draw.Run/batch=1", nil, []float64{123456789}}, {"draw.Run", nil, []float64{1}}, {"step.Run", nil, []float64{2}}, {"step.Gone", []float64{1}, nil}}
	if err := writeBaseline(o.baseline, o, rows); err != nil {
		t.Fatal(err)
	}
	got, err := readBaseline(o)
	if err != nil || len(got) != 3 || got[0].name != "draw.Run/batch=1" || got[0].base[0] != 123456789 || got[2].name != "step.Run" {
		t.Errorf("%v, %v", got, err)
	}
	o.baseline = "testdata/none"
	if _, err := readBaseline(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range []string{"", "-base", "-base a -baseline b", "-base --all", "-baseline f", "-write f", "-count -base x -arch mips", "-base x -rounds 1",
		"-base x -threshold .9", "-base x -threshold NaN", "-base x y", "-base x -packages="} {
		var log bytes.Buffer
		if err := run(t.Context(), strings.Fields(args), &log, &log); !errors.Is(err, errUsage) || log.Len() == 0 {
			t.Errorf("%q: %v, %q", args, err, log.String())
		}
	}
}

// TestCompare compares two commits of a repository of its own.
func TestCompare(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	git := func(args ...string) {
		t.Helper()
		if _, err := command(t.Context(), dir, nil, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	write := func(turns string) {
		t.Helper()
		text := "package draw\n\nimport \"testing\"\n\nfunc BenchmarkRun(b *testing.B) {\n\tfor b.Loop() {\n\t\tx := uint32(1)\n\t\tfor range " + turns +
			" {\n\t\t\tx = x*1664525 + 1013904223\n\t\t}\n\t\tsink = x\n\t}\n}\n\nvar sink uint32\n"
		if err := os.MkdirAll("draw", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("draw/draw_test.go", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("go.mod", []byte("module example.org/some\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	write("5000")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	write("20000") // not committed: the working tree is what is measured

	args := []string{"-base", "HEAD", "-packages", "./draw", "-bench", ".", "-rounds", "2", "-benchtime", "20x", "-threshold", "1000"}
	var out, log bytes.Buffer
	if err := run(t.Context(), args, &out, &log); err != nil || !strings.Contains(out.String(), "draw.Run") {
		t.Errorf("%v\n%s%s", err, out.String(), log.String())
	}
	if list, err := command(t.Context(), dir, nil, "git", "worktree", "list"); err != nil || bytes.Count(list, []byte("\n")) != 1 {
		t.Errorf("worktrees left: %s, %v", list, err)
	}
	args[1] = "no-such-commit"
	if err := run(t.Context(), args, &out, &log); err == nil || errors.Is(err, errSlower) {
		t.Errorf("no such commit: %v", err)
	}
}
