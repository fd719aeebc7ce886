// Package dataset reads training images: MNIST's IDX files, plain or gzipped,
// folders of PNG and JPEG pictures, and the small set of real digits that is
// built in. It holds them as bytes, orders them anew for every epoch by a seed,
// and fills batches in the layout and range that the networks take.
//
// It knows nothing of networks or losses; that is package train's. Generating
// needs no data, so nothing below this package links it or the digits.
package dataset
