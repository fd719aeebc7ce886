package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestExport: what export writes as ONNX draws the same pictures, and a quantized model has all
// forms.
func TestExport(t *testing.T) {
	file := exported(t, "reference.onnx")
	gantiny(t, "import", file, "-o", "m.safetensors").want(t, exitDone)
	gantiny(t, "export", "m.safetensors", "-o", "back.onnx").want(t, exitDone)
	var hashes []string
	for _, name := range []string{"m.safetensors", "back.onnx"} {
		var d drawn
		r := gantiny(t, "generate", name, "-n", "3", "--json").want(t, exitDone)
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, d.SHA256)
	}
	if hashes[0] != hashes[1] || hashes[0] == "" {
		t.Errorf("pixels %v", hashes)
	}
	gantiny(t, "export", "m.safetensors", "-o", "m.c").want(t, exitFailed, "gantiny quantize m.safetensors")
	gantiny(t, "quantize", "m.safetensors", "-o", "q.safetensors", "--calib", "8", "--judge", "2").want(t, exitDone)
	for _, name := range []string{"q.onnx", "q.npz", "q.c"} {
		r := gantiny(t, "export", "q.safetensors", "-o", name, "--json").want(t, exitDone)
		var got exportReport
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		isC := name == "q.c"
		if got.Form != formInt8 || got.Out != name || got.Format != name[2:] || (got.Flash > 0) != isC || (got.RAM > 0) != isC {
			t.Errorf("%+v", got)
		}
		if info, err := os.Stat(name); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile("q.c")
	if err != nil || !strings.Contains(string(text), "int q_draw(uint8_t pixels[Q_PIXELS], uint64_t seed, uint64_t index)") {
		t.Errorf("q.c has no q_draw (%v)", err)
	}
	gantiny(t, "export", "q.safetensors", "-o", "7.c", "--name", "digits").want(t, exitDone, "flash ", "RAM ")
	if text, err := os.ReadFile("7.c"); err != nil || !strings.Contains(string(text), "int digits_draw(") {
		t.Errorf("7.c has no digits_draw (%v)", err)
	}
}

func TestExportErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "which file", nil},
		{exitUsage, "standard output", []string{"-o", "-"}},
		{exitUsage, "ends in", []string{"-o", "m.tflite"}},
		{exitUsage, "--name", []string{"-o", "m.onnx", "--name", "x"}},
		{exitUsage, "--compress", []string{"-o", "m.c", "--compress"}},
		{exitUsage, "--float", []string{"-o", "m.c", "--float"}},
		{exitFailed, "no folder", []string{"-o", "none/m.c"}},
		{exitFailed, "not exist", []string{"none", "-o", "m.c"}},
		{exitFailed, "no name of C", []string{"-o", "m.c", "--name", "a-b"}},
	} {
		gantiny(t, append([]string{"export"}, c.args...)...).want(t, c.status, c.says)
	}
}
