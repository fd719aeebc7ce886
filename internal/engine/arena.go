package engine

import (
	"cmp"
	"slices"
)

// Buffer is the memory of a value in an arena. It is in use from step First to step Last.
type Buffer struct {
	Size        int // elements
	First, Last int

	At int // set by Place
}

// align rounds a number of elements up to whole cache lines of float32.
func align(n int) int { return (n + 15) &^ 15 }

// meets tells whether two buffers are in use at the same time.
func (b *Buffer) meets(o *Buffer) bool { return b.First <= o.Last && o.First <= b.Last }

// Place sets At of each buffer so that buffers in use at the same time do not overlap, and returns
// the arena's length in elements.
//
// In a chain only neighbors overlap in time. Place then finds the least length by putting buffers
// alternately at the bottom and at the top. Otherwise it takes the better of two greedy orders, by
// time and by size.
func Place(buffers []*Buffer) int {
	if n, ok := alternate(buffers); ok {
		return n
	}
	first := slices.Clone(buffers)
	slices.SortStableFunc(first, func(a, b *Buffer) int { return cmp.Compare(a.First, b.First) })
	size := slices.Clone(buffers)
	slices.SortStableFunc(size, func(a, b *Buffer) int { return cmp.Compare(b.Size, a.Size) })
	if n := lowest(size); n <= lowest(first) {
		return lowest(size)
	}
	return lowest(first)
}

// alternate places a chain: buffers in the order of their use, of which only neighbors overlap in
// time.
func alternate(buffers []*Buffer) (total int, ok bool) {
	for i, b := range buffers {
		total = max(total, align(b.Size))
		for j, o := range buffers[:i] {
			if b.First < o.First || b.meets(o) && j < i-1 {
				return 0, false
			}
		}
		if i > 0 {
			total = max(total, align(b.Size)+align(buffers[i-1].Size))
		}
	}
	for i, b := range buffers {
		b.At = 0
		if i%2 == 1 {
			b.At = total - align(b.Size)
		}
	}
	return total, true
}

// lowest places buffers in the given order, each at the lowest place that is free while it is used.
func lowest(buffers []*Buffer) (total int) {
	var placed []*Buffer // by place
	for _, b := range buffers {
		b.At = 0
		for _, o := range placed {
			if b.meets(o) && b.At < o.At+align(o.Size) && o.At < b.At+align(b.Size) {
				b.At = o.At + align(o.Size)
			}
		}
		total = max(total, b.At+align(b.Size))
		i, _ := slices.BinarySearchFunc(placed, b, func(a, b *Buffer) int { return cmp.Compare(a.At, b.At) })
		placed = slices.Insert(placed, i, b)
	}
	return total
}

// Concatenate places buffers one after another, without sharing, and returns the arena's length.
func Concatenate(buffers []*Buffer) (total int) {
	for _, b := range buffers {
		b.At = total
		total += align(b.Size)
	}
	return total
}
