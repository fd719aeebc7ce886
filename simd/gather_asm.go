//go:build (amd64 || arm64) && !purego

package simd

// gatherWith hands the groups of a QGather to a kernel, as many at a time as a call may take.
func gatherWith(kernel func(dst, start, src, index, terms *int32, groups int)) func(g *QGather, dst, start, src []int32) {
	return func(g *QGather, dst, start, src []int32) {
		g.check(dst, start, src)
		index := g.index
		for from := 0; from < len(g.terms); {
			to, work := from, 0
			for to < len(g.terms) && (to == from || work < maxGathers) {
				work += int(g.terms[to])
				to++
			}
			if work == 0 { // index and src may be empty
				copy(dst[from*gatherLanes:to*gatherLanes], start[from*gatherLanes:])
			} else {
				kernel(&dst[from*gatherLanes], &start[from*gatherLanes], &src[0], &index[0], &g.terms[from], to-from)
			}
			index, from = index[work*gatherLanes:], to
		}
	}
}
