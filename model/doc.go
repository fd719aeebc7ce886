// Package model holds networks: layers with their shapes and parameters, the
// reference generator and discriminator, the file format, and the two ways to
// run a network.
//
// A Model is a chain of layers. A Session runs it for inference: BatchNorm is
// folded into the weights before it (or, where these are dense and fit half
// precision as they are, into what follows the sum), activations are part of the
// operator that makes their input, the weights are packed once and shared by all
// sessions. A
// Pass runs it for training: forward with batch statistics and dropout,
// backward to the gradients of parameters and input. Both plan every buffer
// when they are made and allocate nothing afterwards, and their results do not
// depend on the number of threads.
//
// The arithmetic of convolutions is package conv's, that of everything else
// package simd's. Losses, optimizers and checkpoints are package train's.
package model
