// Command arm writes the 32-bit ARM assembly of package simd, its Go stubs and the argument blocks
// that the two share.
//
// It is the sibling of asm/arm64 and works as that does: one function an operation, code printed as
// text, instructions that Go's assembler does not know written as WORDs from the table in words.go
// with the mnemonic as a comment, and a test that gives every WORD to a disassembler. Go's
// assembler knows no vector instruction of this architecture at all, so that all of them are WORDs.
// The code is A32; registers q0 to q15 are the caller's to lose, R10 belongs to the runtime and R11
// to the linker.
package main
