// Package pretrained holds a generator that was trained on MNIST, in 8-bit integers, inside the
// program that imports it. It is a package of its own so that programs with models of their own do
// not carry it. Package float, below this one, holds the same model in floats.
//
// How the model was made is in its Provenance.
package pretrained
