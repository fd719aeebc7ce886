// Package latent explores what a generator can draw: the directions among its latents along which
// pictures change most, and the latents that come closest to a given picture.
package latent
