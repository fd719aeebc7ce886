package conv

// Layout describes N images in position-major memory: element (y, x, n, c) is at (y*W+x)*Stride +
// n*Row + c. All images of a position lie together, so a kernel tap moves every row of a tile by
// the same distance. One image is plain (H, W, C).
//
// Row is at least C, and Stride at least (N-1)*Row + C. A Layout may be a window into a larger
// one: it has the same Row and Stride and fewer images or channels, and its buffer begins at
// n0*Row + c0 of the larger buffer. Layers that write windows of one Layout concatenate their
// channels in it.
//
// A flat vector of features is any Layout with H*W*C = features, in (H, W, C) order.
type Layout struct{ H, W, C, N, Row, Stride int }

// padLines is what NewLayout adds between positions, in cache lines. Positions a
// power of two apart would all fall on the same few cache sets: the weight
// gradient drops to a third of its speed there. An odd number of lines spreads
// 49 positions over the 2048 sets of a common L2.
const padLines = 41

// NewLayout returns the Layout of n images of h x w x c with rows of c. The stride is n*c, or
// slightly more if positions would otherwise be a large multiple of 4096 bytes apart.
func NewLayout(h, w, c, n int) Layout {
	m := Layout{H: h, W: w, C: c, N: n, Row: c, Stride: n * c}
	if bytes := 4 * m.Stride; bytes >= 32<<10 && bytes%4096 == 0 {
		m.Stride += padLines * 16
	}
	return m
}

// Positions returns H*W.
func (m Layout) Positions() int { return m.H * m.W }

// Len returns the number of elements in a buffer of this Layout.
func (m Layout) Len() int {
	if m.Positions() == 0 || m.N == 0 {
		return 0
	}
	return (m.Positions()-1)*m.Stride + m.span(m.N)
}

// span is how many floats of a position its first n images take, n at least 1.
func (m Layout) span(n int) int { return (n-1)*m.Row + m.C }

// dense says that images of a position lie side by side.
func (m Layout) dense() bool { return m.Row == m.C }

// Import copies images in (N, H, W, C) order from src to dst, which has the Layout m.
func (m Layout) Import(dst, src []float32) {
	if m.N == 1 && m.Stride == m.C {
		copy(dst[:m.Len()], src)
		return
	}
	const block = 16 // images whose cache lines the first level holds while positions go by
	each := m.Positions() * m.C
	for n0 := 0; n0 < m.N; n0 += block {
		count := min(block, m.N-n0)
		for p := range m.Positions() {
			row, from := dst[p*m.Stride+n0*m.Row:][:m.span(count)], src[n0*each+p*m.C:]
			if m.Row == 1 {
				for n := range row {
					row[n] = from[n*each]
				}
				continue
			}
			for n := range count {
				copy(row[n*m.Row:][:m.C], from[n*each:])
			}
		}
	}
}

// Export copies images from src, which has the Layout m, to dst in (N, H, W, C) order.
func (m Layout) Export(dst, src []float32) {
	if m.N == 1 && m.Stride == m.C {
		copy(dst[:m.Len()], src)
		return
	}
	const block = 4096 // floats of as many positions as the first level of cache holds while images go by
	most, each := max(block/m.Stride, 1), m.Positions()*m.C
	for p0 := 0; p0 < m.Positions(); p0 += most {
		from := src[p0*m.Stride:]
		count := min(most, m.Positions()-p0)
		for n := range m.N {
			m.export(dst[n*each+p0*m.C:][:count*m.C], from[n*m.Row:])
		}
	}
}

// export writes some positions of one image.
func (m Layout) export(dst, src []float32) {
	if m.C >= 8 {
		for p := 0; p < len(dst)/m.C; p++ {
			copy(dst[p*m.C:][:m.C], src[p*m.Stride:])
		}
		return
	}
	for c := range m.C {
		from := src[c:]
		for p, i := 0, c; i < len(dst); p, i = p+m.Stride, i+m.C {
			dst[i] = from[p]
		}
	}
}
