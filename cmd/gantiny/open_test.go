package main

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestNoModel: what is no model is named for what it is, by every command that takes one.
func TestNoModel(t *testing.T) {
	t.Chdir(t.TempDir())
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	if _, err := w.Create("model/data.pkl"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]struct{ content, says string }{
		"lfs.safetensors":  {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"},
		"page.safetensors": {"<!doctype html>", "a web page"},
		"model.bin2":       {z.String(), "PyTorch"},
		"model.pt":         {z.String(), "damaged"},
		"model.h5":         {"\x89HDF\r\n\x1a\n", "HDF5"},
		"model.bin":        {"\x08\x08\x12\x07pytorch", "ONNX"},
		"model.bin3":       {"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"},
		"model.tflite":     {"\x1c\x00\x00\x00TFL3", "damaged"},
	} {
		writeFile(t, name, f.content)
		for _, command := range []string{"generate", "inspect", "bench"} {
			gantiny(t, command, name).want(t, exitFailed, name, f.says)
		}
		gantiny(t, "quantize", name, "-o", "out.safetensors").want(t, exitFailed, name, f.says)
	}
}

// TestCheckpointIsNoGenerator: a checkpoint points to the generator beside it.
func TestCheckpointIsNoGenerator(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "my run", "--epochs", "1").want(t, exitDone)
	gantiny(t, "generate", "my run/checkpoint.safetensors").want(t, exitFailed, "a checkpoint of training", "'my run/generator.safetensors'")
	writeFile(t, "alone.safetensors", readFile(t, "my run/checkpoint.safetensors"))
	gantiny(t, "inspect", "alone.safetensors").want(t, exitFailed, "a checkpoint of training", "in the directory of the run")
	d := model.Discriminator(model.Config{Width: 2})
	if err := d.Save("d.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "generate", "d.safetensors").want(t, exitFailed, "not a generator")
}
