// Command asm writes the amd64 assembly of package simd, its Go stubs and the argument blocks that
// the two share.
//
// There is one generator an operation, parametrized by instruction set and tile; each writes one
// simd/*_amd64.s that holds the operation for every instruction set. What a kernel must compute is
// said by the scalar reference in package simd; bounds checks and every decision about shapes live
// there too. This is a module of its own, so that avo never reaches a user of the root module. Run
// it through go generate in simd; the output is the same byte for byte every time.
package main
