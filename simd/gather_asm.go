//go:build (amd64 || arm64) && !purego

package simd

// gatherKernel: dst = start plus the terms of each group, see QGather; dst may be start.
type gatherKernel func(dst, start, src, index, terms *int32, groups int)

// gatherWith hands the groups of a QGather to a kernel, as many at a time as a call may take.
func gatherWith(kernel gatherKernel) func(g *QGather, dst, start, src []int32) {
	return func(g *QGather, dst, start, src []int32) {
		g.check(dst, start, src)
		index := g.index
		for from := 0; from < len(g.terms); {
			to, work := from, 0
			for to < len(g.terms) && (to == from || work+int(g.terms[to]) <= maxGathers) {
				work += int(g.terms[to])
				to++
			}
			at := from * gatherLanes
			switch {
			case work == 0: // index and src may be empty
				copy(dst[at:to*gatherLanes], start[at:])
			case work > maxGathers:
				kernel.long(dst[at:], start[at:], src, index, work)
			default:
				kernel(&dst[at], &start[at], &src[0], &index[0], &g.terms[from], to-from)
			}
			index, from = index[work*gatherLanes:], to
		}
	}
}

// long adds the terms of one group in several calls.
func (kernel gatherKernel) long(dst, start, src, index []int32, terms int) {
	for terms > 0 {
		n := int32(min(terms, maxGathers))
		kernel(&dst[0], &start[0], &src[0], &index[0], &n, 1)
		start, index, terms = dst, index[int(n)*gatherLanes:], terms-int(n)
	}
}
