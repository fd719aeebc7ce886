package tflite

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestUnsupported: one error lists everything, under the file's own names.
func TestUnsupported(t *testing.T) {
	_, err := Read(file(t, "refused.tflite"))
	var u *UnsupportedError
	if !errors.As(err, &u) || !errors.Is(err, ErrUnsupported) {
		t.Fatal(err)
	}
	want := []string{`SIN -> "out1"`, `CUSTOM "" -> "out2"`, `L2_NORMALIZATION -> "out3"`, `CONV_2D -> "out6": padding 7`}
	if len(u.Items) != len(want) {
		t.Fatalf("%q", u.Items)
	}
	for i, text := range want {
		if !strings.HasPrefix(u.Items[i], text) || !strings.Contains(err.Error(), u.Items[i]) {
			t.Errorf("item %d is %q, want %s", i, u.Items[i], text)
		}
	}
}

// TestDamaged: every shorter file, and every file with a byte that is another, is read or refused
// with an error of this package, within the limits of memory.
func TestDamaged(t *testing.T) {
	whole := file(t, "conditional.tflite")
	check := func(what string, at int, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(b)
		runtime.ReadMemStats(&after)
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(2*len(b)+1<<20) {
			t.Fatalf("%s %d: %d bytes allocated for a file of %d", what, at, used, len(b))
		}
	}
	for n := 0; n < len(whole)-16; n += 61 {
		check("cut to", n, whole[:n])
		if _, err := Read(whole[:n]); err == nil {
			t.Errorf("a file cut to %d of %d bytes was read", n, len(whole))
		}
	}
	for i := 0; i < len(whole); i += 17 {
		b := append([]byte(nil), whole...)
		b[i] ^= 0xff
		check("changed at", i, b)
	}
	if _, err := Read([]byte("\x08\x08\x12\x07pytorch")); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// TestOpen: the package makes Open know the extension. A label is a class, a sigmoid's range becomes
// package model's own.
func TestOpen(t *testing.T) {
	g, err := gantiny.Open("testdata/conditional.tflite")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	m := g.Model()
	if g.Latent() != 6 || g.Classes() != 5 || m.Output() != (model.Shape{H: 12, W: 12, C: 1}) {
		t.Errorf("%d latents, %d classes, %v", g.Latent(), g.Classes(), m.Output())
	}
	layers := m.Layers()
	if kind := layers[len(layers)-1].Op.Kind(); kind != "tanh" {
		t.Errorf("the last operator is %s, want tanh", kind)
	}
}

// TestEightBits: what 8-bit integers cannot hold is cut off, once for each operator.
func TestEightBits(t *testing.T) {
	m, err := Read(file(t, "eight_bits.tflite"))
	if err != nil {
		t.Fatal(err)
	}
	clips := 0
	for _, l := range m.Layers() {
		if _, ok := l.Op.(model.ReLU); ok {
			t.Error("a ReLU is left beside a limit")
		}
		if _, ok := l.Op.(model.Clip); ok {
			clips++
		}
	}
	if clips != 5 {
		t.Errorf("%d limits, want 5: of the dense operator, three convolutions and the sum", clips)
	}
}
