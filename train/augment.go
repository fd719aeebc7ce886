package train

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// Augment changes at random all images that the discriminator sees, reals and fakes alike, so that
// it cannot learn a small data set by heart; gradients pass through the changes (Zhao et al. 2020,
// DiffAugment). Of a classifier it changes the images that it learns from. The changes of an image
// depend on (seed, step, image) alone.
//
//	translate  by up to an eighth of the size along each axis; what comes in is 0
//	cutout     a square of half the size becomes 0
//	flip       exchanges left and right in half of the images
//	color      adds up to 0.5, and multiplies the contrast by 0.5 to 1.5
//
// Where images have alpha, the second or the fourth of their channels, what would become 0 becomes
// transparent black, -1, and color leaves alpha as it is.
type Augment []string

// augmentKinds are the kinds of change: each sets its own part of a change from two numbers in [0,
// 1).
var augmentKinds = map[string]func(c *change, u []float32, size window){
	"flip":      func(c *change, u []float32, _ window) { c.flip = u[0] < 0.5 },
	"translate": (*change).drawTranslation,
	"cutout":    (*change).drawCutout,
	"color": func(c *change, u []float32, _ window) {
		c.add, c.contrast = u[0]-0.5, u[1]+0.5
	},
}

// parseAugment reads a setting: kinds with commas between them.
func parseAugment(text string) (list Augment, err error) {
	if text == "" {
		return nil, nil
	}
	for kind := range strings.SplitSeq(text, ",") {
		kind = strings.TrimSpace(kind)
		if augmentKinds[kind] == nil {
			return nil, bad("augment", fmt.Sprintf("%q", text), strings.Join(slices.Sorted(maps.Keys(augmentKinds)), ", ")+", or several of these with commas between them")
		}
		list = append(list, kind)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// change is what happens to one image: pixel (y, x) becomes contrast*(pixel (y-down, x-right),
// mirrored if flip is set) + the share of the mean that contrast leaves + add, and nothing outside
// the image and within the rows and columns that are cut. Contrast and add are of colors alone, and
// so is the mean.
type change struct {
	flip                   bool
	down, right            int
	top, bottom, from, end int // rows and columns that are cut
	add, contrast          float32
}

func (c *change) drawTranslation(u []float32, size window) {
	pick := func(u float32, side int) int {
		most := (side + 7) / 8
		return min(int(u*float32(2*most+1)), 2*most) - most
	}
	c.down, c.right = pick(u[0], size.H), pick(u[1], size.W)
}

func (c *change) drawCutout(u []float32, size window) {
	h, w := size.H/2, size.W/2
	y, x := int(u[0]*float32(size.H+1))-h/2, int(u[1]*float32(size.W+1))-w/2
	c.top, c.bottom, c.from, c.end = max(y, 0), min(y+h, size.H), max(x, 0), min(x+w, size.W)
}

// source returns the position that pixel (y, x) is taken from, -1 for none.
func (c *change) source(y, x int, size window) int {
	if y >= c.top && y < c.bottom && x >= c.from && x < c.end {
		return -1
	}
	if y, x = y-c.down, x-c.right; y < 0 || y >= size.H || x < 0 || x >= size.W {
		return -1
	}
	if c.flip {
		x = size.W - 1 - x
	}
	return y*size.W + x
}

// augmenter applies an Augment to the batches of a GAN or of a classifier, and adds noise.
type augmenter struct {
	kinds   Augment
	noise   *instanceNoise // nil for none
	adapt   *adaptation    // nil: every image is changed
	key     rng.Key
	u       [3]float32 // the numbers of a change in the making, and whether it is made
	changes []change   // (2N): of the reals, then of the fakes

	reals, fakes window // as they were
	fakeGrad     window // gradient at the fakes as they were

	changeImage, backImage func(i int) // forward and backward of an image, bound once
}

// plan makes the buffers. G, whose pass is given, writes its fakes to one of its own; D reads what
// becomes of the images in reals and fakes and leaves the gradient at the fakes in grad.
func (a *augmenter) plan(t *Trainer, g *model.Pass, reals, fakes, grad window) {
	a.fakes = windowOf(g.Output())
	a.reals, a.fakeGrad = a.fakes, a.fakes
	a.reals.data, a.fakeGrad.data = make([]float32, len(a.fakes.data)), make([]float32, len(a.fakes.data))
	n := t.cfg.Batch
	a.prepare(t, 2*n)
	a.noise.plan(t, a.reals.Positions()*a.reals.C)
	a.changeImage = func(i int) {
		to, from, at := reals, a.reals, i
		if i >= n {
			to, from, at = fakes, a.fakes, i-n
		}
		a.changes[i].apply(to, from, at)
		a.noise.add(to, at, i)
	}
	a.backImage = func(i int) { a.changes[n+i].applyBackward(a.fakeGrad, grad, i) }
}

// planImages prepares for images that are not differentiated: dst is what becomes of src.
func (a *augmenter) planImages(t *Trainer, dst, src window) {
	a.reals = src
	a.prepare(t, src.N)
	a.changeImage = func(i int) { a.changes[i].apply(dst, src, i) }
}

func (a *augmenter) prepare(t *Trainer, images int) {
	a.changes = make([]change, images)
	a.key = rng.NewKey(t.cfg.Seed, rng.Augment)
}

// forward changes the images of a step into what D judges or a classifier learns from. Without an
// augmenter they are there.
func (a *augmenter) forward(t *Trainer, step uint64) {
	if a == nil {
		return
	}
	a.draw(step)
	a.noise.begin(step)
	t.each(len(a.changes), a.changeImage)
}

// backward returns the gradient at the fakes as G has drawn them from that at what D judged. Noise
// changes nothing about it.
func (a *augmenter) backward(t *Trainer, grad window) window {
	if a == nil {
		return grad
	}
	t.each(len(a.changes)/2, a.backImage)
	return a.fakeGrad
}

// draw decides on the changes of a step.
func (a *augmenter) draw(step uint64) {
	key, p := a.key.Sub(step), a.adapt.probability()
	for i := range a.changes {
		c := &a.changes[i]
		*c = change{contrast: 1}
		for j, kind := range a.kinds {
			rng.FillUniform(a.u[:], key.Sub(uint64(j)), uint64(i))
			if a.u[2] < p {
				augmentKinds[kind](c, a.u[:2], a.reals)
			}
		}
	}
}

// apply sets image i of dst to what change makes of image i of src.
func (c *change) apply(dst, src window, i int) {
	var mean float32
	if c.contrast != 1 {
		mean = src.mean(i)
	}
	rest, colors, nothing := float32(mean*(1-c.contrast))+c.add, src.colors(), src.nothing()
	for y := range dst.H {
		for x := range dst.W {
			to := dst.pixel(y*dst.W+x, i)
			p := c.source(y, x, src)
			if p < 0 {
				for k := range to {
					to[k] = nothing
				}
				continue
			}
			from := src.pixel(p, i)
			for k, v := range from[:colors] {
				to[k] = float32(c.contrast*v) + rest // the conversion keeps the product from being fused with the sum
			}
			copy(to[colors:], from[colors:])
		}
	}
}

// applyBackward sets image i of dsrc to the gradient that ddst is at what apply has made of it.
func (c *change) applyBackward(dsrc, ddst window, i int) {
	for p := range dsrc.Positions() {
		clear(dsrc.pixel(p, i))
	}
	var sum float32
	colors := dsrc.colors()
	for y := range ddst.H {
		for x := range ddst.W {
			p := c.source(y, x, dsrc)
			if p < 0 {
				continue
			}
			to, from := dsrc.pixel(p, i), ddst.pixel(y*ddst.W+x, i)
			for k, v := range from[:colors] {
				to[k] += float32(c.contrast * v)
				sum += v
			}
			if colors < dsrc.C {
				to[colors] += from[colors]
			}
		}
	}
	if c.contrast == 1 {
		return
	}
	share := sum * (1 - c.contrast) / float32(dsrc.Positions()*colors)
	for p := range dsrc.Positions() {
		to := dsrc.pixel(p, i)[:colors]
		for k := range to {
			to[k] += share
		}
	}
}

// colors is the number of channels without alpha.
func (w window) colors() int {
	if dataset.HasAlpha(w.C) {
		return w.C - 1
	}
	return w.C
}

// nothing is the value of all channels where an image has nothing.
func (w window) nothing() float32 {
	if w.colors() < w.C {
		return -1
	}
	return 0
}

// mean returns the mean of the colors of image i.
func (w window) mean(i int) float32 {
	var sum float32
	colors := w.colors()
	for p := range w.Positions() {
		for _, v := range w.pixel(p, i)[:colors] {
			sum += v
		}
	}
	return sum / float32(w.Positions()*colors)
}
