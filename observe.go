package gantiny

import (
	"context"
	"image"
	"time"
)

// Observer is told of every Draw of a Generator, for metrics and traces. Its methods are called by
// the goroutines that draw, several at a time. A Generator without one does nothing for it.
type Observer interface {
	// BeginDraw is called as a Draw begins. The Draw goes on with the context that it returns, such
	// as one with a span in it.
	BeginDraw(ctx context.Context, r Request) context.Context
	// EndDraw is called as a Draw ends, with the context of its BeginDraw.
	EndDraw(ctx context.Context, d Drawn)
}

// Drawn is what a Draw took.
type Drawn struct {
	Images   int           // that were drawn, 0 after an error
	Sessions int           // that worked on them
	Waited   time.Duration // until the first of these was free
	Took     time.Duration // in all
	Err      error         // what Draw returned
}

// Observe sets an observer, nil for none.
func Observe(o Observer) Option { return func(c *config) { c.observer = o } }

// observed is Draw with an observer.
func (g *Generator) observed(ctx context.Context, r Request) ([]image.Image, error) {
	begin := time.Now()
	ctx = g.observer.BeginDraw(ctx, r)
	var d Drawn
	list, err := g.draw(ctx, r, &d)
	d.Images, d.Took, d.Err = len(list), time.Since(begin), err
	g.observer.EndDraw(ctx, d)
	return list, err
}
