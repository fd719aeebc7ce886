// Package npy reads and writes NumPy's .npy files of float32 numbers, little
// endian and in C order: latents and images on their way from and to Python.
// Other element types are refused with a word on how to convert them. The
// format is that of NumPy's documentation, numpy.lib.format, versions 1 to 3.
package npy
