package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// exported is a file of package onnx's tests, in the working directory.
func exported(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "onnx", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestImport: an ONNX file draws the same pictures as the model that import makes of it.
func TestImport(t *testing.T) {
	file := exported(t, "reference.onnx")
	r := gantiny(t, "import", file, "-o", "m.safetensors", "--json").want(t, exitDone)
	var got imported
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Inputs[0] != "z 10" || len(got.Outputs) != 1 || got.Parameters == 0 || got.MACs == 0 {
		t.Errorf("%+v", got)
	}
	direct := gantiny(t, "generate", file, "-n", "3", "--json").want(t, exitDone)
	made := gantiny(t, "generate", "m.safetensors", "-n", "3", "--json").want(t, exitDone)
	var a, b drawn
	if json.Unmarshal([]byte(direct.stdout), &a) != nil || json.Unmarshal([]byte(made.stdout), &b) != nil || a.SHA256 != b.SHA256 || a.SHA256 == "" {
		t.Errorf("%s and %s", direct.stdout, made.stdout)
	}
	gantiny(t, "inspect", file).want(t, exitDone)
	gantiny(t, "quantize", "m.safetensors", "-o", "q.safetensors", "--calib", "8", "--judge", "2").want(t, exitDone)
}

// TestImportRange: without a range of its own a sigmoid's output is that of a tanh; with none it is
// left as it is.
func TestImportRange(t *testing.T) {
	file := exported(t, "nearest.onnx")
	for pixels, want := range map[string]string{"auto": "tanh", "sigmoid": "tanh", "none": "sigmoid", "0..255": "batchnorm"} {
		gantiny(t, "import", file, "--range", pixels, "-o", "m.safetensors").want(t, exitDone)
		m, err := model.Load("m.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		layers := m.Layers()
		if kind := layers[len(layers)-1].Op.Kind(); kind != want {
			t.Errorf("--range %s: the last operator is %s, want %s", pixels, kind, want)
		}
	}
}

func TestImportErrors(t *testing.T) {
	file := exported(t, "reference.onnx")
	if err := os.WriteFile("page.onnx", []byte("<!doctype html>"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("damaged.onnx", []byte("\x08\x07\x12\x07pytorch\x3a\x05"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "-o", []string{file}},
		{exitUsage, "one FILE", []string{"-o", "m.safetensors"}},
		{exitUsage, "--range", []string{file, "--range", "wide", "-o", "m.safetensors"}},
		{exitUsage, "--size", []string{file, "--size", "28", "-o", "m.safetensors"}},
		{exitUsage, "--shape", []string{file, "--shape", "z", "-o", "m.safetensors"}},
		{exitUsage, "--layout", []string{file, "--layout", "chw", "-o", "m.safetensors"}},
		{exitUsage, "same file", []string{file, "-o", file}},
		{exitFailed, "web page", []string{"page.onnx", "-o", "m.safetensors"}},
		{exitFailed, "damaged", []string{"damaged.onnx", "-o", "m.safetensors"}},
		{exitFailed, "no output", []string{file, "--output", "y", "-o", "m.safetensors"}},
		{exitFailed, "nosuch.onnx", []string{"nosuch.onnx", "-o", "m.safetensors"}},
	} {
		gantiny(t, append([]string{"import"}, c.args...)...).want(t, c.status, c.says)
	}
	gantiny(t, "generate", "page.onnx").want(t, exitFailed, "web page")
	gantiny(t, "generate", "damaged.onnx").want(t, exitFailed, "damaged")
	if _, err := os.Stat("m.safetensors"); err == nil {
		t.Error("a failed import leaves a file")
	}
}
