// Package npy reads and writes NumPy's .npy files: latents and images on their way from and to
// Python. It writes float32 numbers, little endian and in C order. It reads float32 and float64, of
// either byte order and in C or Fortran order, into float32; other element types are refused with a
// word on how to convert them. The format is that of NumPy's documentation, numpy.lib.format,
// versions 1 to 3.
package npy
