// Package quant holds the numbers of int8 inference: how real values become 8-bit ones and back.
//
// Weights are symmetric per output channel, in [-127, 127]; activations are signed bytes with one scale and one zero point a
// tensor; biases and sums are int32. Everything that runs at inference is integer arithmetic or single float32 operations, each
// rounded on its own, so that every machine computes the same bytes. What runs once, when a model is quantised, may use float64.
//
// Observers choose the range of a tensor from its histogram. The multiply itself is package simd's, its geometry package conv's,
// and how a network is taken through these steps is package model/quantize's.
package quant
