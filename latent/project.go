package latent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// ErrShape is what the error of a picture wraps that does not fit the model.
var ErrShape = errors.New("wrong shape")

// Options say how Project searches. The zero value is a good choice.
type Options struct {
	Class      int     // of the picture plus 1: 0 tries all classes
	Starts     int     // random latents of each class that are drawn first, 0 for 64
	Refine     int     // how many of these, the nearest ones, are improved, 0 for 6
	Iterations int     // at most, of each of them, 0 for 25
	Prior      float64 // weight of the latents' own squares against the squared differences of pixels in [-1, 1], 0 for 0.02
	Seed       uint64  // of the random latents
	Threads    int     // 0 for one a processor
}

// Projection is the point of a generator's latents whose picture comes closest to a given one, as
// far as the search found.
type Projection struct {
	Latents  []float32
	Class    int     // -1 of a generator without classes
	Pixels   []uint8 // what the generator draws there, (H, W, C)
	Distance float64 // root of the mean squared difference, in steps of 255
}

// Projector searches for pictures among those of one generator. It belongs to one goroutine.
type Projector struct {
	o       Options
	m       *model.Model
	session *model.Session
	dim     int // latents
	latent  int // index among the inputs
	class   int // alike, -1 without
	classes int // 1 without
	pixels  int // values of a picture
}

// NewProjector prepares a search with m, a generator in any form. The caller closes it.
func NewProjector(m *model.Model, o Options) (*Projector, error) {
	p := &Projector{o: o.withDefaults(), m: m, classes: 1, pixels: m.Output().Len()}
	var err error
	if p.latent, p.class, err = m.GeneratorInputs(); err != nil {
		return nil, err
	}
	in := m.Inputs()
	if p.dim = in[p.latent].Shape.Len(); p.dim > mostLatent {
		return nil, fmt.Errorf("latent: %d latents; pictures are found in up to %d", p.dim, mostLatent)
	}
	if p.class >= 0 {
		p.classes = in[p.class].Type.Classes
	}
	if min(o.Starts, o.Refine, o.Iterations) < 0 || o.Prior < 0 {
		return nil, fmt.Errorf("latent: %d starts, %d to refine, %d iterations, prior %v: want none below 0", o.Starts, o.Refine, o.Iterations, o.Prior)
	}
	if o.Class < 0 || o.Class > p.classes || p.class < 0 && o.Class > 0 {
		return nil, fmt.Errorf("latent: class %d: the generator has %d", o.Class-1, p.classes)
	}
	if p.session, err = m.NewSession(model.Options{Batch: 2 * p.dim, Threads: o.Threads, Winograd: true}); err != nil {
		return nil, err
	}
	return p, nil
}

func (o Options) withDefaults() Options {
	o.Starts = cmp.Or(o.Starts, 64)
	o.Refine = cmp.Or(o.Refine, 6)
	o.Iterations = cmp.Or(o.Iterations, 25)
	o.Prior = cmp.Or(o.Prior, 0.02)
	return o
}

// Close frees the session.
func (p *Projector) Close() { p.session.Close() }

// Project finds a picture (H, W, C) among those of the generator: of random latents of each class
// the nearest ones are improved by the method of Levenberg and Marquardt, with derivatives by
// central differences, which any generator allows. When ctx ends, so does the search, with its
// error.
func (p *Projector) Project(ctx context.Context, picture []uint8) (*Projection, error) {
	if len(picture) != p.pixels {
		return nil, fmt.Errorf("latent: %w: a picture of %d values, the generator draws %v", ErrShape, len(picture), p.m.Output())
	}
	s := &search{Projector: p, target: make([]float32, p.pixels)}
	for i, v := range picture {
		s.target[i] = float32(v)/127.5 - 1
	}
	starts, err := s.starts(ctx)
	if err != nil {
		return nil, err
	}
	var best *point
	for _, at := range starts {
		if err := s.refine(ctx, at); err != nil {
			return nil, err
		}
		if best == nil || at.cost < best.cost {
			best = at
		}
	}
	return s.projection(ctx, best)
}

// search is a Project under way.
type search struct {
	*Projector
	target []float32 // pixels in [-1, 1]
}

// point is one that the search has drawn.
type point struct {
	z     []float32
	class int
	image []float32
	cost  float64 // squared differences of the pixels + prior * squares of the latents
}

// draw draws rows of latents in one class.
func (s *search) draw(ctx context.Context, z []float32, class int) ([]float32, error) {
	n := len(z) / s.dim
	out := make([]float32, n*s.pixels)
	feed := model.Feed{In: make([]model.Data, len(s.m.Inputs())), Out: []model.Data{{Floats: out}}}
	feed.In[s.latent].Floats = z
	if s.class >= 0 {
		feed.In[s.class].Classes = slices.Repeat([]int32{int32(class)}, n)
	}
	return out, s.session.RunFeed(ctx, feed)
}

func (s *search) cost(z, image []float32) float64 {
	sum := 0.0
	for i, v := range image {
		d := float64(v) - float64(s.target[i])
		sum += float64(d * d)
	}
	for _, v := range z {
		sum += s.o.Prior * float64(v) * float64(v)
	}
	return sum
}

// starts draws random latents of each class and returns the nearest of all.
func (s *search) starts(ctx context.Context) ([]*point, error) {
	z := make([]float32, s.o.Starts*s.dim)
	model.Latents(z, s.dim, s.o.Seed, 0)
	first, end := 0, s.classes
	if s.o.Class > 0 {
		first, end = s.o.Class-1, s.o.Class
	}
	var all []*point
	for class := first; class < end; class++ {
		images, err := s.draw(ctx, z, class)
		if err != nil {
			return nil, err
		}
		for i := range s.o.Starts {
			at := &point{z: slices.Clone(z[i*s.dim:][:s.dim]), class: class, image: slices.Clone(images[i*s.pixels:][:s.pixels])}
			at.cost = s.cost(at.z, at.image)
			all = append(all, at)
		}
		slices.SortStableFunc(all, func(a, b *point) int { return cmp.Compare(a.cost, b.cost) })
		clear(all[min(s.o.Refine, len(all)):])
		all = all[:min(s.o.Refine, len(all))]
	}
	return all, nil
}

// step is that of the differences. An 8-bit generator rounds its latents, to some 1/30, and all
// else: its step is much larger than that.
func (s *search) step() float32 {
	if s.m.Quantized() {
		return 0.4
	}
	return 0.02
}

// refine improves a point until its cost hardly falls any more.
func (s *search) refine(ctx context.Context, at *point) error {
	const enough = 1e-4 // share by which the cost must fall for the search to go on
	damping := 1.0
	for range s.o.Iterations {
		jacobian, err := s.jacobian(ctx, at)
		if err != nil {
			return err
		}
		normal, slope := s.normalEquations(jacobian, at)
		before := at.cost
		for range 8 {
			next, err := s.try(ctx, at, normal, slope, damping)
			if err != nil {
				return err
			}
			if next != nil && next.cost < at.cost {
				*at = *next
				damping /= 4
				break
			}
			damping *= 4
		}
		if before-at.cost <= enough*before {
			return nil
		}
	}
	return nil
}

// jacobian returns the derivatives of all pixels, a row (pixels) for each latent.
func (s *search) jacobian(ctx context.Context, at *point) ([]float32, error) {
	z, step := slices.Repeat(at.z, 2*s.dim), s.step()
	for i := range s.dim {
		z[2*i*s.dim+i] += step
		z[(2*i+1)*s.dim+i] -= step
	}
	images, err := s.draw(ctx, z, at.class)
	if err != nil {
		return nil, err
	}
	for i := range s.dim {
		row, up, down := images[i*s.pixels:][:s.pixels], images[2*i*s.pixels:][:s.pixels], images[(2*i+1)*s.pixels:][:s.pixels]
		for k := range row {
			row[k] = (up[k] - down[k]) / (2 * step)
		}
	}
	return images[:s.dim*s.pixels], nil
}

// normalEquations returns J·Jᵀ + prior on the diagonal, (dim, dim), and half the gradient of the
// cost.
func (s *search) normalEquations(jacobian []float32, at *point) (normal, slope []float64) {
	normal, slope = gram(jacobian, s.dim, s.pixels), make([]float64, s.dim)
	for i := range s.dim {
		for k, v := range jacobian[i*s.pixels:][:s.pixels] {
			slope[i] += float64(v) * (float64(at.image[k]) - float64(s.target[k]))
		}
		slope[i] += s.o.Prior * float64(at.z[i])
		normal[i*s.dim+i] += s.o.Prior
	}
	return normal, slope
}

// try goes one damped step from a point and returns where that leads, nil if it leads nowhere.
func (s *search) try(ctx context.Context, at *point, normal, slope []float64, damping float64) (*point, error) {
	damped := slices.Clone(normal)
	for i := range s.dim {
		damped[i*s.dim+i] += damping
	}
	move, ok := solve(damped, slope, s.dim)
	if !ok {
		return nil, nil
	}
	next := &point{z: make([]float32, s.dim), class: at.class}
	for i, v := range at.z {
		next.z[i] = v - float32(move[i])
	}
	var err error
	if next.image, err = s.draw(ctx, next.z, at.class); err != nil {
		return nil, err
	}
	next.cost = s.cost(next.z, next.image)
	return next, nil
}

// projection is what the caller is told of a point.
func (s *search) projection(ctx context.Context, at *point) (*Projection, error) {
	pix := make([]uint8, s.pixels)
	feed := model.Feed{In: make([]model.Data, len(s.m.Inputs())), Out: []model.Data{{Pixels: pix}}}
	feed.In[s.latent].Floats = at.z
	r := &Projection{Latents: at.z, Class: -1, Pixels: pix}
	if s.class >= 0 {
		r.Class = at.class
		feed.In[s.class].Classes = []int32{int32(at.class)}
	}
	if err := s.session.RunFeed(ctx, feed); err != nil {
		return nil, err
	}
	sum := 0.0
	for i, v := range pix {
		want := math.Round((float64(s.target[i]) + 1) * 127.5)
		d := float64(v) - want
		sum += d * d
	}
	r.Distance = math.Sqrt(sum / float64(s.pixels))
	return r, nil
}

// solve returns x of a·x = b by Cholesky's factors, which overwrite the lower half of a (n, n). It
// is false where a is not positive definite.
func solve(a, b []float64, n int) (x []float64, ok bool) {
	for i := range n {
		for j := range i + 1 {
			sum := a[i*n+j]
			for k := range j {
				sum -= a[i*n+k] * a[j*n+k]
			}
			switch {
			case i > j:
				a[i*n+j] = sum / a[j*n+j]
			case !(sum > 0) || math.IsInf(sum, 0):
				return nil, false
			default:
				a[i*n+i] = math.Sqrt(sum)
			}
		}
	}
	x = slices.Clone(b)
	for i := range n {
		for k := range i {
			x[i] -= a[i*n+k] * x[k]
		}
		x[i] /= a[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= a[k*n+i] * x[k]
		}
		x[i] /= a[i*n+i]
	}
	return x, true
}
