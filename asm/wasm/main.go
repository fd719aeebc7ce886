// Command wasm writes the WebAssembly module that package simd embeds where it runs in WebAssembly
// itself: simd/kernels.wasm, whose functions work on the Go program's own memory. There is one
// generator an operation, as in the command asm; what a kernel must compute is said by the scalar
// reference in package simd, which also checks bounds. The instructions are those of
// WebAssembly 2.0, with vectors of 128 bits.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/asm/internal/module"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("wasm: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: wasm DIR (where package simd lives)")
	}
	m := &module.Module{}
	for _, write := range []func(*module.Module){gemm, transforms, peak, stage, qgemm, gather, qpeak} {
		write(m)
	}
	if err := os.WriteFile(filepath.Join(os.Args[1], "kernels.wasm"), m.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
