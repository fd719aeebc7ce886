// Package safetensors reads and writes .safetensors files: named tensors and a
// map of strings, in a JSON header of known length followed by little-endian
// data. The format is that of github.com/huggingface/safetensors.
//
// A reader checks every length, offset and shape against the size of the file
// before it allocates anything, so a file from a stranger costs at most its own
// size. What the tensors mean is package model's business; how a file reaches
// the disk in one piece is that of internal/atomicfile.
package safetensors
