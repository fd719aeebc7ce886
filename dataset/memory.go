package dataset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gantiny/gantiny/internal/freeram"
)

// ErrMemory is what the errors of a set wrap that does not fit the memory it may take; they say how
// much is needed.
var ErrMemory = errors.New("needs more memory")

const (
	decodingShare = 1 << 30 // bytes that pictures in decoding take together, unless MaxRAM says otherwise

	// A file that shrank to less than a 64th is rather made to fill memory than a picture: it may
	// take 256 MiB, unless MaxRAM says otherwise.
	usualRatio = 64
	bombShare  = 256 << 20
)

// memoryLimit is how many bytes loading may take: what was asked for, or three quarters of what is
// available.
func memoryLimit(asked int64) int64 {
	if asked == 0 {
		return freeram.Share()
	}
	return min(asked, math.MaxInt)
}

// share is how much of limit bytes a file of size bytes may take that becomes need bytes.
func (l *loader) share(limit, need, size int64) int64 {
	if l.o.MaxRAM == 0 && need/usualRatio > size {
		return min(limit, bombShare)
	}
	return limit
}

// exceeds is the error of what, which needs need bytes and may take limit.
func exceeds(what string, need, limit int64) error {
	return fmt.Errorf("dataset: %s: %w: %s", what, ErrMemory, needsText(need, limit))
}

// needsText writes the sizes, so that as much as it says is enough.
func needsText(need, limit int64) string {
	unit, name := int64(1<<20), "MiB"
	if need < 10<<20 {
		unit, name = 1<<10, "KiB"
	}
	return fmt.Sprintf("%d %s, and may take %d %s", (need+unit-1)/unit, name, limit/unit, name)
}

// budget is memory that several goroutines take from.
type budget struct {
	total int64
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed and made anew when memory comes back
}

func newBudget(total int64) *budget {
	return &budget{total: total, free: total, freed: make(chan struct{})}
}

// take waits for n bytes, at most the budget's total, or until ctx ends.
func (b *budget) take(ctx context.Context, n int64) error {
	for {
		b.mu.Lock()
		if n <= b.free {
			b.free -= n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.freed)
	b.freed = make(chan struct{})
}
