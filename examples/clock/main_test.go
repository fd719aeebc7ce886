package main

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

// TestWrite: the file is a picture of its minute, of that minute alone, with the digits that the
// time has.
func TestWrite(t *testing.T) {
	g := gantiny.Must(gantiny.Read(digits.Bytes()))
	defer g.Close()
	path := filepath.Join(t.TempDir(), "clock.png")
	at := time.Date(2026, 12, 1, 13, 37, 0, 0, time.UTC)
	read := func(at time.Time) []byte {
		t.Helper()
		if err := write(t.Context(), g, path, at); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := read(at)
	if !bytes.Equal(first, read(at.Add(59*time.Second))) {
		t.Error("one minute has two pictures")
	}
	if bytes.Equal(first, read(at.Add(time.Minute))) {
		t.Error("two minutes have the same picture")
	}
	m, err := png.Decode(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != image.Rect(0, 0, 120, 28) {
		t.Fatalf("the picture is %v, want 120x28", m.Bounds())
	}
	for i, class := range []int{1, 3, 3, 7} {
		images, err := g.Draw(t.Context(), gantiny.Request{Seed: uint64(at.Unix() / 60), First: i, Class: gantiny.Class(class)})
		if err != nil {
			t.Fatal(err)
		}
		left := []int{0, 28, 64, 92}[i]
		for p := range 28 * 28 {
			if got, want := m.(*image.Gray).GrayAt(left+p%28, p/28), images[0].(*image.Gray).GrayAt(p%28, p/28); got != want {
				t.Fatalf("digit %d, pixel %d is %v, want %v", i, p, got, want)
			}
		}
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("%q is left beside it, %v", left, err)
	}
}

func TestCanceled(t *testing.T) {
	g := gantiny.Must(gantiny.Read(digits.Bytes()))
	defer g.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "clock.png")
	if err := write(ctx, g, path, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file nevertheless")
	}
}
