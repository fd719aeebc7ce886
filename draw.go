package gantiny

import (
	"context"
	"fmt"
	"image"
	"math"
	"sync"
	"time"

	"github.com/gantiny/gantiny/model"
)

// Request says what to draw. The zero Request is one image of seed 0.
type Request struct {
	N     int    // images, 1 if 0
	Seed  uint64 // of the latents
	First int    // the index of the first image: image i of a seed is always the same

	// Class is the class of all images, see Class. Of a model with classes and without a Class,
	// image i is of class i modulo their number.
	Class *int

	// Latents, if not nil, take the place of those of the seed: one row an image, (N, latent) in
	// row-major order. N may be left out.
	Latents []float32

	// Truncation, if not 0, multiplies the latents: values below 1 draw more typical images, of
	// less variety.
	Truncation float32
}

// Class returns k for a Request.
func Class(k int) *int { return &k }

// maxImages bounds a Request, so that sizes stay within an int everywhere.
const maxImages = 1 << 24

// Draw draws the images of a request. They are *image.Gray for models of one channel, *image.NRGBA
// for those of two (gray and opacity), three or four. Errors about the request wrap ErrRequest;
// when ctx ends, Draw returns its cause soon after.
func (g *Generator) Draw(ctx context.Context, r Request) ([]image.Image, error) {
	if g.observer != nil {
		return g.observed(ctx, r)
	}
	return g.draw(ctx, r, nil)
}

// draw is Draw that notes in d, if that is not nil, what it took.
func (g *Generator) draw(ctx context.Context, r Request, d *Drawn) ([]image.Image, error) {
	n, err := g.check(r)
	if err != nil {
		return nil, fmt.Errorf("gantiny: Draw: %w", err)
	}
	pix := make([]uint8, n*g.m.Output().Len())
	if err := g.pixels(ctx, pix, r, n, d); err != nil {
		return nil, fmt.Errorf("gantiny: Draw: %w", err)
	}
	return images(pix, g.m.Output()), nil
}

// check returns the number of images.
func (g *Generator) check(r Request) (int, error) {
	n, dim := r.N, g.Latent()
	if r.Latents != nil {
		if n == 0 {
			n = len(r.Latents) / dim
		}
		if n < 1 || n > maxImages || len(r.Latents) != n*dim {
			return 0, fmt.Errorf("%w: %d values of latents, want %d for each of %d images", ErrRequest, len(r.Latents), dim, n)
		}
		for i, v := range r.Latents {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return 0, fmt.Errorf("%w: latent %d, number %d is %v", ErrRequest, i/dim, i%dim, v)
			}
		}
	}
	if n == 0 {
		n = 1
	}
	switch {
	case n < 1 || n > maxImages || n > math.MaxInt/g.m.Output().Len():
		return 0, fmt.Errorf("%w: %d images", ErrRequest, n)
	case r.First < 0 || r.First > math.MaxInt-n:
		return 0, fmt.Errorf("%w: first image %d", ErrRequest, r.First)
	case r.Class != nil && (*r.Class < 0 || *r.Class >= g.Classes()):
		return 0, fmt.Errorf("%w: class %d of a model with %d classes", ErrRequest, *r.Class, g.Classes())
	case !(r.Truncation >= 0 && r.Truncation <= math.MaxFloat32):
		return 0, fmt.Errorf("%w: truncation %v", ErrRequest, r.Truncation)
	}
	return n, nil
}

// share is how many images a session takes at a time.
const share = 16

// pixels draws n images into pix, on one session and on those that are free besides. Images do not
// depend on how they are shared out.
func (g *Generator) pixels(ctx context.Context, pix []uint8, r Request, n int, d *Drawn) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := g.await(ctx, d); err != nil {
		return err
	}
	sessions := 1
	var wg sync.WaitGroup
	next := &counter{n: n}
	help := func() {
		if err := g.work(ctx, pix, r, next); err != nil {
			next.fail(err)
		}
		<-g.permits
	}
	for range min((n+share-1)/share, cap(g.permits)) - 1 {
		select {
		case g.permits <- struct{}{}:
			sessions++
			wg.Go(help)
			continue
		default:
		}
		break
	}
	if d != nil {
		d.Sessions = sessions
	}
	help()
	wg.Wait()
	return next.err
}

// await waits for a permit.
func (g *Generator) await(ctx context.Context, d *Drawn) error {
	if d != nil {
		defer func(begin time.Time) { d.Waited = time.Since(begin) }(time.Now())
	}
	select {
	case g.permits <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// counter hands out images.
type counter struct {
	mu  sync.Mutex
	at  int
	n   int
	err error
}

// take returns the next images, none at the end or after an error.
func (c *counter) take() (lo, hi int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.n, c.n
	}
	lo = c.at
	c.at = min(c.at+share, c.n)
	return lo, c.at
}

func (c *counter) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// work draws images on a session of its own until there are no more.
func (g *Generator) work(ctx context.Context, pix []uint8, r Request, next *counter) error {
	lo, hi := next.take()
	if lo == hi {
		return nil
	}
	s, err := g.session()
	if err != nil {
		return err
	}
	defer g.put(s)
	dim, size := g.Latent(), g.m.Output().Len()
	z, classes := make([]float32, share*dim), make([]int32, share)
	for ; lo < hi; lo, hi = next.take() {
		n := hi - lo
		g.latents(z[:n*dim], r, lo)
		feed := model.Feed{In: make([]model.Data, len(g.m.Inputs())), Out: make([]model.Data, len(g.m.Outputs()))}
		feed.In[g.latent].Floats = z[:n*dim]
		if g.class >= 0 {
			for i := range n {
				classes[i] = int32((r.First + lo + i) % g.Classes())
				if r.Class != nil {
					classes[i] = int32(*r.Class)
				}
			}
			feed.In[g.class].Classes = classes[:n]
		}
		feed.Out[0].Pixels = pix[lo*size : hi*size]
		if err := s.RunFeed(ctx, feed); err != nil {
			return err
		}
	}
	return nil
}

// latents fills z with the request's, from its image lo on.
func (g *Generator) latents(z []float32, r Request, lo int) {
	if r.Latents != nil {
		copy(z, r.Latents[lo*g.Latent():])
	} else {
		model.Latents(z, g.Latent(), r.Seed, r.First+lo)
	}
	if r.Truncation != 0 {
		for i := range z {
			z[i] *= r.Truncation
		}
	}
}

// images cuts (N, H, W, C) pixels into images.
func images(pix []uint8, s model.Shape) []image.Image {
	bounds := image.Rect(0, 0, s.W, s.H)
	list := make([]image.Image, len(pix)/s.Len())
	for i := range list {
		p := pix[i*s.Len():][:s.Len():s.Len()]
		if s.C == 1 {
			list[i] = &image.Gray{Pix: p, Stride: s.W, Rect: bounds}
			continue
		}
		img := image.NewNRGBA(bounds)
		for k := range s.H * s.W {
			in, out := p[k*s.C:][:s.C], img.Pix[4*k:][:4]
			switch s.C {
			case 2:
				out[0], out[1], out[2], out[3] = in[0], in[0], in[0], in[1]
			case 3:
				out[0], out[1], out[2], out[3] = in[0], in[1], in[2], 255
			case 4:
				copy(out, in)
			}
		}
		list[i] = img
	}
	return list
}
