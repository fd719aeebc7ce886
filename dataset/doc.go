// Package dataset reads training images: MNIST's IDX files, plain or gzipped, folders of pictures,
// and the small set of real digits that is built in. It holds them as bytes, orders them anew for
// every epoch by a seed, and fills batches in the layout and range that the networks take.
//
// It knows nothing of networks or losses; that is package train's. Generating needs no data, so
// nothing below this package links it or the digits.
//
// # Pictures
//
// PNG, JPEG, GIF (the first frame), WebP, BMP and TIFF are read from files with the usual
// extensions; what a file holds is decided by its first bytes. Others are left out, and
// Options.Note says how many of which extension. Links are followed; pipes, devices, links that
// lead nowhere and folders that may not be read are left out by name.
//
// Pictures are turned upright by their EXIF orientation, cropped to the centered square where they
// are resized (Catmull-Rom), laid on Options.Background where they are transparent, white by
// default, and turned gray by Rec. 601's luma. Of 16 bits a color the upper 8 are kept, rounded,
// after Options.White.
//
// With an even number of Options.Channels and no Background, sets keep alpha. Colors are then
// resized multiplied by alpha and stored without it; a pixel that cannot be seen at all is black,
// whatever its file says, also in IDX files.
//
// A picture that cannot be read makes Load fail once all others have been tried; the error lists
// all such pictures. Those are read, with a note, whose file is damaged but whose pixels are all
// there: PNG with wrong checksums of pixels, end or metadata, with surplus pixels, with a palette
// in a gray picture or without an end; JPEG with unknown segments, stray markers, padding or
// without an end. Not read are PNG with a wrong checksum in header, palette or transparency;
// pictures of which any pixels are missing, though other programs fill in gray; and what the
// decoders of Go's library and golang.org/x/image lack: JPEG with arithmetic coding, with 12 bits a
// sample or with sampling factors other than those of 4:4:4, 4:4:0, 4:2:2, 4:2:0, 4:1:1 and 4:1:0,
// animated WebP, BMP of 1, 4 or 16 bits a pixel.
//
// # Stacked pictures
//
// A stacked picture is three images of one channel, as red, green and blue: Stacked MNIST, of
// MNIST's digits. NewStackBatches chooses the images of each channel and Dataset.FillChannel fills
// batches from the set as it is, so that training takes no memory for the pictures; Dataset.Stacked
// makes a set of them.
//
// # What is no picture of a set
//
// A file called gantiny.png, which gantiny generate leaves behind, and the folder samples of a
// training run are not read, and neither is what Options.Exclude names. Other grids are pictures
// like any other: generated images are training data for some.
//
// # Where a set is looked for
//
// A folder holds a set if it has MNIST's IDX files (or one IDX file of images per split, as EMNIST
// has), pictures, or folders of pictures, which are classes. Where it has none, or its folders are
// called train and test, one folder below it is read: that which is named after Options.Split
// (train; test or val), or the only one with a set within three floors.
//
// # Memory
//
// Headers are read first. A file that is too small for what its header promises is refused before
// any memory is taken; all pictures that are being decoded at a time share one budget; and what
// does not fit Options.MaxRAM is refused with the size that would do.
//
// # The cache
//
// With Options.CacheDir, a set of pictures of 8 MiB and more is kept as it was converted, under the
// hash of the folder's path, the options, and every picture's path, size and time of change. A file
// of the cache is written whole or not at all and has a checksum: a damaged one is ignored and
// written again. The folder holds at most 2 GiB; the sets that were not used for longest go first.
// It may be deleted at any time. A set with pictures that changed within the last two seconds is
// not kept.
package dataset
