// Package quant holds the numbers of int8 inference: how real values become 8-bit ones and back, and
// how the range of every value of a network is chosen.
//
// Weights are symmetric per output channel, in [-127, 127]; activations are signed bytes with one
// scale and one zero point a tensor; biases and sums are int32. Everything that runs at inference is
// integer arithmetic or single float32 operations, each rounded by itself, so that every machine
// computes the same bytes. What runs once, when a model is quantized, may use float64.
//
// Observers choose the range of a tensor from its histogram, and Calibrate compares them on a
// Network that its caller runs. The multiply itself is package simd's, its geometry package conv's;
// the graph and its int8 operators are package model's.
package quant
