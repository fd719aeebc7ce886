package fuzz

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/tflite"
	"github.com/gantiny/gantiny/weights"
)

// FuzzONNX: whatever the bytes, Read neither panics nor takes long, allocates twice the file and 1
// MB at most, and gives an error of its own or a model that runs.
func FuzzONNX(f *testing.F) { fuzzImporter(f, "../onnx/testdata/*.onnx", 2, onnx.Read) }

// FuzzTFLite is FuzzONNX of TensorFlow Lite's files, whose weights in 8 bits become four bytes
// each.
func FuzzTFLite(f *testing.F) { fuzzImporter(f, "../tflite/testdata/*.tflite", 5, tflite.Read) }

// FuzzCheckpoint is FuzzONNX of PyTorch's checkpoints: pickles in archives and of the older form.
// Those of half precision become twice as large.
func FuzzCheckpoint(f *testing.F) { fuzzImporter(f, "../weights/testdata/*.pth", 3, weights.Read) }

// FuzzNPZ is FuzzONNX of NumPy's archives.
func FuzzNPZ(f *testing.F) { fuzzImporter(f, "../weights/testdata/*.npz", 2, weights.Read) }

// FuzzWeights is FuzzONNX of .safetensors of other programs.
func FuzzWeights(f *testing.F) { fuzzImporter(f, "../weights/testdata/*.safetensors", 3, weights.Read) }

// fuzzImporter holds an importer to its promises, with the files that pattern names as seeds.
func fuzzImporter(f *testing.F, pattern string, times int, read func([]byte) (*model.Model, error)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var m *model.Model
		var err error
		start := time.Now()
		used := allocated(func() { m, err = read(file) })
		if spent := time.Since(start); spent > 5*time.Second { // a busy machine is not to meet it
			t.Errorf("%v for a file of %d bytes", spent, len(file))
		}
		if limit := uint64(times*len(file) + 1<<20); used > limit {
			t.Errorf("%d bytes allocated for a file of %d, want %d at most", used, len(file), limit)
		}
		if err != nil {
			if !errors.Is(err, onnx.ErrFormat) && !errors.Is(err, onnx.ErrUnsupported) {
				t.Errorf("error %v", err)
			}
			return
		}
		runImported(t, m)
	})
}

// runImported runs a small model.
func runImported(t *testing.T, m *model.Model) {
	work, _ := m.MACs()
	for _, l := range m.Layers() {
		work += int64(l.Out.Shape.Len())
	}
	if work > 1<<20 {
		return
	}
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatalf("no session: %v", err)
	}
	defer s.Close()
	feed := model.Feed{}
	for _, in := range m.Inputs() {
		if in.Type.Kind == model.Class {
			feed.In = append(feed.In, model.Data{Classes: make([]int32, 1)})
		} else {
			feed.In = append(feed.In, model.Data{Floats: make([]float32, in.Shape.Len())})
		}
	}
	for _, out := range m.Outputs() {
		feed.Out = append(feed.Out, model.Data{Floats: make([]float32, out.Shape.Len())})
	}
	if err := s.RunFeed(context.Background(), feed); err != nil {
		t.Fatal(err)
	}
}
