package model

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// quantizedFile is mappedModel's counterpart in bytes: the path of a file with both forms.
func quantizedFile(t *testing.T) string {
	t.Helper()
	m := Generator(Config{Latent: 50, Size: 8, Width: 16})
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "both.safetensors")
	if err := m.Save(path, SaveOptions{Int8: q}); err != nil {
		t.Fatal(err)
	}
	return path
}

// readers are all that reads the weights of a model.
var readers = map[string]func(m *Model) error{
	"NewSession": func(m *Model) error {
		m.Changed() // else the weights are packed already
		s, err := m.NewSession(Options{Batch: 1, Threads: 1})
		if err == nil {
			s.Close()
		}
		return err
	},
	"NewPass": func(m *Model) error {
		p, err := m.NewPass(PassOptions{Batch: 1, Threads: 1})
		if err == nil {
			p.Close()
		}
		return err
	},
	"Encode":     func(m *Model) error { return m.Encode(io.Discard, SaveOptions{}) },
	"ReadParams": func(m *Model) error { _, err := m.ReadParams(); return err },
	"Quantize": func(m *Model) error {
		_, _, err := m.Quantize(context.Background(), quant.Options{Images: 32})
		return err
	},
	"Exact": func(m *Model) error {
		return m.Exact(make([]uint8, m.Output().Len()), make([]float32, m.Input().Len()))
	},
	"Memory": func(m *Model) error { _, err := m.Memory(Options{}); return err },
	"Layers": func(m *Model) error { m.Layers(); return nil },
}

// TestCutWhileInUse: a mapped file that is cut short is an error from everything that reads
// weights, and neither a panic nor a signal.
func TestCutWhileInUse(t *testing.T) {
	whole, err := os.ReadFile(quantizedFile(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, float := range []bool{true, false} {
		for name, read := range readers {
			for _, size := range []int64{0, 4096, 8192} {
				path := filepath.Join(t.TempDir(), "m.safetensors")
				if err := os.WriteFile(path, whole, 0o666); err != nil {
					t.Fatal(err)
				}
				m, err := LoadForm(path, float)
				if err != nil {
					t.Fatal(err)
				}
				if !m.placed() {
					t.Skip("no mappings here")
				}
				if err := os.Truncate(path, size); err != nil {
					t.Fatal(err)
				}
				err = read(m)
				switch {
				case name == "Layers" || name == "Memory":
					looks := name == "Memory" && !float && simd.Best().Int8.Small != nil // whether kernels for small weights will do
					if err != nil && !(looks && errors.Is(err, ErrChanged)) {
						t.Errorf("float %v, cut to %d, %s: %v, but it needs no weights", float, size, name, err)
					}
				case errors.Is(err, ErrRule) || errors.Is(err, quant.ErrModel): // not for this form
				case !errors.Is(err, ErrChanged):
					t.Errorf("float %v, cut to %d, %s: %v, want ErrChanged", float, size, name, err)
				}
			}
		}
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := os.WriteFile(path, whole, 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := LoadForm(path, float)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		if err := m.Save(path, SaveOptions{}); !errors.Is(err, ErrChanged) {
			t.Errorf("float %v, Save over itself: %v", float, err)
		}
	}
}

// TestBeside: everything may run beside everything on one mapped model. It is of use with -race.
func TestBeside(t *testing.T) {
	path := quantizedFile(t)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		for _, float := range []bool{true, false} {
			m, err := LoadForm(path, float)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for name, read := range readers {
				for range 2 {
					wg.Go(func() {
						if err := read(m); err != nil && !errors.Is(err, ErrRule) && !errors.Is(err, quant.ErrModel) {
							t.Errorf("%s: %v", name, err)
						}
					})
				}
			}
			wg.Wait()
			runtime.GC() // what is mapped must outlive who reads it
		}
	}
}

// TestNotFinite: a file whose floats are no numbers is refused, and the error names layer and
// value.
func TestNotFinite(t *testing.T) {
	for _, half := range []bool{false, true} {
		for name, c := range map[string]struct {
			param int // of those below
			value float32
			want  string
		}{
			"weight":   {0, float32(math.NaN()), "model: layer 0 (dense): bad layer: dense0.weight: value 3 is NaN"},
			"infinite": {0, float32(math.Inf(-1)), "value 3 is -Inf"},
			"gamma":    {1, float32(math.Inf(1)), "model: layer 1 (batchnorm): bad layer: batchnorm1.gamma: value 3 is +Inf"},
			"mean":     {3, float32(math.NaN()), "batchnorm1.moving_mean: value 3 is NaN"},
			"variance": {4, -0.25, "batchnorm1.moving_variance: value 3 is -0.25"},
		} {
			m, err := New("m", Flat(2), Dense{Units: 8}, BatchNorm{}, Tanh{})
			if err != nil {
				t.Fatal(err)
			}
			m.Params()[c.param].Data[3] = c.value
			b := encode(t, m, SaveOptions{Half: half})
			path := filepath.Join(t.TempDir(), "m.safetensors")
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			_, fromFile := Load(path)
			_, read := readModel(b)
			for _, err := range []error{fromFile, read} {
				if !errors.Is(err, ErrLayer) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("half %v, %s: %v, want %q", half, name, err, c.want)
				}
			}
		}
	}
}

// TestOtherForm: of a file with both forms, the one that is not asked for must be whole as well.
func TestOtherForm(t *testing.T) {
	whole, err := os.ReadFile(quantizedFile(t))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.View(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		float  bool   // the form that is loaded
		tensor string // the one that is damaged
	}{{true, "int8.dense0.weight"}, {false, "dense0.weight"}, {false, "convtranspose2d4.weight"}} {
		raw, err := f.ReadRaw(c.tensor)
		if err != nil {
			t.Fatal(err)
		}
		damaged := slices.Clone(whole)
		damaged[bytes.LastIndex(whole, raw)] ^= 4
		for how, load := range map[string]func() (*Model, error){
			"view": func() (*Model, error) { return ViewForm(damaged, c.float) },
			"read": func() (*Model, error) { return read(bytes.NewReader(damaged), int64(len(damaged)), forms(c.float)) },
		} {
			if _, err := load(); !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), c.tensor) {
				t.Errorf("%s, float %v, %s damaged: %v", how, c.float, c.tensor, err)
			}
		}
	}
}
