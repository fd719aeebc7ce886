package sniff

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archive is a zip of empty files.
func archive(names ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		w, err := z.Create(n)
		if err == nil {
			_, err = w.Write([]byte("x"))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func gzipped() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func tarred() string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "a", Mode: 0o644}), w.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

var files = map[string]struct{ content, says string }{
	"safetensors": {"\x40\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{}}", ""},
	"empty":       {"", ""},
	"short":       {"PK\x03", ""},
	"noise":       {"\x01\x02\x03\x04\x05\x06\x07\x08\x09", ""},
	"lfs":         {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"},
	"page":        {"\n<!DOCTYPE html>\n<html>", "a web page"},
	"page2":       {"\ufeff<html lang=en>", "a web page"},
	"pt":          {archive("model/data.pkl", "model/byteorder"), "PyTorch"},
	"pt2":         {archive("archive/data.pkl"), "PyTorch"},
	"old.pt":      {"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"},
	"pickle":      {"\x80\x04\x95\x10\x00\x00\x00", "pickle"},
	"npz":         {archive("w.npy"), ".npz"},
	"keras":       {archive("metadata.json", "config.json", "model.weights.h5"), "Keras"},
	"zip":         {archive("readme.txt"), "zip archive"},
	"h5":          {"\x89HDF\r\n\x1a\n\x00\x00", "HDF5"},
	"onnx":        {"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "ONNX"},
	"tflite":      {"\x1c\x00\x00\x00TFL3\x14\x00", "TensorFlow Lite"},
	"npy":         {"\x93NUMPY\x01\x00v\x00{'descr'", ".npy"},
	"gz":          {gzipped(), "gzip"},
	"tar":         {tarred(), "tar archive"},
	"png":         {"\x89PNG\r\n\x1a\n", "PNG"},
	"json":        {" {\"a\": 1}", "JSON"},
}

func TestBytes(t *testing.T) {
	for name, f := range files {
		got := Bytes([]byte(f.content))
		if f.says == "" && got != "" || !strings.Contains(got, f.says) {
			t.Errorf("%s is %q, want %q", name, got, f.says)
		}
	}
}

func TestModel(t *testing.T) {
	dir := t.TempDir()
	for name, f := range files {
		path := filepath.Join(dir, name+".bin")
		if err := os.WriteFile(path, []byte(f.content), 0o666); err != nil {
			t.Fatal(err)
		}
		err := Model(path)
		if f.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), f.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", name, err, f.says)
		}
	}
	if err := Model(dir); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("a folder: error %v", err)
	}
	if err := Model(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}

// TestImport: formats that are imported are told by their content, whatever the name, and those
// that are not recognized by their names.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]Format{
		"onnx": ONNX, "tflite": TFLite, "pt": PyTorch, "pt2": PyTorch, "old.pt": PyTorch, "npz": NumPy, "safetensors": Safetensors,
		"page": "", "h5": "", "keras": "", "pickle": "", "noise": "",
	} {
		path := filepath.Join(dir, name+".bin")
		if err := os.WriteFile(path, []byte(files[name].content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := Import(path); got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrNoModel) {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]Format{"a.onnx": ONNX, "a.tflite": TFLite, "a.PTH": PyTorch} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(files["noise"].content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := Import(path); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	for name, content := range map[string]string{"m.tflite": "tflite", "m.pth": "pt", "m.pt": "old.pt", "m.onnx": "onnx"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(files[content].content), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Model(path); err != nil {
			t.Errorf("%s is no model: %v", name, err)
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, file := range files {
		f.Add([]byte(file.content))
	}
	f.Fuzz(func(t *testing.T, head []byte) { Bytes(head) })
}
