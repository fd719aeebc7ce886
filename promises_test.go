package gantiny_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPromises: docs/promises.md names tests that exist.
func TestPromises(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "promises.md"))
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("`(?:[A-Z_]+=[^ ]+ )?go test (?:-race )?((?:\\.\\S* )+)-run '?([A-Za-z0-9|\\\\]+)'?`")
	lines := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| Promise") || strings.HasPrefix(line, "|---") {
			continue
		}
		lines++
		found := command.FindStringSubmatch(line)
		if found == nil {
			t.Errorf("no command in %s", line)
			continue
		}
		for _, name := range strings.Split(found[2], `\|`) {
			if !hasTest(t, strings.Fields(found[1]), name) {
				t.Errorf("no test %s in %s", name, found[1])
			}
		}
	}
	if lines < 30 {
		t.Errorf("%d promises: is this test looking at the right file?", lines)
	}
}

// hasTest tells whether one of the folders has a test of that name.
func hasTest(t *testing.T, folders []string, name string) bool {
	t.Helper()
	for _, dir := range folders {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\nfunc "+name+"(") {
				return true
			}
		}
	}
	return false
}

// TestUnsafe: package unsafe is at home in a few places; no parser is among them.
func TestUnsafe(t *testing.T) {
	allowed := []string{"simd", "asm", "internal/arena", "internal/filemap", "internal/view"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if slices.ContainsFunc(allowed, func(a string) bool { return dir == a || strings.HasPrefix(dir, a+"/") }) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "\"unsafe\"\n") {
			t.Errorf("%s imports unsafe", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
