// Package simd holds the float32 and int8 kernels that everything above leans on: one table, one
// row (a [Kernels]) for each instruction set, each row with the same functions. Callers take a row
// from [Best], [Lookup] or [Variants] and call its functions; no other code looks at the CPU.
//
// The row "scalar" is plain Go, runs everywhere and is the reference for all others. Where there is
// no assembly, on 32-bit ARM, and with -tags purego, the row "go" is beside it: plain Go too, but
// arranged for the compiler.
//
// # Numbers
//
// Every function but Sum and Dot states its steps in order. Rows with FMA false round each product
// before it is added; rows with FMA true fuse the products that the comment writes as fma(x, y, z).
// All rows of one kind give the same bits, in any body or tail, on any machine; between the two
// kinds results differ by rounding only. Sum and Dot may add in any order. GEMM and Transform of a
// row with Flush take subnormal numbers for zero.
//
// The int8 functions (an [Int8] in each row) give the same bytes on all rows, and so do those on
// 16-bit integers that some rows have beside them (an [Int16]). What the operands of int8 functions
// look like in memory is the row's own matter, behind Pack and Stage.
//
// # Slices
//
// Lengths must agree as each comment says; otherwise the function panics before it writes. A dst or
// dx may be the very same slice as an input of its length, unless the comment says otherwise. No
// other slices may overlap where one of them is written.
//
// Geometry, packing and threads are no matter of this package: see conv.
package simd

// Here, and not in files of one architecture, so that go generate finds them on any machine.
//go:generate go -C ../asm run ./arm64 ../simd
//go:generate go -C ../asm run ./arm ../simd
