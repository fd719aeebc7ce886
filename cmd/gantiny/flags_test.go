package main

import "testing"

func TestBatchOf(t *testing.T) {
	for _, c := range []struct {
		batch, numbers int
		asked          bool
		want           int // 0 for an error
	}{
		{64, 884, false, 64}, {64, 884, true, 64}, {64, 1 << 24, false, 16}, {64, 1 << 24, true, 0}, {16, 1 << 24, true, 16},
		{64, 1 << 28, false, 1}, {64, 1 << 30, false, 1}, {1, 1 << 30, true, 1}, {1 << 30, 884, true, 0}, {5, 0, true, 5},
	} {
		if got, err := batchOf(c.batch, c.numbers, c.asked); got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%d of %d numbers, asked %t: %d, %v, want %d", c.batch, c.numbers, c.asked, got, err, c.want)
		}
	}
}
