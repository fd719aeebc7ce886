// Package fmath holds elementary functions in float64 that give the same bits
// on every architecture: Exp, Expm1, Log, Log1p, Erf, Erfc, Tanh, Sigmoid and
// Softplus. Those of package math are assembly on some architectures and differ
// in their last bits, and Go's compilers may contract x*y+z to one operation
// with one rounding. Here every product that is added to something is converted
// to float64 first, which the language defines as a rounding of its own.
//
// What remains are additions, products, quotients and conversions, which IEEE
// 754 defines to the bit. Results are within 3 units in the last place of the true
// value (Erfc's within 6, which is 1.4e-15 of it), over the whole range and down
// to subnormal results; so rounding them to float32 gives the correctly rounded
// float32 in all but about one of 10^7 cases. A NaN gives the bits of math.NaN.
//
// The float32 functions that kernels work with live in package simd; they are
// faster and less precise.
package fmath
