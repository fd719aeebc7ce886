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

// TestPackageDocs: every package that others import says in its doc.go what lives there.
func TestPackageDocs(t *testing.T) {
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != "." && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		b, err := os.ReadFile(files[0])
		if err != nil || regexp.MustCompile(`(?m)^package main$`).Match(b) {
			return err
		}
		if b, err := os.ReadFile(filepath.Join(dir, "doc.go")); err != nil || !strings.HasPrefix(string(b), "// Package ") {
			t.Errorf("%s: no doc.go that begins with Package", dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExamples: every package of the library has a runnable example.
func TestExamples(t *testing.T) {
	for _, dir := range []string{".", "model", "quant", "conv", "simd", "train", "dataset", "picture", "httpserve", "model/safetensors", "model/pretrained", "model/pretrained/float", "fleet", "latent", "eval", "eval/mnist", "eval/fashion"} {
		b, err := os.ReadFile(filepath.Join(dir, "example_test.go"))
		if err != nil || !strings.Contains(string(b), "func Example") || !strings.Contains(string(b), "utput:") {
			t.Errorf("%s: no example with an output (%v)", dir, err)
		}
	}
}

// TestDocPaths: links and files that the documentation names exist.
func TestDocPaths(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "examples/README.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^):#]+)[)#]`).FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		if page != filepath.Join("docs", "architecture.md") {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z0-9_/]+\\.go|internal/[a-z]+)`").FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestDocsIndex: docs/README.md has each of the pages.
func TestDocsIndex(t *testing.T) {
	b, err := os.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 15 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(string(b), "]("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}

// TestDocsProgram: the lines of Go that docs/go.md shows are lines of programs that are compiled.
func TestDocsProgram(t *testing.T) {
	page, err := os.ReadFile("docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	compiled := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "model/*_test.go", "zoo/*/*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				compiled[codeOf(line)] = true
			}
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Errorf("%d pieces of Go: does this test read the page?", len(blocks))
	}
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if code := codeOf(line); code != "" && !compiled[code] {
				t.Errorf("docs/go.md: no program has the line %s", code)
			}
		}
	}
}

// codeOf is a line without what surrounds its code; a directive is code.
func codeOf(line string) string {
	code, _, _ := strings.Cut(line, " // ")
	return strings.TrimSpace(code)
}

// TestExamplesListed: examples/README.md has a line for each example, and each one has a test.
func TestExamplesListed(t *testing.T) {
	b, err := os.ReadFile("examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if !strings.Contains(string(b), "| ["+e.Name()+"]("+e.Name()+") | ") {
			t.Errorf("examples/README.md has no line for %s", e.Name())
		}
		programs, err := filepath.Glob(filepath.Join("examples", e.Name(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		tests, err := filepath.Glob(filepath.Join("examples", e.Name(), "*_test.go"))
		if err != nil || len(programs) > 0 && len(tests) == 0 {
			t.Errorf("examples/%s has no test, %v", e.Name(), err)
		}
	}
}

// TestSpelling: prose and names are in American spelling, whose twins would otherwise stand beside
// each other: quantize and the like, color, gray.
func TestSpelling(t *testing.T) {
	british := strings.Fields(strings.ReplaceAll("quanti-s normali-s randomi-s optimi-s minimi-s maximi-s initiali-s recogni-s summari-s "+
		"generali-s regulari-s seriali-s visuali-s standardi-s penali-s vectori-s parametri-s colo-ur favo-ur neighbo-ur behavio-ur gr-ey "+
		"licen-ce label-led cancel-led model-led analy-se", "-", ""))
	names := []string{"aria-labelledby"} // of others: they have only one spelling
	read := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == "node_modules" || name == "dist" || name != "." && strings.HasPrefix(name, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".toml", ".html", ".js", ".css", ".py", ".c", ".cpp", ".sh", ".yaml"}, filepath.Ext(path)) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		text := strings.ToLower(string(b))
		for _, fixed := range names {
			text = strings.ReplaceAll(text, fixed, strings.Repeat(" ", len(fixed)))
		}
		for _, w := range british {
			if at := strings.Index(text, w); at >= 0 {
				t.Errorf("%s:%d: %s", path, 1+strings.Count(text[:at], "\n"), w)
			}
		}
		return nil
	})
	if err != nil || read < 500 {
		t.Fatalf("%d files, %v", read, err)
	}
}
