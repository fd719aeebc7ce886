// Package tiny holds a generator of handwritten digits for the smallest boards, in 8-bit integers,
// inside the program that imports it: 158 KB, and a thirteenth of the arithmetic of package digits,
// from which it learned. README.md beside it is its card: how it was made and how good it is. The
// same model in floats is the file float.safetensors.
package tiny
