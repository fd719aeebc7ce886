package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestMan: each command has its page with all of its flags, and no page says what only this machine has.
func TestMan(t *testing.T) {
	dir := t.TempDir()
	gantiny(t, "man", "--date", "2026-11-22", dir).want(t, 0)
	root := newRoot()
	want := []string{"gantiny-completion.1", "gantiny.1"}
	for _, c := range shown(root) {
		want = append(want, manName(c)+".1")
		page, err := os.ReadFile(filepath.Join(dir, manName(c)+".1"))
		if err != nil {
			t.Fatal(err)
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			name := strings.ReplaceAll(f.Name, "-", `\-`)
			if !f.Hidden && !strings.Contains(string(page), `\-\-`+name) {
				t.Errorf("%s: no --%s", manName(c), f.Name)
			}
		})
		if f := c.Flags().Lookup("kernel"); f != nil && strings.Contains(string(page), strings.Join(kernelNames(), ", ")) {
			t.Errorf("%s names the kernels of this machine", manName(c))
		}
		if f := c.Flags().Lookup("threads"); f != nil && f.DefValue != "0" && !strings.Contains(string(page), "one a processor") {
			t.Errorf("%s names the processors of this machine", manName(c))
		}
	}
	slices.Sort(want)
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("pages %v, want %v", got, want)
	}
	gantiny(t, "man").want(t, 2, "one DIR")
	gantiny(t, "man", filepath.Join(dir, "gantiny.1")).want(t, 1, "gantiny.1")
}

func TestManText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"One. Two", "One.\nTwo\n"},
		{"'quoted' --flag, 8-bit", "\\(aqquoted\\(aq \\-\\-flag, 8-bit\n"},
		{".png is a file", "\\&.png is a file\n"},
		{`a\b ~c^`, "a\\eb \\(tic\\(ha\n"},
		{"first\n\nsecond", "first\n.PP\nsecond\n"},
		{strings.Repeat("word ", 20), strings.TrimSpace(strings.Repeat("word ", 15)) + "\nword word word word word\n"},
	} {
		var m manual
		if m.text("", c.text); m.String() != c.want {
			t.Errorf("%q gives %q, want %q", c.text, m.String(), c.want)
		}
	}
}
