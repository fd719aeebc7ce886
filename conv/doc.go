// Package conv lowers convolutions, transposed convolutions and fully connected layers to the
// matrix tiles of package simd, forward and backward.
//
// A Geometry says which input position meets which output position through which kernel tap. A
// Plan turns a Geometry into lists of offsets into position-major memory (see Layout). Nothing
// outside the image is multiplied, and no im2col matrix is built: for each output position, the
// tile kernel walks the (source, tap) pairs that meet it and keeps the sums in registers. Forward
// and input-gradient passes, strided or transposed, differ only in these lists. Weight gradients
// contract the same pairs, grouped by tap.
//
// The sums of one output element always run in the same order: kernel column, kernel line,
// channel. The bits of a result therefore do not depend on how the work is cut between threads, on
// the batch that an image is part of, or on which kernel row with fused products computes it.
// Dense weights may be packed in half precision. They are widened, exactly, where they are used.
//
// Weights have the shape (KH, KW, Ci/Groups, Co) for both kinds of convolution:
//
//	convolution:            y[o] += x[o*stride + k*dilation - pad] * w[k]
//	transposed convolution: y[i*stride + k*dilation - pad] += x[i] * w[k]
//
// An int8 layer may also be computed by Winograd's algorithm, in integers and to the same bytes.
// Whether it is depends on the geometry, the kernel row, the number of images and the weights; see
// qwinograd.go.
//
// The ways to compute a pass are listed in lowering.go. Since a Layout has a row stride, layers
// can read and write windows of wider rows.
//
// The same operations are in reference.go in plain form, by im2col and matrix product and as
// direct loops. Every plan is tested against them. Layers with parameters, and activations over
// whole models, are in package model.
package conv
