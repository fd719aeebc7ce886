package simd

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// fencedPages are blocks of floats between two pages that can neither be read nor written.
var fencedPages = mapFenced(9, 1<<18)

func mapFenced(count, size int) (blocks [][]float32) {
	page := unix.Getpagesize()
	for range count {
		m, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			panic(err)
		}
		for _, wall := range [][]byte{m[:page], m[page+size:]} {
			if err := unix.Mprotect(wall, unix.PROT_NONE); err != nil {
				panic(err)
			}
		}
		blocks = append(blocks, unsafe.Slice((*float32)(unsafe.Pointer(&m[page])), size/4))
	}
	return blocks
}
