package main

import (
	"strings"
)

const (
	morphBetween = 14    // images between two classes, unless --interpolate says otherwise
	morphMost    = 10000 // images of a morph
)

// morphed returns the model whose classes lead along those that --morph names, and has one latent
// drawn in each of them.
func (f *generateFlags) morphed(m network, classes int, z *latents) (network, error) {
	var path []int
	for name := range strings.SplitSeq(f.morph, ",") {
		k, err := m.classIndex("morph", strings.TrimSpace(name), classes)
		if err != nil {
			return m, err
		}
		path = append(path, k)
	}
	if len(path) < 2 {
		return m, usagef("--morph %s: want two classes or more, as in 3,8", f.morph)
	}
	between := morphBetween
	if f.set("interpolate") {
		between = f.interpolate
	}
	if between >= morphMost || (len(path)-1)*(between+1) >= morphMost {
		return m, usagef("--morph %s --interpolate %d: more than %d images", f.morph, between, morphMost)
	}
	along, err := m.Morph(path, between)
	if err != nil {
		return m, usagef("--morph: %s: %w", m.name, err)
	}
	n := network{m.name, along}
	first := make([]float32, z.dim)
	z.read(first, 0)
	_, z.rows = n.latents() // one a class
	z.read = func(dst []float32, _ int) {
		for ; len(dst) > 0; dst = dst[z.dim:] {
			copy(dst, first)
		}
	}
	return n, nil
}
