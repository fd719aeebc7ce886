// Package quantize turns a trained model.Model into a quantized.Model without any data: latents are as good a calibration set as
// there is for a generator.
//
// It folds BatchNorm into the weights, draws latents that no image of a seed is drawn from, and looks at every tensor between two
// layers. For each it tries all of package quant's observers and keeps the one after which the images, computed in floats that
// are rounded to the bytes' values, come nearest to the model's own. Then it tries equalisation between channels, weights
// clipped to the least squared error, corrections of the biases; each stays only if it brings the images nearer. Nothing of this
// package runs when images are drawn.
package quantize
