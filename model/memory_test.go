package model

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/simd"
)

// allocated is what f allocates, garbage included.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestMemory holds the prediction to what a Session allocates.
func TestMemory(t *testing.T) {
	models := map[string]*Model{"reference": Generator(Config{}), "small": Generator(Config{Latent: 20, Size: 16, Width: 24, Channels: 3})}
	for name, m := range models {
		for _, k := range simd.Variants() {
			if name == "reference" && k != simd.Best() {
				continue
			}
			for _, o := range []Options{{Batch: 1, Threads: 1}, {Batch: 1, Threads: 3}, {Batch: 5, Threads: 2}, {Batch: 40, Threads: 1}, {Batch: 40, Threads: 4}} {
				o.Kernels = k
				want, err := m.Memory(o)
				if err != nil {
					t.Fatal(err)
				}
				m.Changed()
				var s *Session
				got := allocated(func() { s, err = m.NewSession(o) })
				if err != nil {
					t.Fatal(err)
				}
				if peak := s.PeakBytes(); peak != want.Peak() {
					t.Errorf("%s, %s, %+v: PeakBytes is %d, Memory said %d", name, k.Name, o, peak, want.Peak())
				}
				s.Close()
				n := want.Peak() - want.Parameters
				// Buffers of 8 MB and more leave room to start on a huge page.
				if got > n+n/8 || got < n-n/8 {
					t.Errorf("%s, %s, batch %d, %d threads: allocated %d bytes, predicted %+v: %d", name, k.Name, o.Batch, o.Threads, got, want, n)
				}
			}
		}
	}
	if _, err := models["small"].Memory(Options{Batch: -1}); !errors.Is(err, ErrShape) {
		t.Errorf("batch of -1: %v", err)
	}
}

// mappedModel returns a model, and the same one loaded from a file whose weights stay there.
func mappedModel(t *testing.T) (m, loaded *Model, path string) {
	t.Helper()
	m = Generator(Config{Latent: 50, Size: 8, Width: 16})
	m.Init(3, GlorotUniform)
	path = filepath.Join(t.TempDir(), "g.safetensors")
	if err := m.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.placed() {
		t.Skip("no mappings here")
	}
	return m, loaded, path
}

func images(t *testing.T, m *Model) []float32 {
	t.Helper()
	s, err := m.NewSession(Options{Batch: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z, x := make([]float32, 2*m.Input().Len()), make([]float32, 2*m.Output().Len())
	Latents(z, m.Input().Len(), 1, 0)
	if err := s.Run(x, z); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestMapped: weights in a file draw what weights in memory draw, and take no memory.
func TestMapped(t *testing.T) {
	m, loaded, path := mappedModel(t)
	in, err := m.Memory(Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	of, err := loaded.Memory(Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	if of.Parameters > in.Parameters/20 || of.Packed != in.Packed {
		t.Errorf("in a file %+v, in memory %+v", of, in)
	}
	want := images(t, m)
	if got := images(t, loaded); !equalBits(got, want) || !loaded.placed() {
		t.Error("weights in a file draw other images, or were copied")
	}
	// Written over itself: the file that it was stays.
	if err := loaded.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if !loaded.placed() {
		t.Error("saving has copied the parameters")
	}
	for i, p := range m.Params() {
		q := loaded.Params()[i]
		if !equalBits(q.Data, p.Data) {
			t.Errorf("%s differs", p.Name)
		}
		q.Data[0]++ // they are the model's own
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !equalBits(images(t, again), want) {
		t.Error("written over itself the model has changed")
	}
	// Another file in its place does no harm.
	if err := Generator(Config{Latent: 20, Size: 8, Width: 4}).Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	again.Changed()
	if !equalBits(images(t, again), want) {
		t.Error("the model follows the name of its file")
	}
}

// TestMappedPass: training never writes to a file.
func TestMappedPass(t *testing.T) {
	_, loaded, path := mappedModel(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := loaded.NewPass(PassOptions{Batch: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, w := range loaded.TrainableParams() {
		w.Data[0] += 2
	}
	p.Forward(0)
	if after, err := os.ReadFile(path); err != nil || !slices.Equal(before, after) {
		t.Errorf("the file has changed (%v)", err)
	}
}

// TestCutFile: a file that is cut short while its weights are in use is an error, not a crash.
func TestCutFile(t *testing.T) {
	_, loaded, path := mappedModel(t)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.NewSession(Options{Batch: 1, Threads: 1}); !errors.Is(err, filemap.ErrChanged) {
		t.Errorf("NewSession: %v", err)
	}
}

// TestView: a model in memory is read in place.
func TestView(t *testing.T) {
	m := Generator(Config{Latent: 50, Size: 8, Width: 16})
	m.Init(3, GlorotUniform)
	b := encode(t, m, SaveOptions{})
	v, err := View(b)
	if err != nil {
		t.Fatal(err)
	}
	if !equalBits(images(t, v), images(t, m)) {
		t.Error("read in place it draws other images")
	}
	before := slices.Clone(b)
	for _, p := range v.Params() {
		p.Data[0]++
	}
	if !slices.Equal(b, before) {
		t.Error("writing to a parameter changed the file in memory")
	}
}
