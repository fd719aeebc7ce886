package train

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// testdata/v0 is what version 0 left of a run of TestEarlierVersion's settings: its files after one
// epoch of two, and the checkpoint at the end, on a row with fused multiply-adds.

func earlier(c *Config, o *Options) { c.Width, c.Latent = 2, 3 }

// A run of an earlier version goes on, to the end that it would have come to there.
func TestEarlierVersion(t *testing.T) {
	for _, k := range simd.Variants() {
		dir := t.TempDir()
		for _, name := range []string{CheckpointFile, GeneratorFile, MetricsFile} {
			b, err := os.ReadFile(filepath.Join("testdata/v0", name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := model.Load(filepath.Join(dir, GeneratorFile)); err != nil {
			t.Fatal(err)
		}
		err := runIn(t, dir, func(c *Config, o *Options) {
			earlier(c, o)
			o.Resume, o.Kernels = true, k
		})
		if err != nil {
			t.Fatal(err)
		}
		got, want := checkpointState(t, filepath.Join(dir, CheckpointFile)), checkpointState(t, "testdata/v0/end.safetensors")
		if len(got) != len(want) {
			t.Errorf("%s: %d arrays, want %d", k.Name, len(got), len(want))
		}
		for name := range want {
			checkClose(t, k, name, got[name], want[name])
		}
	}
}

// checkClose compares a trained array with that of a row with fused multiply-adds: to the bit where
// this is one.
func checkClose(t *testing.T, k *simd.Kernels, name string, got, want []float32) {
	t.Helper()
	if k.FMA {
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s has other bits", k.Name, name)
		}
		return
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= 1e-3) { // ten updates' length
			t.Errorf("%s: %s at %d is %g, want %g", k.Name, name, i, got[i], w)
			return
		}
	}
}

func checkpointState(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	c, err := openCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	state := map[string][]float32{}
	for _, x := range c.tensors.Tensors {
		state[x.Name] = make([]float32, x.Len())
		if err := c.tensors.ReadFloats(state[x.Name], x.Name); err != nil {
			t.Fatal(err)
		}
	}
	return state
}
