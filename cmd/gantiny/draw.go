package main

import (
	"context"
	"hash"
	"time"

	"github.com/gantiny/gantiny/model"
)

// block is a few finished images, in order: floats as the model made them, and pixels.
type block struct {
	first  int       // index of the first image
	n      int       // images
	floats []float32 // (n, H, W, C) in [-1, 1]
	pixels []uint8   // (n, H, W, C)
}

// drawing computes the images [first, end) in blocks of a batch.
type drawing struct {
	net        network
	session    *model.Session
	latents    *latents
	classes    int // of the model, 0 for none
	class      int // of all images; -1 for each class by turns
	shape      model.Shape
	first, end int
	batch      int

	hash  hash.Hash     // over the pixels, image after image
	spent time.Duration // computing, without what the caller does with a block
	keep  int           // how many of the first images stay in kept
	kept  []uint8
}

// each computes block after block and hands it to yield, which must not keep it. It stops at the
// first error and when ctx ends.
func (d *drawing) each(ctx context.Context, yield func(block) error) error {
	size := d.shape.Len()
	z := make([]float32, d.batch*d.latents.dim)
	floats := make([]float32, d.batch*size)
	pixels := make([]uint8, d.batch*size)
	classes := make([]int32, d.batch)
	for i := d.first; i < d.end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		n := min(d.batch, d.end-i)
		b := block{first: i, n: n, floats: floats[:n*size], pixels: pixels[:n*size]}
		d.latents.fill(z[:n*d.latents.dim], i)
		d.fillClasses(classes[:n], i)
		if err := d.session.RunFeed(ctx, d.net.feed(z[:n*d.latents.dim], classes[:n], b.floats, b.pixels)); err != nil {
			return err
		}
		d.spent += time.Since(start)
		d.hash.Write(b.pixels)
		if left := d.keep*size - len(d.kept); left > 0 {
			d.kept = append(d.kept, b.pixels[:min(left, len(b.pixels))]...)
		}
		if err := yield(b); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// fillClasses sets the classes of images from image first on. Images between two latents have that
// of the first one.
func (d *drawing) fillClasses(classes []int32, first int) {
	for i := range classes {
		if d.class >= 0 {
			classes[i] = int32(d.class)
		} else if d.classes > 0 {
			classes[i] = int32((first + i) / (d.latents.between + 1) % d.classes)
		}
	}
}
