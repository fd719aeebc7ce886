package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/man"
)

// TestMan: each command has its page with all of its flags, and no page says what only this machine
// has.
func TestMan(t *testing.T) {
	dir := t.TempDir()
	gantiny(t, "man", "--date", "2026-11-22", dir).want(t, 0)
	root := newRoot()
	want := []string{"gantiny.1"}
	for _, c := range root.Commands() {
		want = append(want, man.Name(c)+".1")
		page, err := os.ReadFile(filepath.Join(dir, man.Name(c)+".1"))
		if err != nil {
			t.Fatal(err)
		}
		c.Flags().VisitAll(func(f *cli.Flag) {
			name := strings.ReplaceAll(f.Name, "-", `\-`)
			if !f.Hidden && !strings.Contains(string(page), `\-\-`+name) {
				t.Errorf("%s: no --%s", man.Name(c), f.Name)
			}
		})
		if f := c.Flags().Lookup("kernel"); f != nil && strings.Contains(string(page), strings.Join(kernelNames(), ", ")) {
			t.Errorf("%s names the kernels of this machine", man.Name(c))
		}
	}
	slices.Sort(want)
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("pages %v, want %v", got, want)
	}
	gantiny(t, "man").want(t, 2, "one DIR")
	gantiny(t, "man", filepath.Join(dir, "gantiny.1")).want(t, 1, "gantiny.1")
}
