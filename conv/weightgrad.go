package conv

import (
	"slices"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// The weight gradient of a tap is a sum over its links and over the images of
// products (source channel x result channel). Both operands already have the
// contraction outermost, so nothing is transposed: a block of nb images of the
// broadcast side is packed as [row panel][position][image][rows] and of the
// vector side, a phase at a time, as [panel][position][image][NR]; each
// (tap, row panel, vector panel) is then one Outer over the tap's links.
//
// The block fixes the order of the sums. It depends on the geometry and the
// batch, not on the kernel row or on how tiles are shared out.
type weightPass struct {
	k        *simd.Kernels
	thin     *thinWeights // the other lowerings, or nil
	filtered filteredGrad
	groups   int
	swap     bool   // the input is the vector side, the output the broadcast side
	turned   bool   // sums are (tap, output channel, input channel), to be transposed in the end
	bc       Layout // broadcast side
	vec      Layout // vector side
	bcC      int    // channels of a group
	vecC     int

	index     weightIndex
	taps      int
	nb        int     // images of a block
	rows      []int   // of each row panel in a group
	rowAt     []int   // its first row
	bcPos     []int32 // positions of the broadcast side that meet anything
	vecPanels int     // of all groups
	phases    []phase
	idle      []int // taps without links
}

// phase is a set of taps that share vector positions and whose vector panels
// are packed together: the stride phases of a transposed convolution, or one
// position of a dense layer; one phase otherwise.
type phase struct {
	vecPos []int32
	taps   []phaseTap
}

// phaseTap holds a tap's links as offsets into the packed panels, for row
// panels of rows[0] rows and of one less. Where links follow each other on both
// sides, as along a line, whole blocks of images make one contraction of run of
// them: 7x7x256 -> 128 has some 5 for a tap in place of 34.
type phaseTap struct {
	tap   int
	links [2][]simd.Tap
	run   int
	runs  [2][]simd.Tap
}

// Sizes of a block: the smaller of the packed sides is to stay in the second
// cache while the other one passes. Measured on 256 images, 7x7x256 -> 128: 32
// images 92.6% of peak, 16 90.4%, 64 90.5%.
const (
	blockFloats   = 440_000
	maxBlock      = 64
	maxBlockDense = 256
)

func newWeightPass(g Geometry, in, out Layout, links []link, k *simd.Kernels) weightPass {
	p := weightPass{k: k, groups: g.Groups, bc: in, vec: out, index: forwardWeights(g), taps: g.KH * g.KW}
	if g.IsDense() {
		p.taps = in.Positions() * out.Positions()
	}
	if t := newThinWeights(g, in, out, k); t != nil {
		p.thin = t
		return p
	}
	// One output channel: its gradients lie together by input channel, so the
	// input can be the vector side with the tile written in place.
	if g.OutC == 1 && (!g.IsDense() || out.Positions() == 1) {
		p.swap, p.bc, p.vec = true, out, in
		links = reversed(links)
	}
	var bcIndex []int
	bcIndex, p.bcPos = meeting(links, p.bc)
	p.nb = blockImages(g.IsDense(), len(p.bcPos)*p.bc.C, p.bc.N)
	if p.turns(g) {
		p.swap, p.turned, p.bc, p.vec = true, true, out, in
		links = reversed(links)
		bcIndex, p.bcPos = meeting(links, p.bc)
	}
	p.bcC, p.vecC = p.bc.C/p.groups, p.vec.C/p.groups
	p.rows = split(p.bcC, k.MR)
	p.rowAt = make([]int, len(p.rows)+1)
	for i, r := range p.rows {
		p.rowAt[i+1] = p.rowAt[i] + r
	}
	p.vecPanels = p.groups * ((p.vecC + k.NR - 1) / k.NR)
	p.addPhases(g, links, bcIndex)
	return p
}

// turns reports whether the input of a strided convolution should be the vector
// side, although the sums have to be transposed then: its rows are packed whole
// and a stride phase at a time, while the broadcast side, which stays in the
// cache, has a quarter of the positions. Which channels fill the panels' columns
// better counts, too. No sum's order depends on it.
func (p *weightPass) turns(g Geometry) bool {
	if p.swap || g.Transposed || g.IsDense() || g.StrideH*g.StrideW == 1 {
		return false
	}
	ci, co, nr := g.InC/g.Groups, g.OutC/g.Groups, p.k.NR
	return (ci+nr-1)/nr*nr*co <= (co+nr-1)/nr*nr*ci
}

// meeting lists the positions of the broadcast side that links have, in order,
// and where in the list each position is.
func meeting(links []link, bc Layout) (index []int, list []int32) {
	used := make([]bool, bc.Positions())
	for _, l := range links {
		used[l.in] = true
	}
	index = make([]int, len(used))
	for q, u := range used {
		if u {
			index[q] = len(list)
			list = append(list, int32(q))
		}
	}
	return index, list
}

// blockImages picks nb for a broadcast side of perImage floats.
func blockImages(dense bool, perImage, n int) int {
	nb := maxBlock
	if dense { // a vector panel is one position: long blocks spare C's loads and stores
		nb = maxBlockDense
	}
	for nb > 4 && nb*perImage > blockFloats {
		nb /= 2
	}
	return min(nb, n)
}

// addPhases groups the taps. The links' in is the broadcast position.
func (p *weightPass) addPhases(g Geometry, links []link, bcIndex []int) {
	vecLarge := g.Transposed != p.swap // the strided side is the vector side
	phaseOf := func(tap int) [2]int {
		switch {
		case g.IsDense() && p.swap:
			return [2]int{tap / p.bc.Positions()}
		case g.IsDense():
			return [2]int{tap % p.vec.Positions()}
		case vecLarge:
			return [2]int{mod(tap/g.KW*g.DilationH-g.PadTop, g.StrideH), mod(tap%g.KW*g.DilationW-g.PadLeft, g.StrideW)}
		}
		return [2]int{}
	}
	byPhase := map[[2]int]int{}
	start := byTap(links, p.taps)
	for tap := range p.taps {
		ls := links[start[tap]:start[tap+1]]
		if len(ls) == 0 {
			p.idle = append(p.idle, tap)
			continue
		}
		key := phaseOf(tap)
		i, ok := byPhase[key]
		if !ok {
			i = len(p.phases)
			byPhase[key] = i
			p.phases = append(p.phases, phase{})
		}
		ph := &p.phases[i]
		ph.taps = append(ph.taps, phaseTap{tap: tap})
		for _, l := range ls {
			ph.vecPos = append(ph.vecPos, l.out)
		}
	}
	for i := range p.phases {
		ph := &p.phases[i]
		slices.Sort(ph.vecPos)
		ph.vecPos = slices.Clip(slices.Compact(ph.vecPos))
		for j := range ph.taps {
			t := &ph.taps[j]
			ls := links[start[t.tap]:start[t.tap+1]]
			for less := range t.links {
				r := p.rows[0] - less
				if r != p.rows[len(p.rows)-1] && less == 1 {
					continue // all panels have rows[0] rows
				}
				t.links[less] = make([]simd.Tap, len(ls))
				for m, l := range ls {
					v, _ := slices.BinarySearch(ph.vecPos, l.out)
					t.links[less][m] = simd.Tap{A: bcIndex[l.in] * p.nb * r, B: v * p.nb * p.k.NR}
				}
				t.run, t.runs[less] = runsOf(t.links[less], p.nb*r, p.nb*p.k.NR)
			}
		}
	}
}

// runsOf cuts links into runs of equal length, as long as can be, in which both
// offsets go up by a step from link to link. It returns that length and where
// the runs begin.
func runsOf(links []simd.Tap, stepA, stepB int) (length int, runs []simd.Tap) {
	for i, begin := 1, 0; i <= len(links); i++ {
		if i < len(links) && links[i].A == links[i-1].A+stepA && links[i].B == links[i-1].B+stepB {
			continue
		}
		length, begin = gcd(length, i-begin), i
	}
	for i := 0; i < len(links); i += length {
		runs = append(runs, links[i])
	}
	return length, runs
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func mod(a, m int) int {
	if a %= m; a < 0 {
		a += m
	}
	return a
}

// bcLen and vecLen are the floats of the packed sides: all row panels, and the
// vector panels of a group in one phase.
func (p *weightPass) bcLen() int  { return p.bc.C * len(p.bcPos) * p.nb }
func (p *weightPass) vecLen() int { return p.vecPanels / p.groups * p.vecPanelLen() }

// vecPanelLen is the room for one packed vector panel.
func (p *weightPass) vecPanelLen() int {
	n := 0
	for i := range p.phases {
		n = max(n, len(p.phases[i].vecPos))
	}
	return n * p.nb * p.k.NR
}

func (p *weightPass) scratch() int {
	switch {
	case p.filtered != nil:
		return p.filtered.scratch()
	case p.thin != nil:
		return p.thin.scratch()
	}
	return p.bcLen() + p.vecLen()
}

// filteredGrad computes a weight gradient by minimal filtering, in two stages.
type filteredGrad interface {
	images() int
	sumsLen() int
	scratch() int
	run(ws *Workspace, sums, x, dy []float32, n int, add bool, part, parts int)
	finish(ws *Workspace, dw, sums []float32, part, parts int)
}

func (p *weightPass) sumsLen() int {
	switch {
	case p.filtered != nil:
		return p.filtered.sumsLen()
	case p.thin != nil:
		return p.thin.sumsLen()
	case p.turned:
		return p.taps * p.bcC * p.vec.C
	}
	return 0
}

// images is how many images make a block.
func (p *weightPass) images() int {
	switch {
	case p.filtered != nil:
		return p.filtered.images()
	case p.thin != nil:
		return p.thin.nb
	}
	return p.nb
}

// finish computes share part of parts of the second stage.
func (p *weightPass) finish(ws *Workspace, s Sums, part, parts int) {
	switch {
	case p.filtered != nil:
		p.filtered.finish(ws, s.DW, s.Room, part, parts)
	case p.thin != nil:
		p.thin.finish(s.DW, s.Room, part, parts)
	case p.turned:
		lo, hi := pool.Split(p.taps*p.groups, parts, part)
		for i := lo; i < hi; i++ {
			tap, grp := i/p.groups, i%p.groups
			p.k.Transpose(s.DW[p.index.base(tap)+grp*p.index.group:], p.index.k, s.Room[i*p.bcC*p.vecC:], p.vecC, p.bcC, p.vecC)
		}
	}
}

// run computes share part of parts. The shares are runs of tiles, ordered by
// group, row panel and vector panel.
func (p *weightPass) run(ws *Workspace, s Sums, x, dy []float32, n, part, parts int) {
	switch {
	case p.filtered != nil:
		p.filtered.run(ws, s.Room, x, dy, n, s.Add, part, parts)
		return
	case p.thin != nil:
		p.thin.run(ws, s, x, dy, n, part, parts)
		return
	}
	dw := s.DW
	if p.turned {
		dw = s.Room
	}
	lo, hi := pool.Split(p.vecPanels*len(p.rows), parts, part)
	if lo == hi {
		return
	}
	switch {
	case s.Add:
	case n == 0:
		for tap := range p.taps {
			p.zero(dw, tap, lo, hi)
		}
	default:
		for _, tap := range p.idle {
			p.zero(dw, tap, lo, hi)
		}
	}
	bcBuf, vecBuf := x, dy
	if p.swap {
		bcBuf, vecBuf = dy, x
	}
	packedBc, packedVec := ws.buf[:p.bcLen()], ws.buf[p.bcLen():][:p.vecLen()]
	for n0 := 0; n0 < n; n0 += p.nb {
		images := min(p.nb, n-n0)
		p.packBroadcast(packedBc, bcBuf[n0*p.bc.Row:], images, lo, hi)
		for i := range p.phases {
			ph := &p.phases[i]
			soon := p.sources(bcBuf, vecBuf, n0, n, i, (hi-lo)*len(ph.taps))
			for t := lo; t < hi; {
				from := t
				t = min(hi, p.groupEnd(t))
				p.packVectors(packedVec, vecBuf[n0*p.vec.Row:], from, t, ph.vecPos, images)
				p.tiles(ws, dw, packedBc, packedVec, ph, from, t, images, s.Add || n0 > 0, &soon)
			}
		}
	}
}

// each is how many vector panels a group has.
func (p *weightPass) each() int { return p.vecPanels / p.groups }

// groupEnd returns where the tiles of tile t's group end.
func (p *weightPass) groupEnd(t int) int {
	size := p.each() * len(p.rows)
	return (t/size + 1) * size
}

// at returns tile t's vector panel and its row panel in the group.
func (p *weightPass) at(t int) (v, r int) {
	row := t / p.each() // of all groups' row panels
	return row/len(p.rows)*p.each() + t%p.each(), row % len(p.rows)
}

// vectors returns which of their group's vector panels tiles [lo, hi) need.
func (p *weightPass) vectors(lo, hi int) (from, to int) {
	if lo/p.each() == (hi-1)/p.each() { // part of a single row panel
		return lo % p.each(), (hi-1)%p.each() + 1
	}
	return 0, p.each()
}

// vecPanel returns a vector panel's group, first channel in it and channels.
func (p *weightPass) vecPanel(v int) (grp, at, n int) {
	each := p.vecPanels / p.groups
	grp, at = v/each, v%each*p.k.NR
	return grp, at, min(p.k.NR, p.vecC-at)
}

// tile returns where a tile starts in dw and the distance of its rows.
func (p *weightPass) tile(tap, v, r int) (at, ld int) {
	grp, col, _ := p.vecPanel(v)
	if p.turned {
		return ((tap*p.groups+grp)*p.bcC+p.rowAt[r])*p.vecC + col, p.vecC
	}
	at = p.index.base(tap) + grp*p.index.group
	if p.swap {
		return at + col*p.index.k, p.index.k // one row; index.k is 1
	}
	return at + p.rowAt[r]*p.index.k + col*p.index.j, p.index.k
}

// zero clears a tap's share of dw.
func (p *weightPass) zero(dw []float32, tap, lo, hi int) {
	for t := lo; t < hi; t++ {
		v, r := p.at(t)
		_, _, n := p.vecPanel(v)
		at, ld := p.tile(tap, v, r)
		for i := range p.rows[r] {
			clear(dw[at+i*ld:][:n])
		}
	}
}

// tiles adds one block of a phase to its taps' tiles [lo, hi), all of one group.
// The vector panels stay in the second-level cache while row panel after row
// panel passes.
func (p *weightPass) tiles(ws *Workspace, dw, packedBc, packedVec []float32, ph *phase, lo, hi, images int, accumulate bool, soon *sources) {
	o, size := &ws.outer, p.vecPanelLen()
	from, _ := p.vectors(lo, hi)
	for t := lo; t < hi; t++ {
		v, r := p.at(t)
		grp, _, cols := p.vecPanel(v)
		rows := p.rows[r]
		*o = simd.Outer{
			A:    packedBc[(grp*p.bcC+p.rowAt[r])*len(p.bcPos)*p.nb:][:len(p.bcPos)*p.nb*rows],
			B:    packedVec[(t%p.each()-from)*size:][:size],
			Rows: rows, Cols: cols, K: images, LDA: rows, LDB: p.k.NR, Accumulate: accumulate,
		}
		for i := range ph.taps {
			tap := &ph.taps[i]
			at, ld := p.tile(tap.tap, v, r)
			o.C, o.LDC, o.Next = dw[at:], ld, nil
			o.K, o.Taps = images, tap.links[p.rows[0]-rows]
			if images == p.nb {
				o.K, o.Taps = tap.run*images, tap.runs[p.rows[0]-rows]
			}
			switch {
			case i+1 < len(ph.taps):
				at, _ = p.tile(ph.taps[i+1].tap, v, r)
				o.Next = dw[at:]
			case t+1 < hi:
				v, r := p.at(t + 1)
				at, _ = p.tile(ph.taps[0].tap, v, r)
				o.Next = dw[at:]
			}
			o.Ahead = soon.next()
			p.k.Outer(o)
		}
	}
}

// sources are what is packed after a phase. Its tiles fetch them into the
// second-level cache, a position a tile and as late as can be: conv 64 -> 128,
// 256 images, takes 27.7 ms on AVX-512 then, 28.5 without.
type sources struct {
	tiles int // that are left until then
	sides [2]source
}

// source is so many floats of each of some positions.
type source struct {
	buf       []float32
	positions []int32
	stride, n int
}

// sources returns what follows phase i of the block that starts at n0, of n images.
func (p *weightPass) sources(bcBuf, vecBuf []float32, n0, n, i, tiles int) sources {
	s := sources{tiles: tiles}
	i++
	if i == len(p.phases) {
		i, n0 = 0, n0+p.nb
		if n0 >= n {
			return s
		}
		s.sides[1] = source{bcBuf[n0*p.bc.Row:], p.bcPos, p.bc.Stride, p.bc.span(min(p.nb, n-n0))}
	}
	s.sides[0] = source{vecBuf[n0*p.vec.Row:], p.phases[i].vecPos, p.vec.Stride, p.vec.span(min(p.nb, n-n0))}
	return s
}

// next returns what the next tile should fetch, nil for nothing.
func (s *sources) next() []float32 {
	s.tiles--
	if s.tiles >= len(s.sides[0].positions)+len(s.sides[1].positions) {
		return nil
	}
	for i := range s.sides {
		if side := &s.sides[i]; len(side.positions) > 0 {
			q := int(side.positions[0])
			side.positions = side.positions[1:]
			return side.buf[q*side.stride:][:side.n]
		}
	}
	return nil
}

// packBroadcast packs the row panels that tiles [lo, hi) need, as
// [row panel][position][image][rows].
func (p *weightPass) packBroadcast(dst, src []float32, images, lo, hi int) {
	panel := len(p.bcPos) * p.nb // rows of a panel
	for i, q := range p.bcPos {
		from := src[int(q)*p.bc.Stride:]
		for row := lo / p.each(); row <= (hi-1)/p.each(); row++ {
			r := row % len(p.rows)
			at, w := row/len(p.rows)*p.bcC+p.rowAt[r], p.rows[r]
			p.k.CopyRows(dst[at*panel+i*p.nb*w:], w, from[at:], p.bc.Row, images, w)
		}
	}
}

// packVectors packs the vector panels that tiles [lo, hi) of one group need.
func (p *weightPass) packVectors(dst, src []float32, lo, hi int, positions []int32, images int) {
	first, end := p.vectors(lo, hi)
	grp := lo / p.each() / len(p.rows)
	for v := first; v < end; v++ {
		p.packVector(dst[(v-first)*p.vecPanelLen():], src, grp*p.each()+v, positions, images)
	}
}

// packVector packs one vector panel's positions as [position][image][NR].
func (p *weightPass) packVector(dst, src []float32, v int, positions []int32, images int) {
	grp, at, n := p.vecPanel(v)
	nr := p.k.NR
	for i, q := range positions {
		to := dst[i*p.nb*nr:]
		if n < nr {
			clear(to[:images*nr])
		}
		p.k.CopyRows(to, nr, src[int(q)*p.vec.Stride+grp*p.vecC+at:], p.vec.Row, images, n)
	}
}
