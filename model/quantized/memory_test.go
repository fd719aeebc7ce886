package quantized_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
	"github.com/gantiny/gantiny/simd"
)

// TestMemory holds the prediction to what a Session allocates.
func TestMemory(t *testing.T) {
	reference := random(t, 1,
		quantized.Op{Geometry: conv.Dense(1, 1, 100, 7, 7, 256)},
		quantized.Op{Geometry: conv.Same(7, 7, 256, 128, 5, 1, true)},
		quantized.Op{Geometry: conv.Same(7, 7, 128, 64, 5, 2, true)},
		quantized.Op{Geometry: conv.Same(14, 14, 64, 1, 5, 2, true)})
	file := encode(t, reference, nil)
	for _, k := range simd.Variants() {
		for _, o := range []model.Options{{Batch: 1, Threads: 1}, {Batch: 1, Threads: 3}, {Batch: 40, Threads: 1}, {Batch: 40, Threads: 4}} {
			o.Kernels = k
			m, err := quantized.View(file) // with nothing packed
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.Memory(o)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s, err := m.NewSession(o)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if peak := s.PeakBytes(); peak != want.Peak() {
				t.Errorf("%s, batch %d: PeakBytes is %d, Memory said %d", k.Name, o.Batch, peak, want.Peak())
			}
			got, n := int64(after.TotalAlloc-before.TotalAlloc), want.Peak()-want.Parameters
			if got > n+n/8 || got < n-n/4 {
				t.Errorf("%s, batch %d, %d threads: allocated %d bytes, predicted %+v: %d", k.Name, o.Batch, o.Threads, got, want, n)
			}
		}
	}
	if _, err := reference.Memory(model.Options{Batch: -1}); !errors.Is(err, model.ErrShape) {
		t.Errorf("batch of -1: %v", err)
	}
}

// TestMapped: weights in a file, or in memory that somebody else keeps, draw the same and take no memory.
func TestMapped(t *testing.T) {
	for _, m := range models(t) {
		b := encode(t, m, nil)
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := quantized.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		viewed, err := quantized.View(b)
		if err != nil {
			t.Fatal(err)
		}
		o := model.Options{Batch: 3, Threads: 2}
		in, err := m.Memory(o)
		if err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]*quantized.Model{"mapped": loaded, "viewed": viewed} {
			of, err := other.Memory(o)
			if err != nil {
				t.Fatal(err)
			}
			if mapped, err := filemap.Open(path); err == nil { // this system can
				mapped.Close()
				if name == "mapped" && of.Parameters >= in.Parameters {
					t.Errorf("%s: %+v, in memory %+v", name, of, in)
				}
			}
			if !slices.Equal(draw(t, other, 4, 3, o), draw(t, m, 4, 3, o)) {
				t.Errorf("%s: other pixels", name)
			}
		}
		before := slices.Clone(b)
		for _, other := range []*quantized.Model{loaded, viewed} {
			for i, op := range other.Ops() { // which are in memory of their own now
				if !slices.Equal(op.Weight, m.Ops()[i].Weight) {
					t.Errorf("operator %d: other weights", i)
				}
				op.Weight[0]++
			}
		}
		if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, before) || !slices.Equal(b, before) {
			t.Errorf("writing to weights changed a file (%v)", err)
		}
	}
}

// TestCutFile: a file that is cut short while its weights are in use is an error, not a crash.
func TestCutFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := models(t)[0].Save(path, nil, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if mapped, err := filemap.Open(path); err != nil {
		t.Skip("no mappings here")
	} else {
		mapped.Close()
	}
	m, err := quantized.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewSession(model.Options{Batch: 1, Threads: 1}); !errors.Is(err, filemap.ErrChanged) {
		t.Errorf("NewSession: %v", err)
	}
}
