package gantiny_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/quant"
)

// both is a file that holds a small generator of colored images in both forms.
func both(t testing.TB) []byte {
	t.Helper()
	m := model.Generator(model.Config{Width: 2, Latent: 5, Size: 8, Channels: 3, Seed: 3})
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Encode(&b, model.SaveOptions{Int8: q}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sum is a hash of the images' pixels.
func sum(images []image.Image) string {
	h := sha256.New()
	for _, m := range images {
		switch m := m.(type) {
		case *image.Gray:
			h.Write(m.Pix)
		case *image.NRGBA:
			h.Write(m.Pix)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func draw(t testing.TB, g *gantiny.Generator, r gantiny.Request) []image.Image {
	t.Helper()
	images, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// TestOpen: a file, a directory, a file system and bytes give the same generator, in the form asked
// for.
func TestOpen(t *testing.T) {
	b, dir := both(t), t.TempDir()
	file := filepath.Join(dir, gantiny.GeneratorFile)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"run/" + gantiny.GeneratorFile: {Data: b}}
	for _, options := range [][]gantiny.Option{nil, {gantiny.Float()}, {gantiny.Sessions(1)}} {
		want := ""
		for name, open := range map[string]func() (*gantiny.Generator, error){
			"file":      func() (*gantiny.Generator, error) { return gantiny.Open(file, options...) },
			"directory": func() (*gantiny.Generator, error) { return gantiny.Open(dir, options...) },
			"fs": func() (*gantiny.Generator, error) {
				return gantiny.OpenFS(fsys, "run/"+gantiny.GeneratorFile, options...)
			},
			"fs, directory": func() (*gantiny.Generator, error) { return gantiny.OpenFS(fsys, "run", options...) },
			"bytes":         func() (*gantiny.Generator, error) { return gantiny.Read(b, options...) },
		} {
			g, err := open()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			images := draw(t, g, gantiny.Request{N: 3, Seed: 1})
			if got := sum(images); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s: other images", name)
			}
			if size := images[0].Bounds().Size(); size != image.Pt(8, 8) {
				t.Errorf("%s: images of %v", name, size)
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, float := range []bool{false, true} {
		var options []gantiny.Option
		if float {
			options = append(options, gantiny.Float())
		}
		g, err := gantiny.Read(b, options...)
		if err != nil {
			t.Fatal(err)
		}
		if g.Model().Quantized() == float {
			t.Errorf("with Float %v the model is in 8-bit integers: %v", float, !float)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	d := model.Discriminator(model.Config{Width: 1, Size: 4})
	var b bytes.Buffer
	if err := d.Encode(&b, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := gantiny.Read(b.Bytes()); !errors.Is(err, gantiny.ErrModel) {
		t.Errorf("a discriminator: %v", err)
	}
	if _, err := gantiny.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := gantiny.Read([]byte("no model")); err == nil {
		t.Error("text is a model")
	}
}

// TestDraw: image i of a seed is the same whatever else is drawn, and latents, truncation and the
// order of requests change nothing but what they say.
func TestDraw(t *testing.T) {
	g, err := gantiny.Read(both(t))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	all := draw(t, g, gantiny.Request{N: 40, Seed: 7})
	for _, i := range []int{0, 17, 39} {
		if one := draw(t, g, gantiny.Request{Seed: 7, First: i}); sum(one) != sum(all[i:i+1]) {
			t.Errorf("image %d differs alone", i)
		}
	}
	z := make([]float32, 40*g.Latent())
	model.Latents(z, g.Latent(), 7, 0)
	if sum(draw(t, g, gantiny.Request{Latents: z})) != sum(all) {
		t.Error("given latents draw other images")
	}
	if sum(draw(t, g, gantiny.Request{N: 40, Seed: 7, Truncation: 0.5})) == sum(all) {
		t.Error("truncation changes nothing")
	}
	if sum(draw(t, g, gantiny.Request{N: 40, Seed: 7, Truncation: 1})) != sum(all) {
		t.Error("a truncation of 1 changes something")
	}
}

func TestDrawErrors(t *testing.T) {
	g, err := gantiny.Read(both(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]gantiny.Request{
		"number": {N: -1}, "huge": {N: math.MaxInt32}, "first": {First: -1}, "class": {Class: gantiny.Class(0)},
		"latents": {Latents: make([]float32, 3)}, "fewer latents": {N: 2, Latents: make([]float32, 5)}, "truncation": {Truncation: -1},
	} {
		if _, err := g.Draw(t.Context(), r); !errors.Is(err, gantiny.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Draw(ctx, gantiny.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Draw(t.Context(), gantiny.Request{}); !errors.Is(err, gantiny.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestTogether: 64 goroutines share one Generator.
func TestTogether(t *testing.T) {
	g, err := gantiny.Read(pretrained.Bytes(), gantiny.Sessions(3))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	want := make([]string, 4)
	for i := range want {
		want[i] = sum(draw(t, g, gantiny.Request{N: 1 + 9*i, Seed: uint64(i)}))
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			k := i % len(want)
			images, err := g.Draw(t.Context(), gantiny.Request{N: 1 + 9*k, Seed: uint64(k)})
			if err != nil {
				t.Error(err)
			} else if sum(images) != want[k] {
				t.Errorf("request %d: other images", i)
			}
		})
	}
	wg.Wait()
}

// TestWait: a Draw that waits for a session gives up when its context ends.
func TestWait(t *testing.T) {
	g, err := gantiny.Read(pretrained.Bytes(), gantiny.Sessions(1))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	long, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = g.Draw(long, gantiny.Request{N: 1 << 16}) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for { // until the other one has the session
		_, err := g.Draw(ctx, gantiny.Request{})
		if err == nil {
			continue
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting: %v", err)
		}
		break
	}
	stop()
	wg.Wait()
}

func TestMust(t *testing.T) {
	m := model.Generator(model.Config{Width: 2})
	if g := gantiny.Must(gantiny.New(m)); g.Model() != m {
		t.Error("another generator")
	}
	defer func() {
		if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "gantiny: ") {
			t.Errorf("panics with %q", text)
		}
	}()
	gantiny.Must(gantiny.Read(nil))
}
