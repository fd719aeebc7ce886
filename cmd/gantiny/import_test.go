package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// exported is a file of package onnx's tests, in the working directory.
func exported(t *testing.T, name string) string { return filesOf(t, "onnx", name)[0] }

// filesOf brings files of a package's tests into the working directory, which is a new one.
func filesOf(t *testing.T, of string, names ...string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("..", "..", of, "testdata", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return names
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

// TestImportFormats: files of TensorFlow Lite and PyTorch draw the same pictures as the models that
// import makes of them.
func TestImportFormats(t *testing.T) {
	for of, name := range map[string]string{"tflite": "conditional.tflite", "weights": "upsampling.pth"} {
		t.Run(name, func(t *testing.T) {
			file := filesOf(t, of, name)[0]
			r := gantiny(t, "import", file, "-o", "m.safetensors", "--json").want(t, exitDone)
			var got imported
			if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || len(got.Inputs) != 2 {
				t.Fatalf("%v, %v", got, err)
			}
			direct := gantiny(t, "generate", file, "-n", "2", "--class", "1", "--json").want(t, exitDone)
			made := gantiny(t, "generate", "m.safetensors", "-n", "2", "--class", "1", "--json").want(t, exitDone)
			var a, b drawn
			if json.Unmarshal([]byte(direct.stdout), &a) != nil || json.Unmarshal([]byte(made.stdout), &b) != nil || a.SHA256 != b.SHA256 || a.SHA256 == "" {
				t.Errorf("%s and %s", direct.stdout, made.stdout)
			}
		})
	}
}

// TestImportGraph: the network that was found can be changed and given; what was found is printed.
func TestImportGraph(t *testing.T) {
	file := filesOf(t, "weights", "dcgan.pth", "branched.pth", "branched.toml")[0]
	gantiny(t, "import", file, "-o", "a.safetensors", "--save-graph", "g.toml").want(t, exitDone, "main.0.weight", "DCGAN", "convtranspose2d0.weight")
	r := gantiny(t, "import", file, "-o", "b.safetensors", "--graph", "g.toml", "--json").want(t, exitDone)
	var got imported
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || len(got.Assigned) != 16 || got.Family != "" {
		t.Errorf("%v, %v", got, err)
	}
	a, err := os.ReadFile("a.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("b.safetensors")
	if err != nil || string(a) != string(b) {
		t.Error("the graph that was saved gives another model")
	}
	gantiny(t, "import", "branched.pth", "--graph", "branched.toml", "-o", "c.safetensors").want(t, exitDone, "up.weight")
	gantiny(t, "import", "branched.pth", "--graph", "g.toml", "-o", "d.safetensors").want(t, exitFailed, "no layer has it", "no tensor")
	gantiny(t, "import", "a.safetensors", "-o", "e.safetensors").want(t, exitFailed, "already")
	gantiny(t, "import", file, "--bgr", "-o", "e.safetensors").want(t, exitUsage, "--bgr")
	gantiny(t, "import", file, "--graph", "g.toml", "--last", "relu", "-o", "e.safetensors").want(t, exitUsage, "--last")
	gantiny(t, "import", file, "--graph", "none.toml", "-o", "e.safetensors").want(t, exitFailed, "none.toml")
	gantiny(t, "import", file, "--hidden", "wide", "-o", "e.safetensors").want(t, exitFailed, "wide")
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
		{exitUsage, "-o copy.onnx: a model is written as .safetensors", []string{file, "-o", "copy.onnx"}},
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
