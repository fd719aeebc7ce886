package dataset

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

func batches(t *testing.T, n, size int, at Cursor) *Batches {
	t.Helper()
	b, err := NewBatches(n, size, at)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBatchesDealEveryImageOnce(t *testing.T) {
	for _, c := range [][2]int{{10, 5}, {10, 3}, {10, 10}, {1, 1}, {100, 7}} {
		n, size := c[0], c[1]
		b := batches(t, n, size, Cursor{Seed: 1})
		if b.PerEpoch() != n/size {
			t.Fatalf("%d batches of %d in %d", b.PerEpoch(), size, n)
		}
		for range 3 {
			var seen []int32
			for range b.PerEpoch() {
				seen = append(seen, b.Next()...)
			}
			slices.Sort(seen)
			if len(seen) != n/size*size || len(slices.Compact(seen)) != n/size*size || seen[0] < 0 || int(seen[len(seen)-1]) >= n {
				t.Fatalf("n %d, size %d: dealt %v", n, size, seen)
			}
		}
	}
}

func TestBatchesAreShuffled(t *testing.T) {
	deal := func(seed uint64, epoch int) []int32 {
		return slices.Clone(batches(t, 50, 50, Cursor{Seed: seed, Epoch: epoch}).Next())
	}
	sorted := deal(1, 0)
	slices.Sort(sorted)
	all := [][]int32{sorted, deal(1, 0), deal(1, 1), deal(2, 0), deal(1<<40+1, 0)}
	for i := range all {
		for j := range i {
			if slices.Equal(all[i], all[j]) {
				t.Errorf("orders %d and %d are the same", j, i)
			}
		}
	}
}

// Stopping anywhere and going on from the saved cursor deals the same batches.
func TestBatchesResume(t *testing.T) {
	const n, size, total = 23, 4, 17
	b := batches(t, n, size, Cursor{Seed: math.MaxUint64})
	var cursors []Cursor
	var want [][]int32
	for range total {
		cursors = append(cursors, b.Cursor())
		want = append(want, slices.Clone(b.Next()))
	}
	for i, at := range cursors {
		saved, err := json.Marshal(at)
		if err != nil {
			t.Fatal(err)
		}
		var read Cursor
		if err := json.Unmarshal(saved, &read); err != nil || read != at {
			t.Fatalf("%s came back as %+v, %v", saved, read, err)
		}
		b := batches(t, n, size, read)
		for j := i; j < total; j++ {
			if got := b.Next(); !slices.Equal(got, want[j]) {
				t.Fatalf("resumed at %d: batch %d is %v, want %v", i, j, got, want[j])
			}
		}
	}
}

func TestBatchesErrors(t *testing.T) {
	for _, c := range []struct {
		n, size int
		at      Cursor
	}{
		{10, 0, Cursor{}}, {10, 11, Cursor{}}, {0, 1, Cursor{}}, {10, 5, Cursor{Batch: 2}},
		{10, 5, Cursor{Batch: -1}}, {10, 5, Cursor{Epoch: -1}},
	} {
		if _, err := NewBatches(c.n, c.size, c.at); err == nil {
			t.Errorf("NewBatches(%d, %d, %+v) is no error", c.n, c.size, c.at)
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	b := batches(t, 100, 10, Cursor{})
	if n := alloctest.PerRun(func() {
		for range 20 { // two epochs
			b.Next()
		}
	}); n != 0 {
		t.Errorf("%d allocations in 20 batches", n)
	}
}
