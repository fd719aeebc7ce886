package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
)

// ErrMemory is what the errors of a set wrap that does not fit the memory it may take; they say how
// much is needed.
var ErrMemory = errors.New("needs more memory")

const (
	assumedMemory = 2 << 30 // bytes, where the system does not tell
	decodingShare = 1 << 30 // bytes that pictures in decoding take together, unless MaxRAM says otherwise

	// A file that shrank to less than a 64th is rather made to fill memory than a picture: it may take
	// 256 MiB, unless MaxRAM says otherwise.
	usualRatio = 64
	bombShare  = 256 << 20
)

// availableMemory is how many bytes this machine, or the container that the process runs in, could
// still give; 0 where the system does not tell.
func availableMemory(system fs.FS) int64 {
	var available int64
	if text, err := fs.ReadFile(system, "proc/meminfo"); err == nil {
		for line := range bytes.Lines(text) {
			if rest, ok := bytes.CutPrefix(line, []byte("MemAvailable:")); ok {
				var kilobytes int64
				if _, err := fmt.Sscan(string(rest), &kilobytes); err == nil {
					available = kilobytes << 10
				}
			}
		}
	}
	var limit, used int64
	read := func(path string, to *int64) bool {
		text, err := fs.ReadFile(system, path)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(text), to) // "max" is no number
		return err == nil
	}
	const group = "sys/fs/cgroup/memory."
	if read(group+"max", &limit) && read(group+"current", &used) && limit > used {
		if available == 0 || limit-used < available {
			available = limit - used
		}
	}
	return available
}

// memoryLimit is how many bytes loading may take: what was asked for, or three quarters of what is
// available.
func memoryLimit(asked int64) int64 {
	limit := asked
	if limit == 0 {
		if limit = availableMemory(os.DirFS("/")) / 4 * 3; limit == 0 {
			limit = assumedMemory
		}
	}
	return min(limit, math.MaxInt)
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
