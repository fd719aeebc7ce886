package main

import (
	"context"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
)

// latents are the points that the images are drawn from: rows of a seed or of a file, and points
// between them.
type latents struct {
	dim     int
	rows    int                            // base points
	between int                            // points between a base point and the next
	read    func(dst []float32, first int) // base points [first, first+len(dst)/dim)
	pair    []float32                      // (2, dim) scratch, once it is needed
	factor  float32                        // of all numbers
}

// openLatents prepares what the flags ask for, for a model that takes dim numbers an image.
func (f *generateFlags) openLatents(ctx context.Context, dim int) (*latents, error) {
	l := &latents{dim: dim, rows: f.n, between: f.interpolate, factor: float32(f.truncation)}
	if f.morph != "" { // whose images lie between classes
		l.between = 0
	}
	if f.latents == "" {
		l.read = func(dst []float32, first int) { model.Latents(dst, dim, f.seed, first) }
	} else {
		var shape []int
		z, err := unlessStopped(ctx, func() (z []float32, err error) {
			z, shape, err = npy.ReadFile(f.latents)
			return z, err
		})
		if err != nil {
			return nil, err
		}
		if len(shape) != 2 || shape[1] != dim {
			return nil, fmt.Errorf("%s: shape %v, want (N, %d)", f.latents, shape, dim)
		}
		if !f.set("number") && !f.set("count") {
			l.rows = shape[0]
		}
		if l.rows > shape[0] {
			return nil, usagef("-n %d: %s holds %s", f.n, f.latents, display.Plural(shape[0], "latent"))
		}
		if l.rows == 0 {
			return nil, fmt.Errorf("%s: no latents", f.latents)
		}
		for i, v := range z {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("%s: latent %d, number %d: %v", f.latents, i/dim, i%dim, v)
			}
		}
		l.read = func(dst []float32, first int) { copy(dst, z[first*dim:]) }
	}
	if l.between > 0 && l.rows < 2 {
		return nil, usagef("--interpolate %d: needs two latents at least, got %d", f.interpolate, l.rows)
	}
	if l.rows > math.MaxInt32 || l.between >= math.MaxInt32 || int64(l.rows)*int64(l.between+1) > math.MaxInt32 {
		return nil, usagef("-n %d --interpolate %d: more than %d images", l.rows, l.between, math.MaxInt32)
	}
	return l, nil
}

// count is the number of images: the base points, and those between.
func (l *latents) count() int { return (l.rows-1)*(l.between+1) + 1 }

// fill writes points [first, first+len(dst)/dim).
func (l *latents) fill(dst []float32, first int) {
	l.points(dst, first)
	if l.factor != 1 {
		for i := range dst {
			dst[i] *= l.factor
		}
	}
}

// points is fill without the factor.
func (l *latents) points(dst []float32, first int) {
	if l.between == 0 {
		l.read(dst, first)
		return
	}
	for i := first; len(dst) > 0; i, dst = i+1, dst[l.dim:] {
		row, step := i/(l.between+1), i%(l.between+1)
		if step == 0 {
			l.read(dst[:l.dim], row)
			continue
		}
		if l.pair == nil {
			l.pair = make([]float32, 2*l.dim)
		}
		l.read(l.pair, row)
		mix(dst[:l.dim], l.pair[:l.dim], l.pair[l.dim:], float64(step)/float64(l.between+1))
	}
}

// mix sets dst to the point at t of the way from a to b: the straight line, rescaled so that points
// between two independent normal ones are as far from the origin as they are. Every step is one
// rounded operation, so that all architectures agree.
func mix(dst, a, b []float32, t float64) {
	norm := math.Sqrt(float64(t*t) + float64((1-t)*(1-t)))
	wa, wb := float32((1-t)/norm), float32(t/norm)
	for i := range dst {
		dst[i] = float32(wa*a[i]) + float32(wb*b[i])
	}
}
