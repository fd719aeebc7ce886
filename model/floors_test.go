package model_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gantiny/gantiny/"

// TestFloors holds model, and everything of this module that it needs, to the floors below it: who
// only generates links no trainer, no data set, no command line and no network.
func TestFloors(t *testing.T) {
	own := map[string]bool{"simd": true, "conv": true, "quant": true, "model": true, "model/safetensors": true, "model/pretrained": true,
		"internal/arena": true, "internal/engine": true, "internal/fmath": true, "internal/half": true, "internal/pool": true, "internal/rng": true, "internal/atomicfile": true, "internal/filemap": true, "internal/view": true, "internal/freeram": true}
	outside := []string{"github.com/klauspost/cpuid/v2", "github.com/viterin/vek", "golang.org/x/sys"}
	banned := []string{"net", "os/exec", "image", "html", "text/template", "plugin", "reflect"}

	seen := map[string]bool{}
	var visit func(dir string)
	visit = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for path, file := range imports(t, dir) {
			switch inner, ours := strings.CutPrefix(path, module); {
			case ours && !own[inner]:
				t.Errorf("%s imports %s", file, path)
			case ours:
				visit(inner)
			case strings.Contains(strings.Split(path, "/")[0], "."):
				if !within(path, outside) {
					t.Errorf("%s imports %s", file, path)
				}
			case within(path, banned):
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
	visit("model")
	banned = slices.DeleteFunc(banned, func(s string) bool { return s == "image" }) // what the root package returns
	own["."] = true
	visit("model/pretrained")
	for _, dir := range []string{"model/pretrained", "cmd/gantiny"} {
		if _, ok := imports(t, dir)[module+"model/pretrained/float"]; ok {
			t.Errorf("%s carries the embedded model twice", dir)
		}
	}
	visit(".")
	for _, below := range []string{"model/safetensors", "conv", "simd"} {
		if !seen[below] {
			t.Errorf("model does not import %s: is this test looking at the right folder?", below)
		}
	}
}

// TestLowerFloors checks that conv and simd know nothing of what stands above them.
func TestLowerFloors(t *testing.T) {
	for dir, allowed := range map[string][]string{
		"simd": {"internal/half"},
		"conv": {"simd", "internal/arena", "internal/half", "internal/pool"},
	} {
		for path, file := range imports(t, dir) {
			if inner, ours := strings.CutPrefix(path, module); ours && !within(inner, allowed) {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

// imports returns what the files of a package import, on any platform and without tests, with one
// of the files.
func imports(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s (%v)", dir, err)
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if c := f.Comments; len(c) > 0 && c[0].List[0].Text == "//go:build ignore" {
			continue // a program of its own
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[path] = file
		}
	}
	return found
}

// within says whether path is one of the trees or inside one.
func within(path string, trees []string) bool {
	for _, tree := range trees {
		if path == tree || strings.HasPrefix(path, tree+"/") {
			return true
		}
	}
	return false
}
