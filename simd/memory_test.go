package simd

import (
	"math"
	"testing"
)

// memory hands out slices that betray an access beyond their ends.
type memory interface {
	reset()
	slice(n int) []float32
	check(t *testing.T) // fails if a guard value has changed
}

// heap surrounds slices with guard values, offset elements off their natural alignment.
type heap struct {
	offset int
	guards [][]float32
}

const guardBits, guardLen = 0x7fa5a5a5, 40

func newGuard(g []float32) []float32 {
	for i := range g {
		g[i] = math.Float32frombits(guardBits)
	}
	return g
}

func (h *heap) reset() { h.guards = h.guards[:0] }

func (h *heap) slice(n int) []float32 {
	lo := guardLen + h.offset
	block := make([]float32, lo+n+guardLen)
	h.guards = append(h.guards, newGuard(block[:lo]), newGuard(block[lo+n:]))
	return block[lo : lo+n : lo+n]
}

func (h *heap) check(t *testing.T) { checkGuards(t, h.guards) }

func checkGuards(t *testing.T, guards [][]float32) {
	t.Helper()
	for i, g := range guards {
		for _, v := range asBits(g) {
			if v != guardBits {
				t.Errorf("wrote beyond slice %d", i/2)
				break
			}
		}
	}
}

// fence puts slices against a page that can neither be read nor written: their ends, or with head
// their starts.
type fence struct {
	head   bool
	used   int
	guards [][]float32
}

func (f *fence) reset() { f.used, f.guards = 0, f.guards[:0] }

func (f *fence) slice(n int) []float32 {
	page := fencedPages[f.used]
	f.used++
	if f.head {
		f.guards = append(f.guards, nil, newGuard(page[n:n+guardLen]))
		return page[:n:n]
	}
	at := len(page) - n
	f.guards = append(f.guards, newGuard(page[at-guardLen:at]), nil)
	return page[at:]
}

func (f *fence) check(t *testing.T) { checkGuards(t, f.guards) }

// memories lists the kinds of memory that this system offers.
func memories() map[string]memory {
	m := map[string]memory{"aligned": &heap{}, "off by 1": &heap{offset: 1}, "off by 3": &heap{offset: 3}}
	if len(fencedPages) > 0 {
		m["page end"], m["page start"] = &fence{}, &fence{head: true}
	}
	return m
}
