//go:build (amd64 || arm64) && !purego

package simd

import "unsafe"

// What stands between int8 lists of tiles and the assembly, for every instruction set.

func qgemmWith(g *QGEMM, f form) {
	if !g.check(f) {
		return
	}
	q := g.Tiles
	var b qgemmBlock
	b.a, b.b, b.s, b.c, b.q, b.scale = first(g.A), first(g.B), first(g.S), first(g.C), first(g.Q), first(g.Scale)
	b.taps = first(q.taps)
	b.groups, b.rows = uintptr(q.k.depthOf(q.depth)/q.k.Group), uintptr(g.Rows)
	b.constants(g)
	most := q.most*b.groups + 8 // what a tile takes besides
	n := int(maxWork / most)
	if n >= 4 {
		n &^= 3 // neighbours stay together
	}
	for from := g.From; from < g.To; {
		to := min(g.To, from+max(1, n))
		if most > 2*maxWork && uintptr(q.tiles[from].Taps)*b.groups > 2*maxWork {
			g.long(&b, &q.tiles[from], f)
		} else {
			b.call(f, &q.tiles[from], to-from)
		}
		from = to
	}
}

// long computes one tile in several calls, with its sums in between.
func (g *QGEMM) long(b *qgemmBlock, t *QTile, f form) {
	k := g.Tiles.k
	rows, runA, runC := g.rows(t)
	var sums [maxSums]int32
	h := (rows + 1) / 2
	row := func(r int) (in, at int) { // of C, of sums
		if r < h {
			return int(t.C) + r*int(t.LDC), r * k.NR
		}
		return int(t.C) + runC + (r-h)*int(t.LDC), r * k.NR
	}
	for r := range rows {
		in, at := row(r)
		switch t.Start {
		case StartBias:
			copy(sums[at:][:t.Cols], g.S[t.S:])
		case StartC:
			copy(sums[at:][:t.Cols], g.C[in:])
		case StartRows:
			copy(sums[at:][:t.Cols], g.S[in-int(t.C)+int(t.S):])
		}
	}
	part := *b
	part.c = first(sums[:])
	p := *t
	p.C, p.LDC, p.CRun = 0, int32(k.NR), int32(h*k.NR)
	p.Rows, p.ARun, p.Start, p.Requantise = int32(rows), int32(runA), StartC, false
	p.Tap, p.Taps = 0, 1
	var tap Tap
	part.taps = unsafe.Pointer(&tap)
	for _, whole := range g.Tiles.taps[t.Tap:][:t.Taps] {
		for at := uintptr(0); at < b.groups; at += maxWork {
			n := int(at) * k.Group
			tap = Tap{whole.A + n, whole.B + n*k.NR}
			part.groups = min(b.groups-at, maxWork)
			part.call(f, &p, 1)
		}
	}
	if t.Requantise {
		p.Taps, p.Requantise = 0, true
		part.call(f, &p, 1)
		return
	}
	for r := range rows {
		in, at := row(r)
		copy(g.C[in:][:t.Cols], sums[at:])
	}
}

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
