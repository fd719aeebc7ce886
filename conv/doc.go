// Package conv lowers convolutions, transposed convolutions and fully connected
// layers to the matrix tiles of package simd, forward and backward.
//
// A Geometry says which input position meets which output position through
// which kernel tap. A Plan turns that into lists of offsets for the
// position-major layout of Layout, so that nothing outside the image is multiplied
// and no im2col matrix is built: for each output position the tile kernel walks
// the (source, tap) pairs that meet it, with its sums in registers. Forward,
// transposed and strided passes and the input gradient differ in their lists
// only. Weight gradients contract the same links grouped by tap.
//
// The sums of one output element always run in the same order (kernel column, kernel line,
// channel), so the bits of a result do not depend on how images and columns are cut between
// threads, on the batch that an image is part of, or on which kernel row with fused products
// computes it. Dense weights may be packed in half precision: they are widened, exactly, where they
// are used.
//
// Weights have the shape (KH, KW, Ci/Groups, Co) for both kinds of convolution:
//
//	convolution:            y[o] += x[o*stride + k*dilation - pad] * w[k]
//	transposed convolution: y[i*stride + k*dilation - pad] += x[i] * w[k]
//
// An int8 layer may be computed by Winograd's algorithm too, in whole numbers and
// to the same bytes, where that pays: which way is taken follows from the geometry, the
// kernel row, the number of images and the weights, see qwinograd.go.
//
// lowering.go lists the ways to compute a pass. A Layout's row stride lets layers read and
// write windows of wider rows, so that concatenation costs nothing.
//
// reference.go holds the same operations written plainly, by im2col and matrix
// product and as direct loops; every plan is tested against them. Layers with
// parameters and activations over whole models are package model's.
package conv
