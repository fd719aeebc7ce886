// Package rng holds the counter-based random numbers on which all of gantiny's
// repeatability rests: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011), keys that keep the uses of one
// seed apart, and transforms to uniform and normal floats and to permutations.
//
// There is no state to save: a number is a function of (seed, domain, counter).
// Everything is integer arithmetic followed by an exact conversion, so that the
// bits are the same on every architecture, in any order and on any thread.
// Masks for dropout are made by the cheaper hash of package simd; this package
// only supplies their key. Nothing here is fit for cryptography.
package rng
