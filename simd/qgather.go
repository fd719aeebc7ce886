package simd

// gatherLanes is how many outputs of a QGather go together, on all rows.
const gatherLanes = 16

// QGather says which elements of a source each output is the sum of, see Int8.Gather. It is
// immutable.
type QGather struct {
	index []int32 // [group of 16 outputs][term][output]
	terms []int32 // of each group
	n     int     // outputs, padded to whole groups
	end   int     // how long the source must be
}

// NewQGather lists sums: output i is that of the elements list[start[i]:start[i+1]] of the source,
// whose element zero must be 0 whenever Gather runs.
func NewQGather(start, list []int32, zero int32) *QGather {
	outputs := len(start) - 1
	groups := (outputs + gatherLanes - 1) / gatherLanes
	g := &QGather{terms: make([]int32, groups), n: groups * gatherLanes}
	all := 0
	for i := range groups {
		for o := i * gatherLanes; o < min((i+1)*gatherLanes, outputs); o++ {
			g.terms[i] = max(g.terms[i], start[o+1]-start[o])
		}
		all += int(g.terms[i]) * gatherLanes
	}
	g.index = make([]int32, all) // at once: to grow it would take twice the memory
	at := 0
	for i := range groups {
		for lane := range gatherLanes {
			var from []int32
			if o := i*gatherLanes + lane; o < outputs {
				from = list[start[o]:start[o+1]]
			}
			for t := range int(g.terms[i]) {
				v := zero
				if t < len(from) {
					v = from[t]
				}
				if v < 0 {
					panic("simd: QGather: negative index")
				}
				g.end = max(g.end, int(v)+1)
				g.index[at+t*gatherLanes+lane] = v
			}
		}
		at += int(g.terms[i]) * gatherLanes
	}
	return g
}

// Len is the number of outputs, padded to whole groups: the length of dst and start.
func (g *QGather) Len() int { return g.n }

// check panics unless the slices fit.
func (g *QGather) check(dst, start, src []int32) {
	if len(dst) != g.n || len(start) != g.n || len(src) < g.end {
		panic("simd: QGather: slices of the wrong length")
	}
}

func gatherScalar(g *QGather, dst, start, src []int32) {
	g.check(dst, start, src)
	index := g.index
	for i, terms := range g.terms {
		to := (*[gatherLanes]int32)(dst[i*gatherLanes:])
		*to = [gatherLanes]int32(start[i*gatherLanes:])
		for range terms {
			for lane, v := range (*[gatherLanes]int32)(index) {
				to[lane] += src[v]
			}
			index = index[gatherLanes:]
		}
	}
}
