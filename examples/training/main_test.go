package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

// writerFunc is a writer that calls a function.
type writerFunc func(line string)

func (f writerFunc) Write(b []byte) (int, error) { f(string(b)); return len(b), nil }

// small is twelve pictures of 8x8, and networks as small.
func small() (train.Config, *dataset.Dataset) {
	data := &dataset.Dataset{Name: "ramps", H: 8, W: 8, C: 1, N: 12, Pix: make([]uint8, 12*8*8)}
	for i := range data.Pix {
		data.Pix[i] = uint8(i)
	}
	c := train.Default()
	c.Epochs, c.Batch, c.Size, c.Width, c.Latent, c.Threads = 3, 4, 8, 2, 3, 1
	return c, data
}

// TestRun: a run that is canceled after an epoch draws with what it has, and goes on with the next
// one.
func TestRun(t *testing.T) {
	c, data := small()
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var first, second strings.Builder
	err := run(ctx, io.MultiWriter(&first, writerFunc(func(line string) {
		if strings.HasPrefix(line, "epoch 1 ") {
			cancel()
		}
	})), dir, c, data)
	if err != nil {
		t.Fatal(err)
	}
	if s := first.String(); !strings.Contains(s, "epoch 1 of 3") || strings.Contains(s, "epoch 3") ||
		!strings.Contains(s, "interrupted") || !strings.Contains(s, "drew 16 images of (8,8)") {
		t.Errorf("canceled:\n%s", s)
	}
	if err := run(t.Context(), &second, dir, c, data); err != nil {
		t.Fatal(err)
	}
	if s := second.String(); strings.Contains(s, "epoch 1 of 3") || !strings.Contains(s, "epoch 3 of 3") ||
		strings.Contains(s, "interrupted") || !strings.Contains(s, "drew 16 images of (8,8)") {
		t.Errorf("resumed:\n%s", s)
	}
}

// TestSettings: a wrong setting is an error, and leaves nothing to draw with.
func TestSettings(t *testing.T) {
	c, data := small()
	c.Batch = 0
	if err := run(t.Context(), io.Discard, filepath.Join(t.TempDir(), "run"), c, data); err == nil || !strings.Contains(err.Error(), "batch") {
		t.Errorf("batch 0: %v", err)
	}
}
