//go:build !linux

package simd

var fencedPages [][]float32
