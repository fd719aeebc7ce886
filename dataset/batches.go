package dataset

import (
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/rng"
)

// Cursor is a place in the endless sequence of batches that a seed stands for.
type Cursor struct {
	Seed  uint64 `json:"seed"`
	Epoch int    `json:"epoch"` // from 0
	Batch int    `json:"batch"` // within the epoch, from 0
}

// Batches deals out the images of a set in batches of one size. Each epoch has
// an order of its own, which depends on (seed, epoch) alone. What is left at
// the end of an epoch and fills no batch is left out: that is not always the
// same images, and every step costs and counts the same.
type Batches struct {
	at    Cursor
	size  int
	order []int32 // of epoch dealt
	dealt int

	channel int // of stacked pictures, see NewStackBatches
}

// NewBatches deals batches of size out of n images, beginning at the cursor.
func NewBatches(n, size int, at Cursor) (*Batches, error) {
	switch {
	case size < 1:
		return nil, fmt.Errorf("dataset: batches of %d", size)
	case n < size:
		return nil, fmt.Errorf("dataset: %d images, fewer than the %d of a batch", n, size)
	case n > math.MaxInt32:
		return nil, fmt.Errorf("dataset: %d images, more than %d", n, math.MaxInt32)
	case at.Epoch < 0 || at.Batch < 0 || at.Batch >= n/size:
		return nil, fmt.Errorf("dataset: cursor at epoch %d, batch %d: an epoch has %d batches", at.Epoch, at.Batch, n/size)
	}
	return &Batches{at: at, size: size, order: make([]int32, n), dealt: -1}, nil
}

// PerEpoch returns the number of batches in an epoch.
func (b *Batches) PerEpoch() int { return len(b.order) / b.size }

// Cursor returns the place of the batch that Next will return.
func (b *Batches) Cursor() Cursor { return b.at }

// Next returns the images of the next batch. They stand until the call after it.
func (b *Batches) Next() []int32 {
	if b.dealt != b.at.Epoch {
		key := rng.NewKey(b.at.Seed, rng.Shuffle).Sub(uint64(b.at.Epoch))
		if b.channel > 0 {
			key = key.Sub(uint64(b.channel))
		}
		rng.Perm(b.order, key)
		b.dealt = b.at.Epoch
	}
	batch := b.order[b.at.Batch*b.size:][:b.size:b.size]
	b.at.Batch++
	if b.at.Batch == b.PerEpoch() {
		b.at.Epoch++
		b.at.Batch = 0
	}
	return batch
}
