package train

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
)

// The discriminator sees the pictures that dataset.Stacked makes, whatever the layout.
func TestStackStream(t *testing.T) {
	c := small()
	c.Stack = true
	s, err := newStream(pictures, c, dataset.Cursor{Seed: c.Seed})
	if err != nil {
		t.Fatal(err)
	}
	want, err := pictures.Stacked(pictures.N, c.Seed, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := conv.Layout{H: 8, W: 8, C: 3, N: c.Batch, Row: 4, Stride: 4*c.Batch + 2}
	dst := make([]float32, 64*m.Stride)
	for i := range 2 {
		s.Reals(dst, m)
		for n := range c.Batch {
			pix := want.Image(i*c.Batch + n)
			for p, v := range pix {
				if got := dst[p/3*m.Stride+n*m.Row+p%3]; got != (float32(v)-127.5)/127.5 {
					t.Fatalf("batch %d, picture %d: value %d is %v, of pixel %d", i, n, p, got, v)
				}
			}
		}
	}
	labels := slices.Repeat([]int32{7}, c.Batch)
	if s.Labels(labels); labels[0] != 7 {
		t.Errorf("labels %v of images that have none", labels)
	}
}

func TestStackRefuses(t *testing.T) {
	c := small()
	c.Stack = true
	color := &dataset.Dataset{Name: "color", H: 8, W: 8, C: 3, N: 40, Pix: make([]uint8, 40*192)}
	err := Run(context.Background(), c, color, Options{Dir: t.TempDir()})
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "the images of color have 3 channels, want 1") {
		t.Errorf("images of color: %v", err)
	}
	gray := small()
	err = Run(context.Background(), c, pictures, Options{Dir: t.TempDir(), Generator: model.Generator(gray.Model())})
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "images of 8x8x3, the generator draws 8x8x1") {
		t.Errorf("a generator of one channel: %v", err)
	}
	dir := t.TempDir()
	if err := runIn(t, dir, func(c *Config, _ *Options) { c.Stack = true }); err != nil {
		t.Fatal(err)
	}
	g, err := model.Load(dir + "/" + GeneratorFile)
	if err != nil || g.Output() != (model.Shape{H: 8, W: 8, C: 3}) {
		t.Errorf("the generator draws %v, %v", g.Output(), err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true }); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "stack is false") {
		t.Errorf("resumed without stacks: %v", err)
	}
}
