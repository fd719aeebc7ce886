package conv

// link says that input position in meets output position out through tap.
type link struct{ in, out, tap int32 }

// axis is one dimension of a convolution. On its small side (the output of a
// convolution, the input of a transposed one) position m meets, through tap k,
// position m*stride + k*dilation - pad of its large side.
type axis struct{ small, large, k, stride, dilation, pad int }

func (g Geometry) axes(outH, outW int) (y, x axis) {
	y = axis{outH, g.InH, g.KH, g.StrideH, g.DilationH, g.PadTop}
	x = axis{outW, g.InW, g.KW, g.StrideW, g.DilationW, g.PadLeft}
	if g.Transposed {
		y.small, y.large = y.large, y.small
		x.small, x.large = x.large, x.small
	}
	return y, x
}

// meets returns the small positions [lo, hi) that tap k joins to a large one,
// and the large position of lo.
func (a axis) meets(k int) (lo, hi, at int) {
	off := int64(k)*int64(a.dilation) - int64(a.pad) // the large position of small 0
	s := int64(a.stride)
	first, last := int64(0), int64(a.small)-1
	if off < 0 {
		first = (-off + s - 1) / s
	}
	if off > int64(a.large)-1 {
		return 0, 0, 0
	}
	last = min(last, (int64(a.large)-1-off)/s)
	if first > last {
		return 0, 0, 0
	}
	return int(first), int(last) + 1, int(first*s + off)
}

// links returns the number of links along the axis.
func (a axis) links() int64 {
	n := int64(0)
	for k := range a.k {
		lo, hi, _ := a.meets(k)
		n += int64(hi - lo)
	}
	return n
}

// countLinks is the number of a plan's links.
func (g Geometry) countLinks() int64 {
	h, w, _ := g.Out() // of a plan's geometry, which is valid
	if g.IsDense() {
		return int64(g.InH*g.InW) * int64(h*w)
	}
	y, x := g.axes(h, w)
	return y.links() * x.links()
}

// links lists all links of a valid geometry with h x w outputs, by tap and,
// within a tap, by small position, hence by input and by output position alike.
func (g Geometry) links(h, w int) []link {
	if g.IsDense() {
		in, out := g.InH*g.InW, h*w
		ls := make([]link, 0, in*out)
		for i := range in {
			for o := range out {
				ls = append(ls, link{int32(i), int32(o), int32(i*out + o)})
			}
		}
		return ls
	}
	ay, ax := g.axes(h, w)
	smallW, largeW := w, g.InW
	if g.Transposed {
		smallW, largeW = g.InW, w
	}
	ls := make([]link, 0, ay.links()*ax.links())
	for ky := range g.KH {
		y0, y1, ly0 := ay.meets(ky)
		for kx := range g.KW {
			x0, x1, lx0 := ax.meets(kx)
			for y := y0; y < y1; y++ {
				ly := ly0 + (y-y0)*ay.stride
				for x := x0; x < x1; x++ {
					lx := lx0 + (x-x0)*ax.stride
					l := link{in: int32(ly*largeW + lx), out: int32(y*smallW + x), tap: int32(ky*g.KW + kx)}
					if g.Transposed {
						l.in, l.out = l.out, l.in
					}
					ls = append(ls, l)
				}
			}
		}
	}
	return ls
}

// reversed returns the links with input and output exchanged.
func reversed(ls []link) []link {
	r := make([]link, len(ls))
	for i, l := range ls {
		r[i] = link{in: l.out, out: l.in, tap: l.tap}
	}
	return r
}

// byOut groups links by output position: those of position o are
// list[start[o]:start[o+1]], in the order they had, which is by tap.
func byOut(ls []link, outputs int) (list []link, start []int32) {
	start = make([]int32, outputs+1)
	for _, l := range ls {
		start[l.out+1]++
	}
	for o := range outputs {
		start[o+1] += start[o]
	}
	list = make([]link, len(ls))
	next := append([]int32(nil), start...)
	for _, l := range ls {
		list[next[l.out]] = l
		next[l.out]++
	}
	return list, start
}

// byColumn returns the links by kernel column and, within one, in the order that
// they had.
func byColumn(ls []link, g Geometry) []link {
	r := make([]link, 0, len(ls))
	start := byTap(ls, g.KH*g.KW)
	for kx := range g.KW {
		for ky := range g.KH {
			tap := ky*g.KW + kx
			r = append(r, ls[start[tap]:start[tap+1]]...)
		}
	}
	return r
}

// byTap returns where each tap's links start in a list that links made.
func byTap(ls []link, taps int) (start []int32) {
	start = make([]int32, taps+1)
	for _, l := range ls {
		start[l.tap+1]++
	}
	for k := range taps {
		start[k+1] += start[k]
	}
	return start
}
