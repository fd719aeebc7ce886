package model

import "github.com/gantiny/gantiny/internal/rng"

// Latents fills dst with the latents of images first, first+1, ...: rows of dim
// standard normal numbers. A row depends on (seed, image) alone and is the same
// on every machine. It panics unless len(dst) is a multiple of dim.
func Latents(dst []float32, dim int, seed uint64, first int) {
	if dim <= 0 || len(dst)%dim != 0 {
		panic("model: Latents: no whole number of rows")
	}
	key := rng.NewKey(seed, rng.Latent)
	for i := 0; len(dst) > 0; i++ {
		rng.FillNormal(dst[:dim], key, uint64(first)+uint64(i))
		dst = dst[dim:]
	}
}
