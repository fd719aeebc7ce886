package conv

import (
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// bcLen and vecLen are the floats of the packed sides: all row panels, and the
// vector panels of a group in one phase.
func (p *directGrad) bcLen() int  { return p.bc.C * len(p.bcPos) * p.nb }
func (p *directGrad) vecLen() int { return p.vecPanels / p.groups * p.vecPanelLen() }

// vecPanelLen is the length of one packed vector panel.
func (p *directGrad) vecPanelLen() int {
	n := 0
	for i := range p.phases {
		n = max(n, len(p.phases[i].vecPos))
	}
	return n * p.nb * p.k.NR
}

func (p *directGrad) scratch() int { return p.bcLen() + p.vecLen() }

func (p *directGrad) sumsLen() int {
	if p.transposed {
		return p.taps * p.bcC * p.vec.C
	}
	return 0
}

func (p *directGrad) images() int { return p.nb }

// finish transposes one share of the sums where they need it.
func (p *directGrad) finish(_ *Workspace, s Sums, share, shares int) {
	if !p.transposed {
		return
	}
	lo, hi := pool.Split(p.taps*p.groups, shares, share)
	for i := lo; i < hi; i++ {
		tap, grp := i/p.groups, i%p.groups
		to := s.DW[p.index.base(tap)+grp*p.index.group:]
		p.k.Transpose(to, p.index.k, s.Workspace[i*p.bcC*p.vecC:], p.vecC, p.bcC, p.vecC)
	}
}

// run computes one share of the sums. The shares are runs of tiles, ordered by group, row
// panel and vector panel.
func (p *directGrad) run(ws *Workspace, s Sums, x, dy []float32, n, share, shares int) {
	dw := s.DW
	if p.transposed {
		dw = s.Workspace
	}
	lo, hi := pool.Split(p.vecPanels*len(p.rows), shares, share)
	if lo == hi {
		return
	}
	if !s.Add {
		p.clearIdle(dw, n, lo, hi)
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
			ahead := p.sources(bcBuf, vecBuf, n0, n, i, (hi-lo)*len(ph.taps))
			for t := lo; t < hi; {
				from := t
				t = min(hi, p.groupEnd(t))
				p.packVectors(packedVec, vecBuf[n0*p.vec.Row:], from, t, ph.vecPos, images)
				p.tiles(ws, dw, packedBc, packedVec, ph, from, t, images, s.Add || n0 > 0, &ahead)
			}
		}
	}
}

// each is how many vector panels a group has.
func (p *directGrad) each() int { return p.vecPanels / p.groups }

// groupEnd returns where the tiles of tile t's group end.
func (p *directGrad) groupEnd(t int) int {
	size := p.each() * len(p.rows)
	return (t/size + 1) * size
}

// at returns tile t's vector panel and its row panel in the group.
func (p *directGrad) at(t int) (v, r int) {
	row := t / p.each() // of all groups' row panels
	return row/len(p.rows)*p.each() + t%p.each(), row % len(p.rows)
}

// vectors returns which of their group's vector panels tiles [lo, hi) need.
func (p *directGrad) vectors(lo, hi int) (from, to int) {
	if lo/p.each() == (hi-1)/p.each() { // part of a single row panel
		return lo % p.each(), (hi-1)%p.each() + 1
	}
	return 0, p.each()
}

// vecPanel returns a vector panel's group, first channel in it and channels.
func (p *directGrad) vecPanel(v int) (grp, at, n int) {
	each := p.vecPanels / p.groups
	grp, at = v/each, v%each*p.k.NR
	return grp, at, min(p.k.NR, p.vecC-at)
}

// tile returns where a tile starts in dw and the distance of its rows.
func (p *directGrad) tile(tap, v, r int) (at, ld int) {
	grp, col, _ := p.vecPanel(v)
	if p.transposed {
		return ((tap*p.groups+grp)*p.bcC+p.rowAt[r])*p.vecC + col, p.vecC
	}
	at = p.index.base(tap) + grp*p.index.group
	if p.swap {
		return at + col*p.index.k, p.index.k // one row; index.k is 1
	}
	return at + p.rowAt[r]*p.index.k + col*p.index.j, p.index.k
}

// clearIdle clears tiles [lo, hi) of the taps that no image adds to.
func (p *directGrad) clearIdle(dw []float32, n, lo, hi int) {
	if n == 0 {
		for tap := range p.taps {
			p.clearTap(dw, tap, lo, hi)
		}
		return
	}
	for _, tap := range p.idle {
		p.clearTap(dw, tap, lo, hi)
	}
}

// clearTap clears tiles [lo, hi) of a tap.
func (p *directGrad) clearTap(dw []float32, tap, lo, hi int) {
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
func (p *directGrad) tiles(ws *Workspace, dw, packedBc, packedVec []float32, ph *phase, lo, hi, images int, accumulate bool, ahead *sources) {
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
			o.Ahead = ahead.next()
			p.k.Outer(o)
		}
	}
}

// sources are what is packed after a phase. The tiles of the phase fetch them into the
// second-level cache, one position in a tile and as late as possible: conv 64 -> 128 of
// 256 images takes 27.7 ms on AVX-512 with that, 28.5 without.
type sources struct {
	tiles int // left in the phase
	sides [2]source
}

// source is n floats of each of some positions.
type source struct {
	buf       []float32
	positions []int32
	stride, n int
}

// sources returns what follows phase i of the block that starts at n0, of n images.
func (p *directGrad) sources(bcBuf, vecBuf []float32, n0, n, i, tiles int) sources {
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
func (p *directGrad) packBroadcast(dst, src []float32, images, lo, hi int) {
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
func (p *directGrad) packVectors(dst, src []float32, lo, hi int, positions []int32, images int) {
	first, end := p.vectors(lo, hi)
	grp := lo / p.each() / len(p.rows)
	for v := first; v < end; v++ {
		p.packVector(dst[(v-first)*p.vecPanelLen():], src, grp*p.each()+v, positions, images)
	}
}

// packVector packs one vector panel's positions as [position][image][NR].
func (p *directGrad) packVector(dst, src []float32, v int, positions []int32, images int) {
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

// positionGrad computes the weight gradient of n images at position q of the vector side,
// whose values there alone vec holds.
func (p *directGrad) positionGrad(ws *Workspace, dw, bc, vec []float32, n, q int) {
	packedBc, packedVec := ws.buf[:p.bcLen()], ws.buf[p.bcLen():][:p.vecLen()]
	tiles := p.vecPanels * len(p.rows)
	for n0 := 0; n0 < n; n0 += p.nb {
		images := min(p.nb, n-n0)
		p.packBroadcast(packedBc, bc[n0*p.bc.Row:], images, 0, tiles)
		for t := 0; t < tiles; {
			from := t
			t = min(tiles, p.groupEnd(t))
			p.packVectors(packedVec, vec[n0*p.vec.Row:], from, t, firstPosition[:], images)
			p.tiles(ws, dw, packedBc, packedVec, &p.phases[q], from, t, images, n0 > 0, &sources{})
		}
	}
}

// firstPosition lists position 0 alone.
var firstPosition [1]int32
