//go:build (amd64 || arm64 || arm) && !purego

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
	n := int(maxGroups / most)
	if n >= 4 {
		n &^= 3 // neighbors stay together
	}
	for from := g.From; from < g.To; {
		n := g.takes(q.tiles[from:min(g.To, from+max(1, n))])
		if t := &q.tiles[from]; n == 0 || most > 2*maxGroups && uintptr(t.Taps)*b.groups > 2*maxGroups {
			g.alone(&b, t, f)
			n = 1
		} else {
			b.call(f, t, n)
		}
		from += n
	}
}

// alone computes one tile by way of a buffer of all its sums: in several calls if it is long.
func (g *QGEMM) alone(b *qgemmBlock, t *QTile, f form) {
	k := g.Tiles.k
	rows, runA, runC := g.rows(t)
	var sums [maxSums]int32
	for r := range rows {
		_, c := t.row(r, rows, runA, runC)
		g.start(sums[r*k.NR:][:k.NR], t, c)
	}
	part := *b
	part.c = first(sums[:])
	p := *t
	p.C, p.LDC, p.CRun, p.Cols = 0, int32(k.NR), int32((rows+1)/2*k.NR), int32(k.NR)
	p.Rows, p.ARun, p.Start, p.Requantize = int32(rows), int32(runA), StartC, false
	if uintptr(t.Taps)*b.groups <= 2*maxGroups {
		part.call(f, &p, 1)
	} else {
		p.Tap, p.Taps = 0, 1
		var tap Tap
		part.taps = unsafe.Pointer(&tap)
		for _, whole := range g.Tiles.taps[t.Tap:][:t.Taps] {
			for at := uintptr(0); at < b.groups; at += maxGroups {
				n := int(at) * k.Group
				tap = Tap{whole.A + n, whole.B + n*k.NR}
				part.groups = min(b.groups-at, maxGroups)
				part.call(f, &p, 1)
			}
		}
	}
	for r := range rows {
		_, c := t.row(r, rows, runA, runC)
		g.finish(sums[r*k.NR:][:k.NR], t, r, c)
	}
}
