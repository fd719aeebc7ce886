// Package simd holds the float32 and int8 kernels on which the other packages are built. There is
// one table with one row (a [Kernels]) for each instruction set, and all rows have the same
// functions. Callers take a row from [Best], [Lookup] or [Variants] and call its functions; no
// other code looks at the CPU.
//
// The row "scalar" is plain Go. It runs everywhere and is the reference for all others. On
// machines without assembly, on 32-bit ARM, and with -tags purego there is also the row "go":
// plain Go too, but arranged for the compiler. In WebAssembly the kernels of the row "simd128" are a
// module of their own, which works on the Go program's memory.
//
// # Numbers
//
// Every function but Sum and Dot states its steps in order. Rows with FMA false round each product
// before it is added. Rows with FMA true fuse the products that the comment writes as fma(x, y,
// z). All rows of one kind give the same bits on every machine; results of the two kinds differ
// only by rounding. Sum and Dot may add in any order. In a row with Flush, GEMM and Transform
// treat subnormal numbers as zero.
//
// The int8 functions (an [Int8] in each row) give the same bytes on all rows. So do the functions
// on 16-bit integers that some rows also have (an [Int16]). Each row has its own layout for the
// operands of int8 functions; Pack and Stage produce it.
//
// # Slices
//
// Lengths must agree as each comment says; otherwise the function panics before it writes. A dst
// or dx may be the very same slice as an input of its length, unless the comment says otherwise.
// No other slices may overlap if one of them is written.
//
// Geometry, packing and threads are in package conv.
package simd

// Here, and not in files of one architecture, so that go generate finds them on any machine.
//go:generate go -C ../asm run ./arm64 ../simd
//go:generate go -C ../asm run ./arm ../simd
//go:generate go -C ../asm run ./wasm ../simd
