package main

import (
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/latent"
)

const (
	directionsSide  = 9    // images along a direction, unless --cols says otherwise
	directionsReach = 3.0  // standard deviations that they go either way
	directionsMost  = 1000 // of the side
)

// spread replaces the latents by points around the first of them, along the principal directions
// that --directions names: the first from left to right, the second from top to bottom.
func (f *generateFlags) spread(l *latents, m network) error {
	all, err := latent.PrincipalDirections(m.Model)
	if err != nil {
		return usagef("--directions: %s: %w", m.name, err)
	}
	var axes [][]float32
	for text := range strings.SplitSeq(f.directions, ",") {
		i, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || i < 1 || i > len(all.Directions) || len(axes) == 2 {
			return usagef("--directions %s: want one number or two, from 1 to %d, as in 1,2", f.directions, len(all.Directions))
		}
		axes = append(axes, all.Directions[i-1])
	}
	side := f.cols
	if side == 0 {
		side = directionsSide
	}
	if side > directionsMost {
		return usagef("--cols %d: --directions draws %d a side at most", side, directionsMost)
	}
	center := make([]float32, l.dim)
	l.read(center, 0)
	if f.cols = side; len(axes) == 1 {
		l.rows = side
	} else {
		l.rows = side * side
	}
	l.read = func(dst []float32, first int) {
		for i := first; len(dst) > 0; i, dst = i+1, dst[l.dim:] {
			copy(dst, center)
			at := [2]int{i % side, i / side}
			for k, axis := range axes {
				t := float32(reach(at[k], side))
				for j, v := range axis {
					dst[j] += float32(t * v) // rounded, so that all architectures agree
				}
			}
		}
	}
	return nil
}

// reach is how far the point number at of so many goes along a direction.
func reach(at, of int) float64 {
	if of == 1 {
		return 0
	}
	return directionsReach * (2*float64(at)/float64(of-1) - 1)
}
