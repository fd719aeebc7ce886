package train

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestHandover: what is handed over is the last checkpoint, or the one before where that is
// damaged, to the byte but for the record of kernels, and the generator; the run stays as it is.
func TestHandover(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, _ *Options) { c.Epochs = 2 }); err != nil {
		t.Fatal(err)
	}
	last, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	h, err := OpenHandover(dir, pictures, nil)
	if err != nil {
		t.Fatal(err)
	}
	var checkpoint, product bytes.Buffer
	if err := errors.Join(h.WriteCheckpoint(&checkpoint), h.WriteProduct(&product)); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if !bytes.Equal(checkpoint.Bytes(), last) || h.Step != 2*uint64(pictures.N/h.Config.Batch) || h.RateShare != 1 || len(h.Notes) > 0 {
		t.Errorf("another checkpoint, of step %d, share %g, %q", h.Step, h.RateShare, h.Notes)
	}
	m, err := model.Read(bytes.NewReader(product.Bytes()), int64(product.Len()))
	if err != nil || m.Provenance.Epochs != 2 || m.Provenance.Dataset != pictures.Name {
		t.Errorf("%+v, %v", m, err)
	}

	if err := os.WriteFile(filepath.Join(dir, CheckpointFile), last[:len(last)-1], 0o666); err != nil {
		t.Fatal(err)
	}
	h, err = OpenHandover(dir, pictures, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	if h.Step != uint64(pictures.N/h.Config.Batch) || len(h.Notes) != 1 {
		t.Errorf("step %d, %q", h.Step, h.Notes)
	}
}

func TestHandoverErrors(t *testing.T) {
	if _, err := OpenHandover(t.TempDir(), pictures, nil); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, _ *Options) { c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHandover(dir, images(pictures.N, 8), nil); !errors.Is(err, ErrMismatch) {
		t.Error(err)
	}
	if _, err := OpenHandover(dir, images(2, 1), nil); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
	no := errors.New("no")
	if _, err := OpenHandover(dir, pictures, func(Config, *model.Model, *model.Model) error { return no }); !errors.Is(err, no) {
		t.Error(err)
	}
	for _, name := range []string{CheckpointFile, PreviousFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := OpenHandover(dir, pictures, nil); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
}
