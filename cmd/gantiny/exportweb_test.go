package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/model"
)

// TestExportWeb: the folder has the page, the program and the model, which loads again.
func TestExportWeb(t *testing.T) {
	t.Chdir(t.TempDir())
	conditional(t, "c.safetensors")
	gantiny(t, "export", "c.safetensors", "--web").want(t, exitUsage, "-o")
	gantiny(t, "export", "c.safetensors", "--web", "-o", "c.safetensors").want(t, exitFailed, "c.safetensors")
	gantiny(t, "export", "c.safetensors", "--web", "-o", "page/", "--wasm", "nosuch").want(t, exitFailed, "nosuch")
	if _, err := os.Stat("page"); err == nil {
		t.Error("a failed export left a folder")
	}
	if err := os.Mkdir("wasm", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{wasmFile, wasmExec} {
		if err := os.WriteFile(filepath.Join("wasm", name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gantiny(t, "export", "c.safetensors", "--web", "-o", "page/", "--wasm", "wasm").want(t, exitDone, "files")
	want := []string{wasmFile, wasmExec, "model.safetensors"}
	for name := range explorer.Page(explorer.Browser) {
		want = append(want, name)
	}
	slices.Sort(want)
	if got := files(t, "page"); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if m, err := model.Load(filepath.Join("page", "model.safetensors")); err != nil || m.Name != "conditional" {
		t.Errorf("the model: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join("page", wasmFile)); err != nil || string(b) != wasmFile {
		t.Errorf("the program: %q, %v", b, err)
	}
}
