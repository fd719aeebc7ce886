// Package safetensors reads and writes .safetensors files: named tensors and a
// map of strings, in a JSON header of known length followed by little-endian
// data. The format is that of github.com/huggingface/safetensors.
//
// A reader checks every length, offset and shape against the size of the file before it allocates
// anything, so a file from a stranger costs at most its own size. A file that Write wrote carries
// checksums in its metadata, so that one that a failing disk or card has changed is an error and no
// other picture. What the tensors mean is package model's business; how a file reaches the disk in
// one piece is that of internal/atomicfile.
package safetensors
