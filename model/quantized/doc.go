// Package quantized holds generators in 8-bit integers: their operators, their form in a model's file, and a Session that runs
// them. It draws the same bytes on every kernel row and architecture, with any number of threads and any split into batches.
//
// A Model is a chain of linear layers whose BatchNorm was folded into the weights. Between them run signed bytes; a layer's sums
// are int32, and one float32 multiplication, LeakyReLU and a rounding take them to the next layer's bytes. The last layer's sums
// become pixels by a table of tanh. Latents are quantised in integers. There is no Backward here: a quantised model cannot be trained.
//
// How a model.Model becomes a quantised one is package model/quantize's.
package quantized
