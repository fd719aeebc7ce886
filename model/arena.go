package model

// buffer is a place in an arena.
type buffer struct{ at, n int }

// of returns the buffer's floats.
func (b buffer) of(arena []float32) []float32 { return arena[b.at:][:b.n:b.n] }

// align rounds a number of floats up to whole cache lines.
func align(n int) int { return (n + 15) &^ 15 }

// chain places buffers of which only neighbours are in use at the same time,
// by turns at the bottom and at the top. It returns the arena's length.
func chain(sizes []int) (places []buffer, total int) {
	for i, n := range sizes {
		total = max(total, align(n))
		if i > 0 {
			total = max(total, align(n)+align(sizes[i-1]))
		}
	}
	for i, n := range sizes {
		b := buffer{n: n}
		if i%2 == 1 {
			b.at = total - align(n)
		}
		places = append(places, b)
	}
	return places, total
}

// row places buffers one after another.
func row(sizes []int) (places []buffer, total int) {
	for _, n := range sizes {
		places = append(places, buffer{total, n})
		total += align(n)
	}
	return places, total
}
