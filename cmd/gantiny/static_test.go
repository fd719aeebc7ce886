package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPlainBuildIsStatic: go build and go install make a program that needs no C library, also
// where there is a C compiler. A package that is written in C in part, as net and os/user are,
// would link one.
func TestPlainBuildIsStatic(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	command := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v: %s", args[0], err, out)
		}
		return string(out)
	}
	if c := strings.TrimSpace(command("list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", ".")); c != "" {
		t.Fatalf("written in C in part: %s", strings.Fields(c))
	}
	if testing.Short() {
		t.Skip("links the program")
	}
	file := filepath.Join(t.TempDir(), "gantiny")
	command("build", "-o", file, ".")
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

// TestPackagesNotLinked holds the program to docs/performance.md: these packages cost 0.2 MB and more.
func TestPackagesNotLinked(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	for _, p := range []string{"net", "regexp", "text/template", "html/template", "math/big"} {
		if slices.Contains(linked, p) {
			t.Errorf("links package %s", p)
		}
	}
	if !slices.Contains(linked, "fmt") {
		t.Errorf("go list named only %s", linked)
	}
}
