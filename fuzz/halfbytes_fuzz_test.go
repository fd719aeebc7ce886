package fuzz

import (
	"errors"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// FuzzHalfBytes: weights that are packed into half bytes come out the same, and half bytes that are
// read can be written.
func FuzzHalfBytes(f *testing.F) {
	f.Add([]byte{0x58, 0xf7, 0x13}, 2, 2)
	f.Add([]byte{0x58, 0xf7, 0x10}, 2, 2)
	f.Add(make([]byte, quant.HalfBytesLen(33, 3)), 33, 3)
	f.Add([]byte{7, 249, 14, 0, 240}, 5, 1)
	f.Fuzz(func(t *testing.T, b []byte, rows, n int) {
		if rows < 0 || n < 1 || rows > 1<<10 || n > 1<<10 {
			return
		}
		q := make([]int8, rows*n)
		if err := quant.UnpackHalfBytes(q, n, b); err == nil {
			repack(t, q, n, len(q) > 0)
		} else if !errors.Is(err, quant.ErrHalfBytes) {
			t.Errorf("error %v", err)
		}
		bytes := make([]int8, len(b)/n*n)
		for i := range bytes {
			bytes[i] = int8(b[i])
		}
		repack(t, bytes, n, false)
	})
}

// repack packs weights, if they can be, as they must if so, and holds what is unpacked to them.
func repack(t *testing.T, q []int8, n int, must bool) {
	packed, ok := quant.PackHalfBytes(q, n)
	if !ok {
		if must {
			t.Errorf("%v cannot be packed, though they were", q)
		}
		return
	}
	got := make([]int8, len(q))
	if err := quant.UnpackHalfBytes(got, n, packed); err != nil || !slices.Equal(got, q) {
		t.Errorf("%v became %v, %v", q, got, err)
	}
}
