// Command arm64 writes the arm64 assembly of package simd, its Go stubs and the argument blocks
// that the two share.
//
// As with the amd64 generators beside it there is one function an operation, and what a kernel must
// compute is said by the scalar reference in package simd. The code is printed as text.
// Instructions that Go's assembler does not know are written as WORDs from the table in words.go,
// with the mnemonic as a comment; a test gives every WORD of the generated files to a disassembler
// and compares. The output is the same byte for byte every time.
package main
