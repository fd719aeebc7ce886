// Package listing reads what a disassembler prints of kernels, and finds their inner loops.
package listing
