// Package listing holds what the generators' tests share: WORDs with the instruction beside them,
// read by a disassembler.
package listing
