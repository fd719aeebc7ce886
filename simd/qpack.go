package simd

import (
	stdbytes "bytes"
	"encoding/binary"
	"unsafe"
)

// Pack writes one block of weights, w[c*sk+j*sj] for channel c < depth and column j < cols, cols at
// most NR, to dst, whose length is PackedLen(depth). What is beyond depth and cols is zero. The
// layout is [channel/Group][NR][Group].
func (k *Int8) Pack(dst, w []int8, sk, sj, depth, cols int) {
	if cols < 0 || cols > k.NR || len(dst) != k.PackedLen(depth) {
		panic("simd: Pack: block of the wrong size")
	}
	if sj == 1 && (k.Group == 4 || k.Group == 2) { // most of a model's weights on most machines
		for ; depth >= k.Group; depth -= k.Group {
			group := dst[:k.Group*k.NR]
			row := func(c int) []byte { return unsigned(w[c*sk:][:cols]) }
			if k.Group == 4 {
				interleave4(unsigned(group), row(0), row(1), row(2), row(3))
			} else {
				interleave2(unsigned(group), row(0), row(1))
			}
			clear(group[k.Group*cols:])
			dst = dst[len(group):]
			if depth > k.Group {
				w = w[k.Group*sk:]
			}
		}
		if depth == 0 {
			return
		}
	}
	clear(dst)
	for c := range depth {
		d, from := dst[c/k.Group*k.Group*k.NR+c%k.Group:], w[c*sk:]
		for j := range cols {
			d[j*k.Group] = from[j*sj]
		}
	}
}

// Every second byte, pair of bytes and four bytes of a word.
const (
	odd1 = 0x00ff00ff00ff00ff
	odd2 = 0x0000ffff0000ffff
	odd4 = 0x00000000ffffffff
)

// interleave4: dst[4j...] = a[j], b[j], c[j], d[j]. Eight at a time, 0.1 ns a byte for 0.5 one by
// one.
func interleave4(dst, a, b, c, d []byte) {
	le := binary.LittleEndian
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	for len(a) >= 8 {
		ab0, ab1 := zip1(le.Uint64(a), le.Uint64(b))
		cd0, cd1 := zip1(le.Uint64(c), le.Uint64(d))
		p0, p2 := zip2(ab0, cd0) // of columns 0 and 4, 2 and 6
		p1, p3 := zip2(ab1, cd1) // 1 and 5, 3 and 7
		to := dst[:32]
		le.PutUint64(to, p0&odd4|p1<<32)
		le.PutUint64(to[8:], p2&odd4|p3<<32)
		le.PutUint64(to[16:], p0>>32|p1&^odd4)
		le.PutUint64(to[24:], p2>>32|p3&^odd4)
		dst, a, b, c, d = dst[32:], a[8:], b[8:], c[8:], d[8:]
	}
	for j := range a {
		copy(dst[4*j:4*j+4], []byte{a[j], b[j], c[j], d[j]})
	}
}

// interleave2: dst[2j...] = a[j], b[j].
func interleave2(dst, a, b []byte) {
	le := binary.LittleEndian
	b = b[:len(a)]
	for len(a) >= 8 {
		even, odd := zip1(le.Uint64(a), le.Uint64(b))
		p0, p1 := zip2(even, odd) // of columns 0, 1, 4, 5 and 2, 3, 6, 7
		to := dst[:16]
		le.PutUint64(to, p0&odd4|p1<<32)
		le.PutUint64(to[8:], p0>>32|p1&^odd4)
		dst, a, b = dst[16:], a[8:], b[8:]
	}
	for j := range a {
		dst[2*j], dst[2*j+1] = a[j], b[j]
	}
}

// zip1 puts bytes 0, 2, 4, 6 of a and b side by side, and bytes 1, 3, 5, 7.
func zip1(a, b uint64) (even, odd uint64) { return a&odd1 | b&odd1<<8, a>>8&odd1 | b&^odd1 }

// zip2 is zip1 of pairs of bytes.
func zip2(a, b uint64) (even, odd uint64) { return a&odd2 | b&odd2<<16, a>>16&odd2 | b&^odd2 }

// IndexMin returns where the first -128 stands in w, -1 if there is none.
func IndexMin(w []int8) int { return stdbytes.IndexByte(unsigned(w), 0x80) }

// SmallWeights tells whether all of w are from -64 to 63: 7 bits.
func SmallWeights(w []int8) bool {
	const signs, halves = 0x8080808080808080, 0x4040404040404040
	u := unsigned(w)
	for ; len(u) >= 8; u = u[8:] {
		// Plus 64 they are 0 to 127. The sign is left out of the sum, where it would carry.
		v := binary.NativeEndian.Uint64(u)
		if ((v&^signs)+halves^v)&signs != 0 {
			return false
		}
	}
	for _, v := range u {
		if (v+64)&0x80 != 0 {
			return false
		}
	}
	return true
}

func unsigned(w []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
}
