//go:build (amd64 || arm64) && !purego

package simd

import (
	"slices"
	"testing"
	"unsafe"
)

// TestGatherPieces: no call into assembly adds more terms than maxGathers, whatever the sums are.
func TestGatherPieces(t *testing.T) {
	calls := 0
	counted := gatherWith(func(dst, start, src, index, terms *int32, groups int) {
		calls++
		work := 0
		for _, n := range unsafe.Slice(terms, groups) {
			work += int(n)
		}
		if work > maxGathers {
			t.Errorf("a call of %d groups adds %d terms, want at most %d", groups, work, maxGathers)
		}
		part := &QGather{index: unsafe.Slice(index, work*gatherLanes), terms: unsafe.Slice(terms, groups), n: groups * gatherLanes}
		const all = 1000
		gatherScalar(part, unsafe.Slice(dst, part.n), unsafe.Slice(start, part.n), unsafe.Slice(src, all))
	})
	for _, outputs := range []int{1, 17, 63 * 63} {
		for _, terms := range []int{0, 1, 9, maxGathers, maxGathers + 1, 3*maxGathers + 5} {
			if outputs*terms > 1<<20 {
				continue
			}
			var start, list []int32
			for o := range outputs + 1 {
				start = append(start, int32(o*terms))
			}
			for i := range outputs * terms {
				list = append(list, int32(i%999)+1)
			}
			g := NewQGather(start, list, 0)
			src, first := make([]int32, 1000), make([]int32, g.Len())
			for i := range src {
				src[i] = int32(i * i)
			}
			for i := range first {
				first[i] = int32(i)
			}
			want, got := make([]int32, g.Len()), make([]int32, g.Len())
			gatherScalar(g, want, first, src)
			counted(g, got, first, src)
			if !slices.Equal(got, want) {
				t.Errorf("%d outputs of %d terms: wrong sums", outputs, terms)
			}
			for _, k := range Variants() {
				if k.Int8.Gather == nil {
					continue
				}
				clear(got)
				if k.Int8.Gather(g, got, first, src); !slices.Equal(got, want) {
					t.Errorf("%s, %d outputs of %d terms: wrong sums", k.Name, outputs, terms)
				}
			}
		}
	}
	if calls == 0 {
		t.Error("nothing was called")
	}
}
