// Package quant holds the arithmetic of int8 inference: it converts real values to bytes and back,
// and chooses the range of each value of a network.
//
// Weights are symmetric, one scale per output channel, in [-127, 127]. Activations are signed
// bytes with one scale and one zero point per tensor. Biases and sums are int32. Inference uses
// integer arithmetic and single float32 operations, each rounded by itself, so every machine
// computes the same bytes. Quantizing a model, which happens once, may use float64.
//
// An Observer chooses the range of a tensor from its histogram. Calibrate compares observers on a
// Network, which the caller runs. Package simd multiplies, package conv has the geometry, and
// package model has the graph and its int8 operators.
package quant
