// Package half converts between float32 and half precision (IEEE 754 binary16), in
// which files and packed weights may be kept. Widening is exact.
package half
