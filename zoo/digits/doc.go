// Package digits holds a generator of handwritten digits in the class that one asks for, in 8-bit
// integers, inside the program that imports it. README.md beside it is its card: how it was made
// and how good it is. The same model in floats is the file float.safetensors.
package digits
